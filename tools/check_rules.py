#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of CONTRIBUTING.md that a pattern can decide: where preprocessor conditions,
function-like macros, environment variables and output are allowed, ASCII, #pragma once."""

import dataclasses
import re
from collections.abc import Callable

import cpp_text
from source_files import cpp_files, finish, read


def in_library(path):
    return path.parts[0] in ("src", "include") and not is_test(path)


def is_test(path):
    return re.search(r"_(?:test|fuzz|bench)\.(?:cc|cu|h)$", path.name) is not None


def may_ask_the_preprocessor(path):
    return path.parts[:2] == ("src", "base") or str(path) == "src/cpu/target_isa.h"


@dataclasses.dataclass
class Rule:
    """A pattern that must not occur in the files that `applies` selects."""

    pattern: str
    message: str
    applies: Callable = lambda path: True
    in_comments: bool = False


RULES = [
    Rule(
        r"^[ \t]*#[ \t]*(?:if|ifdef|ifndef|elif)\b",
        "preprocessor conditions belong in src/base and src/cpu/target_isa.h",
        lambda path: not may_ask_the_preprocessor(path),
        in_comments=True,
    ),
    Rule(
        r"^[ \t]*#[ \t]*define[ \t]+\w+\(",
        "no function-like macros",
        in_comments=True,
    ),
    Rule(r"\busing\s+namespace\b(?!\s+std::(?:\w+::)*\w*literals)", "no using namespace"),
    Rule(r"\b(?:secure_)?getenv\b", "environment variables are read in apps/ only", in_library),
    Rule(
        r"\bstd::(?:cout|cerr|clog|puts|printf|abort|exit|terminate)\b|\bfmt::print\b"
        r"|(?<![\w.>:])(?:printf|fprintf|puts|abort|exit|_exit)\s*\(",
        "the library never prints, exits or aborts",
        in_library,
    ),
    Rule(
        r"\bshared_ptr\b",
        "no shared_ptr outside of include/, src/grammar and what hands its grammars on",
        # A cache, requests and their answers share compiled grammars; any of them may be the last.
        lambda path: path.parts[0] == "src" and path.parts[1] != "grammar"
        and path.name != "structured_output.h",
    ),
    Rule(r"[^\x00-\x7f]", "ASCII only", in_comments=True),
    Rule(r"\b(?:TODO|FIXME|XXX)\b", "no notes to oneself", in_comments=True),
]


def complaints_of(path):
    """The complaints about one file."""
    text = read(path)
    code = cpp_text.code_only(text)
    for rule in RULES:
        if rule.applies(path):
            searched = text if rule.in_comments else code
            for match in re.finditer(rule.pattern, searched, re.MULTILINE):
                yield f"{path}:{searched.count(chr(10), 0, match.start()) + 1}: {rule.message}"
    if path.suffix in (".h", ".cuh") and "\n#pragma once\n" not in text:
        yield f"{path}: a header starts with #pragma once"


def main():
    files = cpp_files()
    finish("rules", [line for path in files for line in complaints_of(path)], len(files))


if __name__ == "__main__":
    main()
