# SPDX-License-Identifier: Apache-2.0
"""Runs the MiniMax class of transformers in float32 on the CPU, always over the whole sequence.

Two habits of that class are kept out of the goldens: the cache, which miscounts positions when
layer 0 is lightning, and the decay tensors of a checkpoint, which it would load in the rounding of
the file.
"""

from dataclasses import dataclass

import numpy as np
import torch
from transformers import MiniMaxForCausalLM
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()

DECAY_TABLES = ("slope_rate", "query_decay", "key_decay", "diagonal_decay")


@dataclass
class Output:
    """The logits [T, V] and the hidden states, L + 1 arrays [T, E], of one sequence."""

    logits: np.ndarray
    hidden_states: list


def load(directory, attention="eager", recompute_decay=True, model_class=MiniMaxForCausalLM):
    """Loads a checkpoint in float32; recompute_decay=False keeps what the file says of decays."""
    model, found = model_class.from_pretrained(
        directory,
        dtype=torch.float32,
        attn_implementation=attention,
        output_loading_info=True,
    )
    assert not found["unexpected_keys"], found["unexpected_keys"]
    missing = [name for name in found["missing_keys"] if not name.endswith(DECAY_TABLES)]
    assert not missing, missing
    model.eval()
    if recompute_decay:
        for module in model.modules():
            if hasattr(module, "decay_factors"):
                _recompute_decay(module)
    return model


def _recompute_decay(module):
    slope_rate = module.get_slope_rate()
    tables = module.decay_factors(slope_rate)
    for name, value in zip(DECAY_TABLES, (slope_rate, *tables), strict=True):
        buffer = getattr(module, name)
        assert buffer.dtype == torch.float32 and buffer.shape == value.shape
        buffer.copy_(value)


@torch.no_grad()
def forward(model, input_ids):
    """Returns the logits and hidden states of one sequence of ids."""
    ids = torch.tensor([list(map(int, input_ids))])
    result = model(ids, use_cache=False, output_hidden_states=True)
    hidden = [h[0].numpy() for h in result.hidden_states]
    assert len(hidden) == model.config.num_hidden_layers + 1
    return Output(result.logits[0].numpy(), hidden)


@torch.no_grad()
def next_logits(model, input_ids):
    """Returns the logits [V] after the last id."""
    ids = torch.tensor([list(map(int, input_ids))])
    return model(ids, use_cache=False, logits_to_keep=1).logits[0, -1].numpy()


def generate_greedily(model, input_ids, stop_ids, max_new_tokens):
    """Returns the chosen ids, the last of them a stop id if one came, and the narrowest choice.

    The narrowest choice is the least distance between the best and the second best logit.
    """
    ids, margin = list(map(int, input_ids)), float("inf")
    for _ in range(max_new_tokens):
        logits = next_logits(model, ids)
        second, best = np.sort(logits)[-2:]
        margin = min(margin, float(best - second))
        ids.append(int(logits.argmax()))
        if ids[-1] in stop_ids:
            break
    return ids[len(input_ids) :], margin
