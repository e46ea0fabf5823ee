#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/tokenizer/: what Hugging Face tokenizers makes of many strings.

    python3 -m pip install tokenizers==0.23.3
    python3 tools/export_tokenizer_goldens.py [--merges MERGES_TXT] [--only demonstration ...]

With the merge list of the release (not part of this repository) its goldens are written too.
tests/golden/README.md describes the files.
"""

import argparse
import json
import random
import struct
from pathlib import Path

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from tokenizer_goldens import corpus, features

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "tests" / "golden" / "tokenizer"
STRINGS = 20000
RELEASE_STRINGS = 5000
BLOCK = 256
BLOCK_STRINGS = 5120  # with every assigned code point
O200K_PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{path.relative_to(ROOT)}: {len(text.encode())} bytes")


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def assigned_code_points():
    """What the regular expressions of the library know, without surrogates."""
    everything = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    cut = pre_tokenizers.Split(Regex(r"\p{Cn}|\p{Co}"), "removed")
    found = []
    for i in range(0, len(everything), 4096):
        for piece, _ in cut.pre_tokenize_str("".join(map(chr, everything[i : i + 4096]))):
            found += map(ord, piece)
    return found


def byte_level_split():
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(O200K_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def o200k_tokenizer(model):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = byte_level_split()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def train_small():
    tokenizer = o200k_tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=256 + 2000,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(corpus.training_text(), trainer)
    return tokenizer


def fingerprint(ids):
    """FNV-1a over the ids as 32-bit little-endian words."""
    value = 0xCBF29CE484222325
    for byte in struct.pack(f"<{len(ids)}i", *ids):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def fingerprints(tokenizer, strings):
    lines = [f"tokenizers {tokenizers.__version__}: ids, fingerprint; one line per string"]
    for encoding in tokenizer.encode_batch(strings, add_special_tokens=False):
        lines.append(f"{len(encoding.ids)} {fingerprint(encoding.ids)}")
    return "\n".join(lines) + "\n"


def byte_characters():
    """The byte-level alphabet in the order of the bytes."""
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(b) if b in shown else chr(next(others)) for b in range(256)]


def release_tokenizer(merges_path):
    lines = merges_path.read_text(encoding="utf-8").split("\n")
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    vocab = {}
    for token in byte_characters() + ["".join(pair) for pair in merges]:
        vocab.setdefault(token, len(vocab))
    return o200k_tokenizer(models.BPE(vocab=vocab, merges=merges))


def export_small(strings):
    tokenizer = train_small()
    small = OUTPUT / "small"
    content = json.loads(tokenizer.to_str())
    write(small / "tokenizer.json", json.dumps(content, ensure_ascii=False, indent=0) + "\n")
    model = content["model"]
    merges = ["#version: 0.2"] + [" ".join(pair) for pair in model["merges"]]
    write(small / "pair" / "vocab.json", compact(model["vocab"]) + "\n")
    write(small / "pair" / "merges.txt", "\n".join(merges) + "\n")
    write(small / "fingerprints.txt", fingerprints(tokenizer, strings))


def templates(case):
    """The special tokens of the case's template, whose ids depend on the vocabulary."""
    processor = case.get("post_processor") or {}
    processor = processor.get("processors", [processor])[-1]
    return processor.get("special_tokens", {}).items()


def feature_tokenizer(case, trained):
    """The tokenizer.json of a case without its model, and the tokenizer."""
    model = trained[case.get("model", "bytes")]
    model = {**model, **case.get("model_members", {})}
    known = model["vocab"]
    content = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": []}
    for member in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        content[member] = case.get(member)
    next_id = len(known)
    for token in case.get("added", []):
        is_new = token["content"] not in known
        content["added_tokens"].append(
            {"id": next_id if is_new else known[token["content"]], **token}
        )
        next_id += is_new
    ids = {token["content"]: token["id"] for token in content["added_tokens"]}
    for name, special in templates(case):
        special["ids"] = [ids[name]] + [4] * (len(special["tokens"]) - 1)
    return content, Tokenizer.from_str(json.dumps({**content, "model": model}))


def random_id_lists(tokenizer, rng):
    size = tokenizer.get_vocab_size()
    return [[rng.randrange(size) for _ in range(rng.randint(0, 20))] for _ in range(40)]


