#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/grammar/: which texts xgrammar and llguidance accept under many grammars, and
which tokens of the demonstration model they allow next.

    python3 -m pip install -r tools/requirements-grammar-goldens.txt
    python3 tools/export_grammar_goldens.py

tests/golden/README.md describes the files.
"""

import base64
import importlib.metadata
import json
import random
import re
from pathlib import Path

import jsonschema
import llguidance
import numpy

from grammar_goldens import cases
from grammar_goldens.oracles import LLGuidance, Words, XGrammar

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "tests" / "golden" / "grammar"
TOKENIZER = ROOT / "models" / "tiny-minimax" / "tokenizer.json"
MUTATIONS = 24
MASKS = {"regex": 14, "gbnf": 14, "json_schema": 7}  # of one text, spread over it


def mutations(text, source):
    """Texts that differ in one character or two."""
    letters = text + 'ax0"}],: -.\n'
    for _ in range(MUTATIONS):
        place = source.randrange(len(text) + 1)
        change = source.randrange(4)
        if change == 0:
            yield text[:place] + source.choice(letters) + text[place:]
        elif change == 1:
            yield text[:place] + text[place + 1 :]
        elif change == 2:
            yield text[:place] + source.choice(letters) + text[place + 1 :]
        else:
            yield text[:place]


def is_valid(schema, text):
    """Whether a text is JSON that satisfies the schema, the formats included."""
    try:
        value = json.loads(text)
    except ValueError:
        return False
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, format_checker=checker).is_valid(value)


def texts_of(kind, good, bad, source):
    """All texts to ask for, each once."""
    if kind == "json_schema":
        compact = [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in good + bad]
        spaced = [json.dumps(value, ensure_ascii=False) for value in good]
        good, bad = compact[: len(good)] + spaced, compact[len(good) :]
    found = dict.fromkeys(good + bad)
    for text in good:
        found.update(dict.fromkeys(mutations(text, source)))
    return list(good), list(found)


def has_other_space(text):
    """Whether a text has white space where answers have none: docs/structured_output.md."""
    structure = re.sub(r'"([^"\\]|\\.)*"', '""', text)
    return re.search(r"\s\s|\s[,:]|\t|^\s|\s$", structure) is not None


def packed(bits):
    return base64.b64encode(numpy.packbits(bits, bitorder="little").tobytes()).decode()


def masks_of(oracles, words, kind, texts):
    """The masks on the way through texts. Of schemas what any of the oracles allows."""
    result = []
    for text in texts[:3]:
        tokens = words.cut(text.encode())
        step = max(1, len(tokens) // MASKS[kind])
        for count in range(0, len(tokens) + 1, step):
            masks = [oracle.mask(tokens[:count]) for oracle in oracles]
            if any(mask is None for mask in masks):
                continue
            if kind != "json_schema" and (masks[0] != masks[1]).any():
                print(f"  masks differ: {kind} {text[:40]!r} at {count}: {numpy.flatnonzero(masks[0] != masks[1])[:10]}")
                continue
            result.append({"tokens": tokens[:count], "mask": packed(masks[0] | masks[1])})
    return result


def golden(kind, case, words, source):
    """One grammar with all that the oracles say about it."""
    grammar, good, bad = case
    oracles = [XGrammar(words, kind, grammar), LLGuidance(words, TOKENIZER, kind, grammar)]
    good, texts = texts_of(kind, good, bad, source)
    entry = {"kind": kind, "grammar": grammar, "accepted": [], "refused": [], "invalid": []}
    for text in texts:
        said = [bool(oracle.accepts(text)) for oracle in oracles]
        if kind == "json_schema" and not is_valid(grammar, text):
            entry["invalid"].append(text)
        elif kind == "json_schema" and has_other_space(text):
            continue
        elif said[0] != said[1]:
            print(f"  left out: {kind} {str(grammar)[:60]!r}: xgrammar {said[0]}, llguidance {said[1]}: {text[:60]!r}")
        else:
            entry["accepted" if said[0] else "refused"].append(text)
    entry["masks"] = masks_of(oracles, words, kind, [text for text in good if text in entry["accepted"]])
    return entry


def spelled(data):
    """JSON with a line for each case."""
    head = {key: value for key, value in data.items() if key != "cases"}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in data["cases"])
    return json.dumps(head)[:-1] + f', "cases": [\n{lines}\n]}}\n'


def main():
    words = Words(TOKENIZER)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for kind, table in (("regex", cases.REGEX), ("gbnf", cases.GBNF), ("json_schema", cases.SCHEMAS)):
        source = random.Random(f"grammar {kind}")
        entries = [golden(kind, case, words, source) for case in table]
        data = {
            "oracles": f"xgrammar {importlib.metadata.version('xgrammar')}, llguidance {llguidance.__version__}",
            "command": "tools/export_grammar_goldens.py",
            "cases": entries,
        }
        path = OUTPUT / f"{kind}.json"
        path.write_text(spelled(data), encoding="utf-8")
        counts = [sum(len(entry[key]) for entry in entries) for key in ("accepted", "refused", "invalid", "masks")]
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes, {counts}")


if __name__ == "__main__":
    main()
