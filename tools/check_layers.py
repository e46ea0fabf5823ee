#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every folder of src/ includes, and links, strictly lower layers only (layers.toml;
its tests may also include tests/support), that each folder of src/ has a layer, and that public
headers include public headers only."""

import re
import tomllib

from source_files import all_files, cpp_files, finish, read

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
LIBRARY = re.compile(r"minimax_library\(\s*(\w+)([^)]*)\)", re.DOTALL)
LINKED = re.compile(r"\bminimax::(\w+)")


class Layers:
    """The table of layers.toml."""

    def __init__(self, table):
        self.rank = {name: rank for rank, row in enumerate(table["order"]) for name in row}
        self.top = set(table["top"])
        self.public = table["public"]

    def of_header(self, header):
        """The layer that an included header belongs to; None where it is not ours."""
        folder = header.split("/")[0]
        if folder == "minimax":
            return self.public.get(header, self.public["default"])
        return folder if folder in self.rank or folder in self.top else None

    def may_use(self, user, used):
        """Whether code of layer `user` may use layer `used`."""
        if user == used or user in self.top:
            return True
        return used in self.rank and self.rank[used] < self.rank[user]


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_source(layers, path):
    """The complaints about the includes of one file under src/."""
    user = path.parts[1]
    if user not in layers.rank:
        return [f"{path}: folder src/{user} has no row in tools/layers.toml"]
    text = read(path)
    complaints = []
    for match in INCLUDE.finditer(text):
        if path.stem.endswith(("_test", "_fuzz")) and match[1].startswith("tests/support/"):
            continue
        used = layers.of_header(match[1])
        if used is not None and not layers.may_use(user, used):
            complaints.append(
                f"{path}:{line_of(text, match.start())}: layer {user} must not include "
                f'"{match[1]}" of layer {used}'
            )
    return complaints


def check_public(path):
    """The complaints about the includes of one file under include/minimax/."""
    text = read(path)
    return [
        f'{path}:{line_of(text, match.start())}: a public header must not include "{match[1]}"'
        for match in INCLUDE.finditer(text)
        if not match[1].startswith("minimax/")
    ]


def check_links(layers, path):
    """The complaints about the DEPS of the libraries that one CMakeLists.txt declares."""
    complaints = []
    for name, arguments in LIBRARY.findall(read(path)):
        for used in LINKED.findall(arguments):
            if used != name and not layers.may_use(name, used):
                complaints.append(f"{path}: library {name} must not link minimax::{used}")
    return complaints


def main():
    layers = Layers(tomllib.loads(read("tools/layers.toml")))
    complaints = []
    files = cpp_files()
    for path in files:
        if path.parts[0] == "src":
            complaints += check_source(layers, path)
        elif path.parts[:2] == ("include", "minimax"):
            complaints += check_public(path)
    lists = [path for path in all_files() if path.name == "CMakeLists.txt" and path.parts[0] == "src"]
    for path in lists:
        complaints += check_links(layers, path)
    finish("layers", complaints, len(files) + len(lists))


if __name__ == "__main__":
    main()
