# SPDX-License-Identifier: Apache-2.0
"""Recomputes the committed goldens with the numpy oracle and prints the largest differences.

    python3 tests/oracle/check_goldens.py [CASE ...]

Needs numpy only. A difference is a part of the range of the expected logits. Float32 arithmetic of
transformers against float64 here gives up to 5e-7 on models of a few layers; 2e-6 is the limit.
Directories without weights of their own (the demonstration model) are read from models/.
"""

import sys
from pathlib import Path

import numpy as np

import minimax_numpy
from checkpoint_numpy import read_config, read_safetensors, read_weights

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT = 2e-6


def sequences(golden):
    """Returns the names before `.input_ids` of the sequences that have logits."""
    names = [n.removesuffix(".input_ids") for n in golden if n.endswith(".input_ids")]
    return [n for n in names if f"{n}.logits" in golden]


def compare(golden, name, result):
    """Returns the largest difference of logits and of hidden states, relative to their ranges."""

    def relative(expected, found):
        return np.abs(found - expected).max() / (expected.max() - expected.min())

    rows = golden.get(f"{name}.rows", slice(None))
    logits = relative(golden[f"{name}.logits"], result.logits[rows])
    hidden_rows = golden.get(f"{name}.hidden_rows", slice(None))
    hidden = 0.0
    for i, states in enumerate(result.hidden_states):
        if (expected := golden.get(f"{name}.hidden_states.{i}")) is not None:
            hidden = max(hidden, relative(expected, states[hidden_rows]))
    return logits, hidden


def check(directory, label):
    """Prints one line per sequence of a case and returns its largest difference."""
    model = directory if (directory / "config.json").exists() else ROOT / "models" / directory.name
    config = minimax_numpy.parse_config(read_config(model))
    weights = read_weights(model)
    golden, _ = read_safetensors(directory / "golden.safetensors")
    worst = 0.0
    for name in sequences(golden):
        result = minimax_numpy.forward(config, weights, golden[f"{name}.input_ids"])
        logits, hidden = compare(golden, name, result)
        print(f"{label:24} {name:9} logits {logits:.1e}  hidden states {hidden:.1e}")
        worst = max(worst, logits, hidden)
    return worst


def main():
    golden = ROOT / "tests" / "golden"
    found = [*golden.glob("*/golden.safetensors"), *golden.glob("window/*/golden.safetensors")]
    names = sys.argv[1:] or sorted(str(path.parent.relative_to(golden)) for path in found)
    worst = max(check(golden / name, name) for name in names)
    print(f"largest difference {worst:.1e}, limit {LIMIT:.0e}")
    sys.exit(1 if worst > LIMIT else 0)


if __name__ == "__main__":
    main()
