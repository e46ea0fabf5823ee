#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the documents match the tree: ARCHITECTURE.md names every folder of src/, relative
links of Markdown files resolve, and files named in backticks by the main documents exist."""

import os
import re

from source_files import ROOT, all_files, finish, read

LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
PATH = re.compile(
    r"`((?:src|include|tests|tools|scripts|docs|apps|examples|cmake)/[\w./-]+\.(?:h|cc|py|sh|md|txt|toml|cmake))`"
)


def heading_anchors(text):
    """The anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+\s+(.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def link_complaint(path, target):
    """What is wrong with one link, or None."""
    if re.match(r"[a-z][a-z+.-]*:", target):
        return None
    name, _, anchor = target.partition("#")
    linked = ROOT / os.path.normpath(path.parent / name) if name else ROOT / path
    if not linked.exists():
        return f"{path}: link to {target}: no such file"
    if anchor and linked.suffix == ".md":
        if anchor not in heading_anchors(linked.read_text(encoding="utf-8")):
            return f"{path}: link to {target}: no such heading"
    return None


def main():
    documents = [path for path in all_files() if path.suffix == ".md"]
    complaints = []
    for path in documents:
        text = FENCE.sub("", read(path))
        for target in LINK.findall(text):
            complaint = link_complaint(path, target)
            if complaint:
                complaints.append(complaint)
        for name in PATH.findall(text):
            if not (ROOT / name).exists():
                complaints.append(f"{path}: names `{name}`, which does not exist")
    architecture = read("ARCHITECTURE.md")
    for folder in sorted(path for path in (ROOT / "src").iterdir() if path.is_dir()):
        if f"src/{folder.name}" not in architecture:
            complaints.append(f"ARCHITECTURE.md: does not name src/{folder.name}")
    finish("docs", complaints, len(documents))


if __name__ == "__main__":
    main()
