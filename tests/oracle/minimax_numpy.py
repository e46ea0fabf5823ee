# SPDX-License-Identifier: Apache-2.0
"""The MiniMax-01 forward pass in float64 numpy, for tests only.

Written from the equations, not from any other implementation: lightning attention is the token by
token recurrence, experts are a loop over tokens, nothing is blocked or cached. It covers what
transformers leaves out (partial rotary, the shared expert, the decay slopes of the original
classes). Slow on purpose: meant for models of a few layers.

    python3 minimax_numpy.py MODEL_DIRECTORY --tokens 1,2,3
"""

import argparse
import math
from dataclasses import dataclass

import numpy as np

from checkpoint_numpy import read_config, read_weights

LIGHTNING_NORM_EPS = 1e-6  # not in any config: the norm over all heads has an epsilon of its own
ORIGINAL_BLOCK_SIZE = 256
ORIGINAL_CLASSES = ("MiniMaxText01ForCausalLM", "MiniMaxM1ForCausalLM")


@dataclass
class Config:
    """One vocabulary for both dialects of config.json; the names are those of the -hf dialect."""

    hidden_size: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    rotary_dim: int
    rope_theta: float
    rms_norm_eps: float
    experts_per_token: int
    layer_is_lightning: list
    full_factors: tuple  # (alpha, beta)
    linear_factors: tuple
    mlp_factors: tuple
    original_class: bool
    sliding_window: int | None  # keys of a query in softmax layers, itself included; None: all

    @property
    def num_layers(self):
        return len(self.layer_is_lightning)


@dataclass
class Result:
    """What one forward pass leaves behind."""

    logits: np.ndarray  # [T, V]
    hidden_states: list  # L + 1 arrays [T, E]: embeddings, layer outputs, the last after the norm
    router_gap: float  # smallest distance between a chosen and a rejected router logit


def _first(raw, names, default=None):
    for name in names:
        if raw.get(name) is not None:
            return raw[name]
    return default


def _factors(raw, hf_name, original_name):
    alpha = _first(raw, [f"{hf_name}_alpha_factor", f"layernorm_{original_name}_alpha"], 1.0)
    beta = _first(raw, [f"{hf_name}_beta_factor", f"layernorm_{original_name}_beta"], 1.0)
    return float(alpha), float(beta)


def _rotary_dim(raw, rope, head_dim):
    if raw.get("rotary_dim") is not None:
        return raw["rotary_dim"]
    factor = _first(raw, ["partial_rotary_factor"], rope.get("partial_rotary_factor"))
    return head_dim if factor is None else int(head_dim * factor)


def parse_config(raw):
    """Builds a Config from config.json in either dialect."""
    heads = raw["num_attention_heads"]
    head_dim = raw.get("head_dim") or raw["hidden_size"] // heads
    rope = raw.get("rope_parameters") or {}
    if "attn_type_list" in raw:
        lightning = [kind == 0 for kind in raw["attn_type_list"]]
    else:
        lightning = [kind == "linear_attention" for kind in raw["layer_types"]]
    return Config(
        hidden_size=raw["hidden_size"],
        num_heads=heads,
        num_kv_heads=raw.get("num_key_value_heads") or heads,
        head_dim=head_dim,
        rotary_dim=_rotary_dim(raw, rope, head_dim),
        rope_theta=float(_first(raw, ["rope_theta"], rope.get("rope_theta", 1e6))),
        rms_norm_eps=raw["rms_norm_eps"],
        experts_per_token=raw["num_experts_per_tok"],
        layer_is_lightning=lightning,
        full_factors=_factors(raw, "full_attn", "full_attention"),
        linear_factors=_factors(raw, "linear_attn", "linear_attention"),
        mlp_factors=_factors(raw, "mlp", "mlp"),
        original_class=raw["architectures"][0] in ORIGINAL_CLASSES,
        sliding_window=raw.get("sliding_window"),
    )


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def rms_norm(x, weight, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def alibi_slopes(heads):
    """Slopes of the original classes: geometric for powers of two, else interleaved.

    With n heads between two powers of two, the first p = 2^floor(log2 n) slopes are those of p
    heads, and the rest are every second slope of 2p heads.
    """
    power = 2 ** math.floor(math.log2(heads))
    if power == heads:
        start = 2.0 ** -(2.0 ** -(math.log2(heads) - 3))
        return [start ** (h + 1) for h in range(heads)]
    return alibi_slopes(power) + alibi_slopes(2 * power)[0::2][: heads - power]


def decay_rates(config, layer):
    """Returns lambda of every head: the state is multiplied by exp(-lambda) at each token."""
    heads, last = config.num_heads, config.num_layers - 1
    if config.original_class:
        slopes = np.array(alibi_slopes(heads))
        depth = layer / last if last > 0 else 0.0
    else:
        slopes = 2.0 ** (-8.0 * np.arange(1, heads + 1) / heads)
        depth = layer / (last + 1e-5)
    return slopes * (1.0 - depth + 1e-5)


def lightning_attention(config, weights, prefix, x, layer):
    """S_t = exp(-lambda) S_{t-1} + k_t^T v_t, o_t = q_t S_t, then norm, gate and projection."""
    tokens, heads, dim = len(x), config.num_heads, config.head_dim
    qkv = silu(x @ weights[prefix + "qkv_proj.weight"].T).reshape(tokens, heads, 3 * dim)
    q, k, v = qkv[..., :dim], qkv[..., dim : 2 * dim], qkv[..., 2 * dim :]
    decay = np.exp(-decay_rates(config, layer))[:, None, None]
    state = np.zeros((heads, dim, dim))
    out = np.zeros((tokens, heads, dim))
    for t in range(tokens):
        state = decay * state + k[t][:, :, None] * v[t][:, None, :]
        out[t] = np.einsum("hk,hkv->hv", q[t], state)
    out = out.reshape(tokens, heads * dim)
    out = rms_norm(out, weights[prefix + "norm.weight"], LIGHTNING_NORM_EPS)
    gate = sigmoid(x @ weights[prefix + "output_gate.weight"].T)
    return (out * gate) @ weights[prefix + "out_proj.weight"].T


def rotate(config, x):
    """Rotates the pairs (j, j + rotary_dim / 2) of the first rotary_dim dims of x [T, heads, D].

    The angle is a product of two float32 numbers, as in the original code; everything after it is
    float64.
    """
    half = config.rotary_dim // 2
    exponent = np.arange(half, dtype=np.float32) * np.float32(2) / np.float32(config.rotary_dim)
    frequency = np.float32(1) / np.float32(config.rope_theta) ** exponent
    position = np.arange(len(x), dtype=np.float32)
    angle = (position[:, None] * frequency[None, :]).astype(np.float64)[:, None, :]
    a, b, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin, rest], axis=-1)