def decode(tokenizer, ids):
    """The ids with their text, special tokens kept and skipped; None where the library panics (its
    Strip does, on tokens shorter than what it strips)."""
    try:
        return [ids, tokenizer.decode(ids, skip_special_tokens=False), tokenizer.decode(ids)]
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        return None


def block_fingerprints(tokenizer, strings):
    """A fingerprint for every block of strings, over the ids of all of them."""
    lines = []
    for i in range(0, len(strings), BLOCK):
        ids = [id for e in tokenizer.encode_batch(strings[i : i + BLOCK]) for id in e.ids]
        lines.append(f"{len(ids)} {fingerprint(ids)}")
    return lines


def export_features(golden_strings):
    strings = corpus.feature_strings()
    trained = {
        "bytes": features.train_bytes(strings),
        "characters": features.train_characters(strings),
        "affixes": features.affix_model(),
    }
    write(OUTPUT / "features" / "strings.json", compact(strings) + "\n")
    for name, model in trained.items():
        write(OUTPUT / "features" / f"model_{name}.json", compact(model) + "\n")
    rng = random.Random(5)
    lines = []
    for name, case in features.all_cases():
        content, tokenizer = feature_tokenizer(case, trained)
        ids = [e.ids for e in tokenizer.encode_batch(strings, add_special_tokens=True)]
        golden = {
            "name": name,
            "model": case.get("model", "bytes"),
            "model_members": case.get("model_members", {}),
            "tokenizer": content,
            "ids": ids,
        }
        if case.get("added"):
            tokenizer.encode_special_tokens = True
            golden["plain_ids"] = [e.ids for e in tokenizer.encode_batch(strings)]
        lists = ids[:40] + random_id_lists(tokenizer, rng)
        golden["decoded"] = [row for row in (decode(tokenizer, x) for x in lists) if row]
        tokenizer.encode_special_tokens = False
        golden["blocks"] = block_fingerprints(tokenizer, golden_strings[:BLOCK_STRINGS])
        lines.append(compact(golden))
    write(OUTPUT / "features" / "cases.jsonl", "\n".join(lines) + "\n")


def export_seeds():
    """Small inputs from which the fuzzers start."""
    vocab = [
        "<unk>",
        *sorted("abcdefghilmnoprstuvw'<>/!\u0120\u010a\u2581"),
        "ab",
        "\u0120a",
        "abab",
    ]
    vocab = {token: index for index, token in enumerate(vocab)}
    merges = ["a b", "\u0120 a", "ab ab"]
    tiny = {"type": "BPE", "vocab": vocab, "merges": merges}
    trained = {"bytes": tiny, "characters": tiny, "affixes": features.affix_model()}
    seeds = OUTPUT / "seeds"
    for name, case in features.all_cases():
        members = {k: v for k, v in case.get("model_members", {}).items() if k != "byte_fallback"}
        content, _ = feature_tokenizer({**case, "model_members": members}, trained)
        model = {**trained[case.get("model", "bytes")], **members}
        write(seeds / "tokenizer_json" / f"{name}.json", compact({**content, "model": model}))
    pair = "\0".join([compact(vocab), "#version: 0.2\n" + "\n".join(merges), "ab abab bad!\nab"])
    write(seeds / "merges" / "pair", pair)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merges", type=Path, help="the merges.txt of the release")
    parser.add_argument(
        "--only", nargs="*", default=["demonstration", "small", "features", "release"]
    )
    arguments = parser.parse_args()
    strings = corpus.golden_strings(assigned_code_points(), STRINGS)
    write(OUTPUT / "strings.json", "[\n" + ",\n".join(map(compact, strings)) + "\n]\n")
    if "demonstration" in arguments.only:
        demonstration = Tokenizer.from_file(
            str(ROOT / "models" / "tiny-minimax" / "tokenizer.json")
        )
        write(OUTPUT / "demonstration_fingerprints.txt", fingerprints(demonstration, strings))
    if "small" in arguments.only:
        export_small(strings)
    if "features" in arguments.only:
        export_features(strings)
        export_seeds()
    if "release" in arguments.only and arguments.merges:
        release = release_tokenizer(arguments.merges)
        write(
            OUTPUT / "release_fingerprints.txt", fingerprints(release, strings[-RELEASE_STRINGS:])
        )


if __name__ == "__main__":
    main()
