#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that files, functions and nesting stay small. An exception is an entry of
allowed_sizes.toml with a reason; an entry that is no longer needed is a complaint too."""

import tomllib

import cpp_text
from source_files import all_files, cpp_files, finish, read

FILE_LINES = 600
FUNCTION_LINES = 60
KERNEL_LINES = 120  # functions of .cu and .cuh files
NESTING = 3


class Exceptions:
    """The entries of allowed_sizes.toml and which of them were used."""

    def __init__(self, table):
        self.entries = table.get("allow", [])
        self.used = set()

    def covers(self, path, function):
        """Whether an entry allows this function of this file (function None: the file itself)."""
        for index, entry in enumerate(self.entries):
            if entry["path"] == str(path) and entry.get("function") == function:
                self.used.add(index)
                return True
        return False

    def complaints(self):
        """What is wrong with the list itself."""
        for index, entry in enumerate(self.entries):
            name = f"{entry['path']} {entry.get('function', '')}".strip()
            if not entry.get("reason"):
                yield f"tools/allowed_sizes.toml: {name}: has no reason"
            if index not in self.used:
                yield f"tools/allowed_sizes.toml: {name}: is within the limits, remove the entry"


def function_complaints(path, exceptions):
    """The complaints about the functions of one C++ file."""
    limit = KERNEL_LINES if path.suffix in (".cu", ".cuh") else FUNCTION_LINES
    for function in cpp_text.functions(read(path)):
        where = f"{path}:{function.line}: {function.name}"
        too_long = function.lines > limit
        too_deep = function.nesting > NESTING
        if not (too_long or too_deep) or exceptions.covers(path, function.name):
            continue
        if too_long:
            yield f"{where}: {function.lines} lines, at most {limit} are allowed"
        if too_deep:
            yield f"{where}: {function.nesting} nested blocks, at most {NESTING} are allowed"


def main():
    exceptions = Exceptions(tomllib.loads(read("tools/allowed_sizes.toml")))
    sources = cpp_files()
    scripts = [path for path in all_files() if path.suffix in (".py", ".sh")]
    complaints = []
    for path in sources + scripts:
        lines = read(path).count("\n")
        if lines > FILE_LINES and not exceptions.covers(path, None):
            complaints.append(f"{path}: {lines} lines, at most {FILE_LINES} are allowed")
    for path in sources:
        complaints += function_complaints(path, exceptions)
    complaints += exceptions.complaints()
    finish("sizes", complaints, len(sources) + len(scripts))


if __name__ == "__main__":
    main()
