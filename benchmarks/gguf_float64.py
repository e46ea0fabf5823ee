# SPDX-License-Identifier: Apache-2.0
"""The forward pass in float64 over the weights of a GGUF file, decoded by the package `gguf`.

It joins two things that share no code with minimax: that package's decoders and the oracle of
tests/oracle. Needs numpy and gguf (both on PyPI).
"""

import pathlib
import sys

import gguf
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "oracle"))

import minimax_numpy

MODEL_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
LAYER_NAMES = {
    "attn_norm.weight": "input_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_qkv.weight": "self_attn.qkv_proj.weight",
    "attn_gate.weight": "self_attn.output_gate.weight",
    "attn_norm_2.weight": "self_attn.norm.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "ffn_gate_inp.weight": "block_sparse_moe.gate.weight",
}
EXPERT_NAMES = {
    "ffn_gate_exps.weight": "w1",
    "ffn_up_exps.weight": "w3",
    "ffn_down_exps.weight": "w2",
}


def _values(tensor):
    """One tensor as float64, outermost extent first."""
    decoded = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    return decoded.astype(np.float64).reshape([int(n) for n in reversed(tensor.shape)])


def _name_of_output(is_lightning):
    return "self_attn.out_proj.weight" if is_lightning else "self_attn.o_proj.weight"


class Model:
    """A GGUF file as the oracle takes it. `self.eps` is the epsilon of all norms in the file."""

    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.fields = reader.fields
        tensors = {tensor.name: tensor for tensor in reader.tensors}
        layers = self.number("block_count")
        lightning = [f"blk.{i}.attn_qkv.weight" in tensors for i in range(layers)]
        self.eps = self.number("attention.layer_norm_rms_epsilon")
        self.config = self._config(lightning)
        self.weights = {}
        for name, tensor in tensors.items():
            self._add(name, _values(tensor), lightning)

    def number(self, name, default=None):
        field = self.fields.get(f"minimax-01.{name}")
        return default if field is None else field.contents()

    def _config(self, lightning):
        heads = self.number("attention.head_count")
        kv_heads = self.number("attention.head_count_kv")
        if isinstance(heads, list):
            heads = max(heads)
        if isinstance(kv_heads, list):
            kv_heads = max(kv_heads)
        head_dim = self.number("attention.key_length")
        alpha = self.number("residual_scale", 1.0)
        return minimax_numpy.Config(
            hidden_size=self.number("embedding_length"),
            num_heads=heads,
            num_kv_heads=kv_heads,
            head_dim=head_dim,
            rotary_dim=self.number("rope.dimension_count", head_dim),
            rope_theta=float(self.number("rope.freq_base")),
            rms_norm_eps=self.eps,
            experts_per_token=self.number("expert_used_count"),
            layer_is_lightning=lightning,
            full_factors=(alpha, 1.0),
            linear_factors=(alpha, 1.0),
            mlp_factors=(alpha, 1.0),
            original_class=False,
            sliding_window=None,
        )

    def _add(self, name, values, lightning):
        if name in MODEL_NAMES:
            self.weights[MODEL_NAMES[name]] = values
            return
        _, layer, rest = name.split(".", 2)
        prefix = f"model.layers.{layer}."
        if rest in EXPERT_NAMES:
            for expert, matrix in enumerate(values):
                of_expert = f"block_sparse_moe.experts.{expert}.{EXPERT_NAMES[rest]}.weight"
                self.weights[prefix + of_expert] = matrix
        elif rest == "attn_output.weight":
            self.weights[prefix + _name_of_output(lightning[int(layer)])] = values
        else:
            self.weights[prefix + LAYER_NAMES[rest]] = values

    def logits(self, tokens, lightning_norm_eps):
        """Float64 logits [T, V] of one sequence."""
        minimax_numpy.LIGHTNING_NORM_EPS = lightning_norm_eps
        return minimax_numpy.forward(self.config, self.weights, tokens).logits
