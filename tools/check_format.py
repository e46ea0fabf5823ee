#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every C++ file is formatted as clang-format 19 does it; --fix formats them."""

import subprocess
import sys

from source_files import ROOT, cpp_files, finish

CLANG_FORMAT = "clang-format-19"  # other versions format differently


def main():
    files = [str(path) for path in cpp_files()]
    mode = ["-i"] if "--fix" in sys.argv[1:] else ["--dry-run", "--Werror"]
    result = subprocess.run(
        [CLANG_FORMAT, *mode, "--style=file", *files], cwd=ROOT, capture_output=True, text=True
    )
    complaints = [line for line in result.stderr.splitlines() if ": error:" in line]
    if result.returncode != 0 and not complaints:
        complaints = [f"{CLANG_FORMAT} failed: {result.stderr.strip()}"]
    finish("format", complaints, len(files))


if __name__ == "__main__":
    main()
