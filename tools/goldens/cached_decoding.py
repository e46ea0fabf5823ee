# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/cached_decoding.safetensors: how far the cache of transformers is off.

Its cache asks the first layer for the length of the text. A lightning layer keeps none, so the
length is 0 and rotary positions begin anew with the first token after the prompt.
"""

import numpy as np
import torch

from goldens import golden_file, transformers_oracle
from goldens.cases import VOCABULARY

MODELS = ("lightning_first", "softmax_first")
PROMPT_TOKENS, TOKENS = 20, 60
SEED = 20250700


@torch.no_grad()
def _cached_logits(model, ids):
    """The logits [N - prompt, V] of the tokens after the prompt, given one by one."""
    cache = model(ids[:, :PROMPT_TOKENS], use_cache=True).past_key_values
    rows = []
    for position in range(PROMPT_TOKENS, TOKENS):
        one = ids[:, position : position + 1]
        output = model(one, past_key_values=cache, use_cache=True)
        rows.append(output.logits[0, -1])
    return torch.stack(rows).numpy()


def export(output, command):
    """Writes the file; returns the differences as parts of the range of the logits."""
    tensors, differences = {}, {}
    for index, name in enumerate(MODELS):
        model = transformers_oracle.load(output / name)
        ids = np.random.default_rng(SEED + index).integers(0, VOCABULARY, TOKENS)
        full = transformers_oracle.forward(model, ids).logits[PROMPT_TOKENS:]
        cached = _cached_logits(model, torch.from_numpy(ids)[None])
        tensors |= {f"{name}.input_ids": ids, f"{name}.full": full, f"{name}.cached": cached}
        differences[f"{name}_difference"] = golden_file.relative_difference(cached, full)
    metadata = golden_file.provenance(
        oracle="transformers, float32",
        purpose="full forwards against cached decoding",
        command=command,
        seed=SEED,
        prompt_tokens=PROMPT_TOKENS,
        **differences,
    )
    golden_file.save(output / "cached_decoding.safetensors", tensors, metadata)
    return differences
