# SPDX-License-Identifier: Apache-2.0
"""Logits of the demonstration model over a conversation of more than four blocks.

The whole output would be large, so the golden keeps every 16th row and the last 32, a few rows of
the hidden states, and the best id of every position. The conversation is one in which no choice of
the router is nearly a tie: at a tie two correct float32 programs take different experts, and their
logits differ by a hundredth of the range.
"""

import numpy as np

import minimax_numpy
from goldens import chat, golden_file, transformers_oracle

ROW_STEP = 16
LAST_ROWS = 32
SMALLEST_ROUTER_GAP = 1e-4
HIDDEN_ROWS = (0, 1, 255, 256, 257, 511, 512, 767, 768, 1000)


def _kept_rows(tokens):
    return sorted({*range(0, tokens, ROW_STEP), *range(tokens - LAST_ROWS, tokens)})


def _tensors(ids, output):
    name, tokens = f"len_{len(ids)}", len(ids)
    rows, hidden_rows = _kept_rows(tokens), [*HIDDEN_ROWS, tokens - 1]
    tensors = {
        f"{name}.input_ids": ids,
        f"{name}.rows": rows,
        f"{name}.logits": output.logits[rows],
        f"{name}.argmax": output.logits.argmax(axis=-1),
        f"{name}.hidden_rows": hidden_rows,
    }
    for i, hidden in enumerate(output.hidden_states):
        tensors[f"{name}.hidden_states.{i}"] = hidden[hidden_rows]
    return tensors


def export(model_directory, directory, command):
    """Writes golden.safetensors beside the conversation that it is made from."""
    messages = chat.read_messages(directory / "conversation.json")
    ids = chat.encode(chat.load_tokenizer(model_directory), messages, add_generation_prompt=False)
    output = transformers_oracle.forward(transformers_oracle.load(model_directory), ids)
    check = minimax_numpy.run(model_directory, ids)
    if check.router_gap < SMALLEST_ROUTER_GAP:
        raise RuntimeError(f"take another conversation: router gap {check.router_gap:.1e}")
    second, best = np.sort(output.logits, axis=-1)[:, -2:].T
    facts = {
        "oracle": "transformers, float32",
        "purpose": "the demonstration model over conversation.json under its chat template",
        "router_gap": check.router_gap,
        "numpy_difference": golden_file.relative_difference(check.logits, output.logits),
        "smallest_margin": (best - second).min(),
        "largest_logit": np.abs(output.logits).max(),
        "command": command,
    }
    path = directory / "golden.safetensors"
    golden_file.save(path, _tensors(ids, output), golden_file.provenance(**facts))
    return facts
