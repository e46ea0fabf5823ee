# SPDX-License-Identifier: Apache-2.0
"""Writes the files under tests/golden: random models with their logits, the logits of the
demonstration model, its greedy answers, scores of logits processors, heads, and beams.

    python3 -m venv venv && venv/bin/pip install -r tools/requirements-goldens.txt
    venv/bin/python tools/export_goldens.py all

The files are committed; run this only to add a case. tests/golden/README.md describes them.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "oracle"))

import torch  # noqa: E402

from goldens import (  # noqa: E402
    answers,
    beams,
    cached_decoding,
    cases,
    demonstration,
    heads,
    processors,
    random_goldens,
)


def export_random(options):
    """Writes the random models, all or those named by --only."""
    for index, case in enumerate(cases.all_cases()):
        if options.only and case.name not in options.only:
            continue
        command = f"tools/export_goldens.py random --only {case.name}"
        facts = random_goldens.export(case, index, options.output, command)
        shown = {k: v for k, v in facts.items() if k not in ("purpose", "command")}
        print(case.name, shown, flush=True)


def export_demonstration(options):
    """Writes the logits of the demonstration model."""
    command = "tools/export_goldens.py demonstration"
    print(demonstration.export(options.model, options.output / "tiny-minimax", command), flush=True)


def export_answers(options):
    """Writes the greedy answers of the demonstration model."""
    for entry in answers.export(options.model, options.output):
        print(entry["prompt_tokens"], entry["smallest_margin"], entry["text"], flush=True)


def export_processors(options):
    """Writes what logits processors make of given logits."""
    print(processors.export(options.output, "tools/export_goldens.py processors"), flush=True)


def export_heads(options):
    """Writes the models with each head, all or those named by --only."""
    for name, facts in heads.export(options.output, options.only):
        print(name, {"seed": facts["seed"], "router_gap": facts["router_gap"]}, flush=True)


def export_beams(options):
    """Writes what is generated greedily and with beams."""
    print(beams.export(options.output, "tools/export_goldens.py beams"), flush=True)


def export_cached_decoding(options):
    """Writes what the cache of transformers makes of a text."""
    command = "tools/export_goldens.py cached_decoding"
    print(cached_decoding.export(options.output, command), flush=True)


PARTS = {
    "random": export_random,
    "demonstration": export_demonstration,
    "answers": export_answers,
    "processors": export_processors,
    "heads": export_heads,
    "beams": export_beams,
    "cached_decoding": export_cached_decoding,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=[*PARTS, "all"])
    parser.add_argument("--only", nargs="*", metavar="CASE", help="names of random models")
    parser.add_argument("--model", type=Path, default=ROOT / "models" / "tiny-minimax")
    parser.add_argument("--output", type=Path, default=ROOT / "tests" / "golden")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for part in PARTS if options.part == "all" else [options.part]:
        PARTS[part](options)


if __name__ == "__main__":
    main()
