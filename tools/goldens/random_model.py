# SPDX-License-Identifier: Apache-2.0
"""Random weights with the tensor names of the release, written as a checkpoint.

Matrices have a standard deviation of 1 / sqrt(fan in), so that activations and logits stay near
one; norm weights are spread around one, so that a forgotten weight shows.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from goldens.cases import LIGHTNING

FLOAT_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


class _Sampler:
    def __init__(self, seed):
        self._random = np.random.default_rng(seed)
        self.tensors = {}

    def matrix(self, name, rows, columns):
        values = self._random.standard_normal((rows, columns)) / math.sqrt(columns)
        self.tensors[name] = values.astype(np.float32)

    def norm(self, name, size):
        self.tensors[name] = self._random.uniform(0.6, 1.4, size).astype(np.float32)


def _is_lightning(config, layer):
    if "attn_type_list" in config:
        return config["attn_type_list"][layer] == 0
    return config["layer_types"][layer] == LIGHTNING


def _shared_size(config):
    size = config.get("shared_intermediate_size", 0)
    return size[0] if isinstance(size, list) else size


def _attention(sampler, config, layer, prefix):
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    dim = config.get("head_dim") or hidden // heads
    if _is_lightning(config, layer):
        sampler.matrix(prefix + "qkv_proj.weight", 3 * heads * dim, hidden)
        sampler.matrix(prefix + "output_gate.weight", heads * dim, hidden)
        sampler.norm(prefix + "norm.weight", heads * dim)
        sampler.matrix(prefix + "out_proj.weight", hidden, heads * dim)
        return
    kv_rows = config["num_key_value_heads"] * dim
    sampler.matrix(prefix + "q_proj.weight", heads * dim, hidden)
    sampler.matrix(prefix + "k_proj.weight", kv_rows, hidden)
    sampler.matrix(prefix + "v_proj.weight", kv_rows, hidden)
    sampler.matrix(prefix + "o_proj.weight", hidden, heads * dim)


def _mlp(sampler, config, prefix):
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    sampler.matrix(prefix + "block_sparse_moe.gate.weight", config["num_local_experts"], hidden)
    for expert in range(config["num_local_experts"]):
        stem = f"{prefix}block_sparse_moe.experts.{expert}."
        sampler.matrix(stem + "w1.weight", inner, hidden)
        sampler.matrix(stem + "w2.weight", hidden, inner)
        sampler.matrix(stem + "w3.weight", inner, hidden)
    if shared := _shared_size(config):
        sampler.matrix(prefix + "shared_mlp.gate_proj.weight", shared, hidden)
        sampler.matrix(prefix + "shared_mlp.up_proj.weight", shared, hidden)
        sampler.matrix(prefix + "shared_mlp.down_proj.weight", hidden, shared)
        sampler.matrix(prefix + "coefficient.weight", 1, hidden)


def random_tensors(config, seed):
    """Returns {name: float32 array} of every weight that the config asks for."""
    sampler = _Sampler(seed)
    hidden, vocabulary = config["hidden_size"], config["vocab_size"]
    sampler.matrix("model.embed_tokens.weight", vocabulary, hidden)
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        sampler.norm(prefix + "input_layernorm.weight", hidden)
        _attention(sampler, config, layer, prefix + "self_attn.")
        sampler.norm(prefix + "post_attention_layernorm.weight", hidden)
        _mlp(sampler, config, prefix)
    sampler.norm("model.norm.weight", hidden)
    if not config["tie_word_embeddings"]:
        sampler.matrix("lm_head.weight", vocabulary, hidden)
    return sampler.tensors


def wrong_decay_buffers(config):
    """Returns the decay tensors that transformers would save, filled with values that are wrong."""
    heads, block = config["num_attention_heads"], config["block_size"]
    shapes = {
        "slope_rate": (heads, 1, 1),
        "query_decay": (heads, block, 1),
        "key_decay": (heads, block, 1),
        "diagonal_decay": (1, heads, block, block),
    }
    return {
        f"model.layers.{layer}.self_attn.{name}": np.full(shape, 0.25, np.float32)
        for layer in range(config["num_hidden_layers"])
        if _is_lightning(config, layer)
        for name, shape in shapes.items()
    }


def choose_dtype(rule, name):
    """Returns the type in which a tensor is stored under the rule of its case."""
    if rule == "release":
        return torch.float32 if name.endswith("moe.gate.weight") else torch.bfloat16
    if rule != "mixed":
        return FLOAT_TYPES[rule]
    if name.endswith("norm.weight") or name.endswith("moe.gate.weight"):
        return torch.float32
    return torch.float16 if ".w2." in name or "embed_tokens" in name else torch.bfloat16


def _write_shards(directory, tensors, count):
    names = list(tensors)
    per_shard = math.ceil(len(names) / count)
    weight_map = {}
    for shard in range(count):
        file = f"model-{shard + 1:05d}-of-{count:05d}.safetensors"
        part = names[shard * per_shard : (shard + 1) * per_shard]
        save_file({n: tensors[n] for n in part}, directory / file, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(part, file))
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}
    text = json.dumps(index, indent=2) + "\n"
    (directory / "model.safetensors.index.json").write_text(text)


def write_checkpoint(directory, case, seed):
    """Writes config.json and the weights of a case."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(case.config, indent=2) + "\n")
    arrays = random_tensors(case.config, seed)
    if case.zero_rows:
        for name in ("model.embed_tokens.weight", "lm_head.weight"):
            arrays[name][-case.zero_rows :] = 0
    if case.decay_buffers:
        arrays |= wrong_decay_buffers(case.config)
    tensors = {n: torch.from_numpy(a).to(choose_dtype(case.dtype, n)) for n, a in arrays.items()}
    if case.shards > 1:
        _write_shards(directory, tensors, case.shards)
    else:
        save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
