#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/text/unicode_tables.cc: what the parts of Hugging Face tokenizers think of every code
point. Each of them (regular expressions, Rust's characters, normalization) follows another Unicode
version, so the library itself is asked; Python's unicodedata only serves as a fixed older version.

    python3 -m pip install tokenizers==0.23.3
    python3 tools/make_unicode_tables.py > src/text/unicode_tables.cc
"""

import sys
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
CATEGORIES = [
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi",
    "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cf",
]  # fmt: skip
SCRIPTS = [
    "Arabic", "Armenian", "Bengali", "Bopomofo", "Cyrillic", "Devanagari", "Ethiopic", "Georgian",
    "Greek", "Gujarati", "Gurmukhi", "Han", "Hangul", "Hebrew", "Hiragana", "Kannada", "Katakana",
    "Khmer", "Lao", "Latin", "Malayalam", "Mongolian", "Myanmar", "Oriya", "Sinhala", "Tamil",
    "Telugu", "Thai", "Tibetan", "Common", "Inherited",
]  # fmt: skip
# Must agree with CharacterClass and Property in unicode_tables.h.
OTHER, UPPER, LOWER, LETTER, MARK, NUMBER, SPACE, NEWLINE = range(8)
WORD, NUMERIC, PUNCTUATION, ACCENT, INERT = 8, 16, 32, 64, 128
CLASS_OF = {"Lu": UPPER, "Lt": UPPER, "Ll": LOWER, "Lm": LETTER, "Lo": LETTER}
CLASS_OF |= {c: MARK for c in ("Mn", "Mc", "Me")} | {c: NUMBER for c in ("Nd", "Nl", "No")}


def blocks(size=4096):
    for i in range(0, len(CODE_POINTS), size):
        yield CODE_POINTS[i : i + size]


def removed_by(pre_tokenizer):
    """The code points that a pre-tokenizer with behaviour "removed" leaves out."""
    kept = set()
    for block in blocks():
        for piece, _ in pre_tokenizer.pre_tokenize_str("".join(map(chr, block))):
            kept.update(map(ord, piece))
    return set(CODE_POINTS) - kept


def matching(pattern):
    return removed_by(pre_tokenizers.Split(Regex(pattern), "removed"))


def numeric():
    found = set()
    for block in blocks():
        text = "a" + "a".join(chr(c) for c in block if c != ord("a")) + "a"
        for piece, _ in pre_tokenizers.Digits(True).pre_tokenize_str(text):
            if len(piece) == 1 and piece != "a":
                found.add(ord(piece))
    return found


def word(spaces):
    found = set()
    for block in blocks():
        text = " ".join("a" + chr(c) + "a" for c in block if c not in spaces)
        for piece, _ in pre_tokenizers.Whitespace().pre_tokenize_str(text):
            if len(piece) == 3:
                found.add(ord(piece[1]))
    return found


def inert(nfd, nfkd):
    """Code points that HF's normalization does not know: it neither maps nor reorders them."""
    found = {c for c in CODE_POINTS if unicodedata.category(chr(c)) == "Cn"}
    for c in CODE_POINTS:
        char = chr(c)
        if nfkd.normalize_str(char) != unicodedata.normalize("NFKD", char):
            found.add(c)
            found.update(map(ord, unicodedata.normalize("NFD", char)))
        if unicodedata.combining(char):
            # U+0334 has combining class 1 and U+0345 the highest, 240.
            moves = [nfd.normalize_str(t) != t for t in (char + "\u0334", "\u0345" + char)]
            if not any(moves) and unicodedata.combining(char) not in (1, 240):
                found.add(c)
    return found


def property_bytes():
    spaces = matching(r"\s")
    values = [OTHER] * 0x110000
    categories = {}
    for category in CATEGORIES:
        for c in matching(rf"\p{{{category}}}"):
            categories[c] = category
            values[c] = CLASS_OF.get(category, OTHER)
    for c in spaces:
        values[c] = NEWLINE if c in (10, 13) else SPACE
    strip = normalizers.StripAccents()
    flags = {
        WORD: word(spaces),
        NUMERIC: numeric(),
        PUNCTUATION: removed_by(pre_tokenizers.Punctuation("removed")),
        ACCENT: {c for c in CODE_POINTS if strip.normalize_str(chr(c)) == ""},
        INERT: inert(normalizers.NFD(), normalizers.NFKD()),
    }
    for flag, members in flags.items():
        for c in members:
            values[c] |= flag
    return values, categories


def lowercase_runs():
    """Runs (first, last, step, delta) of one-to-one mappings, and the one-to-many ones."""
    lower = normalizers.Lowercase()
    runs, special = [], []
    for c in CODE_POINTS:
        text = lower.normalize_str(chr(c))
        if text == chr(c):
            continue
        if len(text) != 1:
            special.append((c, text))
            continue
        delta = ord(text) - c
        if runs and runs[-1][3] == delta:
            first, last, step, _ = runs[-1]
            gap = c - last
            if gap <= 2 and (first == last or gap == step):
                runs[-1] = (first, c, gap, delta)
                continue
        runs.append((c, c, 1, delta))
    return runs, special


def added_ranges(categories):
    """Ranges (first, last, name) of what came after Unicode 14: by category, then by script."""
    added = []

    def extend(c, name):
        if added and added[-1][1] == c - 1 and added[-1][2] == name:
            added[-1] = (added[-1][0], c, name)
        else:
            added.append((c, c, name))

    for c in sorted(categories):
        if unicodedata.category(chr(c)) == "Cn":
            extend(c, categories[c])
    for script in SCRIPTS:
        for c in sorted(matching(rf"\p{{{script}}}")):
            if unicodedata.category(chr(c)) == "Cn":
                extend(c, script)
    return added


def write_rows(rows, width=100):
    line = "   "
    for row in rows:
        if len(line) + len(row) + 2 > width:
            print(line)
            line = "   "
        line += " " + row + ","
    print(line)


def write_array(declaration, rows):
    print(f"{declaration} = {{")
    write_rows(rows)
    print("};\n")


def main():
    values, categories = property_bytes()
    starts = [c for c in range(0x110000) if c == 0 or values[c] != values[c - 1]]
    runs, special = lowercase_runs()
    added = added_ranges(categories)
    if [c for c, _ in special] != [0x130] or special[0][1] != "i\u0307":
        sys.exit("unicode_tables.h promises that only U+0130 has a lowercase of two code points")
    print("// SPDX-License-Identifier: Apache-2.0")
    print(f"// Written by tools/make_unicode_tables.py with tokenizers {tokenizers.__version__};")
    print("// change the script, not this file.")
    print('#include "text/unicode_tables.h"\n')
    print("namespace minimax::text {\nnamespace {\n\n// clang-format off")
    write_array(
        "constexpr PropertyRange kPropertyRanges[]", [f"{{0x{c:X}, {values[c]}}}" for c in starts]
    )
    write_array(
        "constexpr LowercaseRun kLowercaseRuns[]",
        [f"{{0x{first:X}, 0x{last:X}, {s}, {d}}}" for first, last, s, d in runs],
    )
    write_array(
        "constexpr AddedRange kAddedSinceUnicode14[]",
        [f'{{0x{first:X}, 0x{last:X}, "{name}"}}' for first, last, name in added],
    )
    print("// clang-format on\n\n}  // namespace\n")
    print("std::span<const PropertyRange> property_ranges() { return kPropertyRanges; }\n")
    print("std::span<const LowercaseRun> lowercase_runs() { return kLowercaseRuns; }\n")
    print("std::span<const AddedRange> added_since_unicode_14() { return kAddedSinceUnicode14; }\n")
    print("}  // namespace minimax::text")


main()
