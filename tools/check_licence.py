#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every source file names its licence in its first three lines."""

from source_files import CPP_SUFFIXES, ROOT, all_files, finish

TAG = "SPDX-License-Identifier: Apache-2.0"
SUFFIXES = CPP_SUFFIXES | {".py", ".sh", ".cmake", ".toml"}
NAMES = {"CMakeLists.txt"}


def is_source(path):
    if path.suffix in SUFFIXES or path.name in NAMES or path.name.endswith(".cmake.in"):
        return True
    with open(ROOT / path, "rb") as file:
        return file.read(2) == b"#!"


def has_tag(path):
    with open(ROOT / path, encoding="utf-8") as file:
        return any(TAG in line for line, _ in zip(file, range(3)))


def main():
    sources = [path for path in all_files() if is_source(path)]
    complaints = [
        f"{path}: expected '{TAG}' in the first three lines"
        for path in sources
        if not has_tag(path)
    ]
    finish("licence", complaints, len(sources))


if __name__ == "__main__":
    main()
