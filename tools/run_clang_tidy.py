#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy with the checks of .clang-tidy over every source file that a build folder
compiles, in parallel. A file that passed is not looked at again until it, a header or the list of
checks changes. Takes the clang-tidy that scripts/test.sh installs from PyPI, which does not look into
the headers of the system and so takes a quarter of the time, or else Debian's.

usage: run_clang_tidy.py BUILD_FOLDER [PART_OF_A_PATH ...]"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from source_files import ROOT, cpp_files, finish

INSTALLED = ROOT / "build/python/bin/clang-tidy"
CLANG_TIDY = str(INSTALLED) if INSTALLED.exists() else "clang-tidy-19"
NOISE = re.compile(r"^\d+ warnings? generated|^Suppressed \d+|^Use -header-filter")


def compiled_files(build):
    """The project's C++ files in compile_commands.json; one compiled several times counts once."""
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    paths = {pathlib.Path(entry["directory"], entry["file"]).resolve() for entry in commands}
    ours = (path for path in paths if path.is_relative_to(ROOT) and build not in path.parents)
    return sorted(path for path in ours if path.suffix == ".cc")


def newest_shared_input():
    """When a header or the list of checks last changed, which concerns every file."""
    headers = [ROOT / path for path in cpp_files() if path.suffix in (".h", ".cuh")]
    return max(path.stat().st_mtime for path in [*headers, ROOT / ".clang-tidy"])


def check(path, build, shared_time):
    """Runs clang-tidy on one file. Returns its complaints, one a line, and the seconds it took."""
    stamp = build / "clang-tidy" / (str(path.relative_to(ROOT)) + ".passed")
    if stamp.exists() and stamp.stat().st_mtime > max(shared_time, path.stat().st_mtime):
        return [], 0.0
    start = time.monotonic()
    # The build may be one of gcc, which has warnings that clang does not know; and std::stable_sort
    # of libstdc++ 12 uses what is deprecated since C++17.
    flags = ["-Wno-unknown-warning-option", "-Wno-deprecated-declarations"]
    options = ["-p", str(build), "--quiet", *(f"--extra-arg={flag}" for flag in flags)]
    result = subprocess.run([CLANG_TIDY, *options, str(path)], capture_output=True, text=True)
    lines = (result.stdout + result.stderr).splitlines()
    if result.returncode == 0:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
        return [], time.monotonic() - start
    return [line for line in lines if not NOISE.match(line)], time.monotonic() - start


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    build = pathlib.Path(sys.argv[1]).resolve()
    parts = sys.argv[2:]
    files = [path for path in compiled_files(build) if not parts or any(p in str(path) for p in parts)]
    shared_time = newest_shared_input()
    complaints = []
    slowest = (0.0, "")
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results = pool.map(lambda path: check(path, build, shared_time), files)
        for path, (lines, seconds) in zip(files, results):
            complaints += lines
            slowest = max(slowest, (seconds, str(path.relative_to(ROOT))))
    print(f"slowest: {slowest[1]}, {slowest[0]:.1f} s")
    finish("clang-tidy", complaints, len(files))


if __name__ == "__main__":
    main()