def softmax_attention(config, weights, prefix, x):
    """Causal grouped-query attention with rotary positions."""
    tokens, heads, kv_heads, dim = len(x), config.num_heads, config.num_kv_heads, config.head_dim
    q = (x @ weights[prefix + "q_proj.weight"].T).reshape(tokens, heads, dim)
    k = (x @ weights[prefix + "k_proj.weight"].T).reshape(tokens, kv_heads, dim)
    v = (x @ weights[prefix + "v_proj.weight"].T).reshape(tokens, kv_heads, dim)
    q, k = rotate(config, q), rotate(config, k)
    distance = np.arange(tokens)[:, None] - np.arange(tokens)[None, :]
    hidden = (distance < 0) | (distance >= (config.sliding_window or tokens))
    out = np.zeros((tokens, heads, dim))
    for h in range(heads):
        shared = h // (heads // kv_heads)
        scores = q[:, h] @ k[:, shared].T / math.sqrt(dim)
        scores[hidden] = -np.inf
        out[:, h] = softmax(scores) @ v[:, shared]
    return out.reshape(tokens, heads * dim) @ weights[prefix + "o_proj.weight"].T


def gated_mlp(x, gate, up, down):
    return (silu(x @ gate.T) * (x @ up.T)) @ down.T


def mixture_of_experts(config, weights, prefix, x):
    """Returns the weighted sum of the chosen experts, and the narrowest choice of the router."""
    logits = x @ weights[prefix + "gate.weight"].T
    top = config.experts_per_token
    out, gap = np.zeros_like(x), math.inf
    for t in range(len(x)):
        order = np.argsort(-logits[t], kind="stable")
        share = softmax(logits[t])[order[:top]]
        if top < len(order):
            gap = min(gap, logits[t, order[top - 1]] - logits[t, order[top]])
        for expert, part in zip(order[:top], share / share.sum(), strict=True):
            w1, w3, w2 = (
                weights[f"{prefix}experts.{expert}.{n}.weight"] for n in ("w1", "w3", "w2")
            )
            out[t] += part * gated_mlp(x[t], w1, w3, w2)
    return out, gap


def shared_expert(weights, prefix, x, experts):
    """Blends the routed experts with the shared one by a sigmoid gate, where it exists."""
    if prefix + "coefficient.weight" not in weights:
        return experts
    parts = [weights[f"{prefix}shared_mlp.{n}_proj.weight"] for n in ("gate", "up", "down")]
    share = sigmoid(x @ weights[prefix + "coefficient.weight"].T)
    return experts * (1.0 - share) + gated_mlp(x, *parts) * share


def decoder_layer(config, weights, layer, h):
    """One layer; the residual is the value after the norm, the raw stream is dropped."""
    prefix = f"model.layers.{layer}."
    x = rms_norm(h, weights[prefix + "input_layernorm.weight"], config.rms_norm_eps)
    if config.layer_is_lightning[layer]:
        attention = lightning_attention(config, weights, prefix + "self_attn.", x, layer)
        alpha, beta = config.linear_factors
    else:
        attention = softmax_attention(config, weights, prefix + "self_attn.", x)
        alpha, beta = config.full_factors
    h = alpha * x + beta * attention
    y = rms_norm(h, weights[prefix + "post_attention_layernorm.weight"], config.rms_norm_eps)
    experts, gap = mixture_of_experts(config, weights, prefix + "block_sparse_moe.", y)
    alpha, beta = config.mlp_factors
    return alpha * y + beta * shared_expert(weights, prefix, y, experts), gap


def forward(config, weights, input_ids):
    """Runs the whole model from an empty state over one sequence."""
    embeddings = weights["model.embed_tokens.weight"]
    h = embeddings[np.asarray(input_ids)]
    hidden_states, router_gap = [h], math.inf
    for layer in range(config.num_layers):
        h, gap = decoder_layer(config, weights, layer, h)
        router_gap = min(router_gap, gap)
        hidden_states.append(h)
    hidden_states[-1] = rms_norm(h, weights["model.norm.weight"], config.rms_norm_eps)
    head = weights.get("lm_head.weight", embeddings)
    return Result(hidden_states[-1] @ head.T, hidden_states, router_gap)


def run(directory, input_ids):
    """Loads the model in `directory` and runs it over `input_ids`."""
    return forward(parse_config(read_config(directory)), read_weights(directory), input_ids)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--tokens", required=True, help="ids with commas between them")
    options = parser.parse_args()
    result = run(options.model, [int(t) for t in options.tokens.split(",")])
    for row in result.logits:
        best = int(row.argmax())
        print(f"best {best} with {row[best]:.6f}, range {row.max() - row.min():.6f}")


if __name__ == "__main__":
    main()
