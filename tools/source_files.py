# SPDX-License-Identifier: Apache-2.0
"""Which files the checks look at, and how they report. Works without git, so that the checks
also run in a source archive."""

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKIPPED_FOLDERS = {".git", ".cache", ".venv", "__pycache__", "build", "install", "node_modules"}
CPP_SUFFIXES = {".h", ".cc", ".cu", ".cuh"}


def all_files():
    """Every file of the tree but build outputs, as paths relative to the root, sorted."""
    found = []
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = sorted(
            name
            for name in subfolders
            if name not in SKIPPED_FOLDERS and not name.startswith("build-")
        )
        found += [(pathlib.Path(folder) / name).relative_to(ROOT) for name in names]
    return sorted(found)


def cpp_files():
    """The C++ and CUDA files of the project."""
    return [path for path in all_files() if path.suffix in CPP_SUFFIXES]


def read(path):
    """The text of a file given relative to the root."""
    return (ROOT / path).read_text(encoding="utf-8")


def finish(name, complaints, looked_at):
    """Prints the complaints and ends the process: 1 where there are any."""
    for complaint in complaints:
        print(complaint)
    print(f"{name}: {len(complaints)} complaints in {looked_at} files")
    if looked_at == 0:
        print(f"{name}: no file was looked at, so nothing was checked")
    sys.exit(1 if complaints or looked_at == 0 else 0)
