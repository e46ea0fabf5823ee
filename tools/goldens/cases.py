# SPDX-License-Identifier: Apache-2.0
"""The table of random models: what each is for, its config.json and how its weights are stored.

A case names its oracle. `transformers` is the published implementation; `numpy` is
tests/oracle/minimax_numpy.py, for what transformers does not implement. Every model is small enough
to be committed with its weights.
"""

from dataclasses import dataclass, field

LIGHTNING, SOFTMAX = "linear_attention", "full_attention"
VOCABULARY = 97


@dataclass(frozen=True)
class Case:
    """One directory under tests/golden."""

    name: str
    purpose: str
    config: dict
    oracle: str = "transformers"
    lengths: tuple = ()  # empty: around the block size, see block_lengths
    hidden_lengths: tuple = ()  # which of the lengths also keep the hidden states
    dtype: str = "bfloat16"  # or "mixed"; see random_model.choose_dtype
    shards: int = 1
    zero_rows: int = 0  # last rows of the vocabulary that are zero, as in the release
    decay_buffers: bool = False  # also store decay tensors, with wrong values
    greedy: dict = field(default_factory=dict)  # prompt length and new tokens to record


def block_lengths(block):
    """Lengths at which the block form of lightning attention may go wrong."""
    return (1, 2, block - 1, block, block + 1, 3 * block + 5)


def hf_config(layer_types, **changes):
    """A config.json of the -hf dialect; a value of None removes the key."""
    config = {
        "architectures": ["MiniMaxForCausalLM"],
        "model_type": "minimax",
        "hidden_size": 32,
        "intermediate_size": 24,
        "num_hidden_layers": len(layer_types),
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 12,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "vocab_size": VOCABULARY,
        "block_size": 16,
        "layer_types": list(layer_types),
        "full_attn_alpha_factor": 1.5,
        "full_attn_beta_factor": 1.0,
        "linear_attn_alpha_factor": 1.5,
        "linear_attn_beta_factor": 1.0,
        "mlp_alpha_factor": 1.5,
        "mlp_beta_factor": 1.0,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
        "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "router_jitter_noise": 0.0,
        "sliding_window": None,
        "dtype": "bfloat16",
    }
    config.update(changes)
    return {key: value for key, value in config.items() if value is not None}


def original_config(attn_type_list, **changes):
    """A config.json of the dialect of the first release; null ids stay null as they do there."""
    config = {
        "architectures": ["MiniMaxText01ForCausalLM"],
        "model_type": "minimax_text_01",
        "hidden_size": 32,
        "intermediate_size": 24,
        "num_hidden_layers": len(attn_type_list),
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 12,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "vocab_size": VOCABULARY,
        "attn_type_list": list(attn_type_list),
        "layernorm_full_attention_alpha": 1.6,
        "layernorm_full_attention_beta": 1.0,
        "layernorm_linear_attention_alpha": 1.4,
        "layernorm_linear_attention_beta": 1.0,
        "layernorm_mlp_alpha": 1.5,
        "layernorm_mlp_beta": 1.0,
        "postnorm": True,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000,
        "rotary_dim": 6,
        "max_position_embeddings": 4096,
        "shared_intermediate_size": 0,
        "shared_moe_mode": "sigmoid",
        "router_jitter_noise": 0.0,
        "sliding_window": None,
        "attention_dropout": 0.0,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    config.update(changes)
    return config


def _transformers_cases():
    mixed = (LIGHTNING, SOFTMAX, LIGHTNING)
    return [
        Case(
            "lightning_first",
            "layer 0 lightning, grouped key-value heads, head_dim * heads differs from hidden_size",
            hf_config((LIGHTNING, LIGHTNING, SOFTMAX, LIGHTNING)),
            hidden_lengths=(1, 17),
        ),
        Case(
            "softmax_first",
            "layer 0 softmax, as many key-value heads as heads, no head_dim, top-level rope_theta",
            hf_config(
                (SOFTMAX, LIGHTNING, SOFTMAX),
                num_key_value_heads=4,
                head_dim=None,
                rope_parameters=None,
                rope_theta=500.0,
            ),
            hidden_lengths=(17,),
        ),
        Case(
            "heads_6",
            "a head count that is no power of two, and a block length that is none either",
            hf_config(
                mixed, num_attention_heads=6, num_key_value_heads=3, head_dim=8, block_size=10
            ),
            hidden_lengths=(11,),
        ),
        Case("one_layer_lightning", "a single lightning layer", hf_config((LIGHTNING,))),
        Case(
            "one_layer_softmax",
            "a single softmax layer, all heads share one key-value head",
            hf_config((SOFTMAX,), num_key_value_heads=1),
        ),
        Case(
            "unequal_factors",
            "six different residual factors",
            hf_config(
                mixed,
                full_attn_alpha_factor=1.7,
                full_attn_beta_factor=0.8,
                linear_attn_alpha_factor=2.3,
                linear_attn_beta_factor=1.2,
                mlp_alpha_factor=1.4,
                mlp_beta_factor=0.6,
            ),
            hidden_lengths=(17,),
        ),
        Case(
            "tied_embeddings",
            "tie_word_embeddings with no lm_head.weight in the file",
            hf_config((LIGHTNING, SOFTMAX), tie_word_embeddings=True),
        ),
        Case(
            "eos_list",
            "a list of eos ids, and a greedy answer that ends with the second of them",
            hf_config((LIGHTNING, SOFTMAX)),
            greedy={"prompt_tokens": 7, "stop_after": 9},
        ),
        Case(
            "dtype_float16",
            "all tensors float16",
            hf_config(mixed, dtype="float16"),
            dtype="float16",
        ),
        Case(
            "dtype_float32",
            "all tensors float32",
            hf_config(mixed, dtype="float32"),
            dtype="float32",
        ),
        Case(
            "dtype_mixed",
            "bfloat16 with float32 router and norms and some float16, no dtype in the config",
            hf_config(mixed, dtype=None),
            dtype="mixed",
        ),
        Case("shards", "three files and an index", hf_config(mixed), shards=3),
        Case(
            "decay_buffers",
            "stored decay tensors with wrong values, which must be ignored",
            hf_config(mixed, num_attention_heads=2, num_key_value_heads=1),
            decay_buffers=True,
        ),
        Case("top_1", "one expert per token", hf_config(mixed, num_experts_per_tok=1)),
        Case(
            "top_3_of_5",
            "three of five experts per token",
            hf_config(mixed, num_local_experts=5, num_experts_per_tok=3, intermediate_size=16),
        ),
        Case(
            "norm_eps",
            "rms_norm_eps 1e-2, so that the 1e-6 of the lightning norm shows",
            hf_config(mixed, rms_norm_eps=1e-2),
            hidden_lengths=(17,),
        ),
        Case(
            "default_block_size",
            "block_size absent: 256; all factors 1",
            hf_config(
                mixed,
                block_size=None,
                rope_parameters={"rope_theta": 1e6, "rope_type": "default"},
                full_attn_alpha_factor=1.0,
                full_attn_beta_factor=1.0,
                linear_attn_alpha_factor=1.0,
                linear_attn_beta_factor=1.0,
                mlp_alpha_factor=1.0,
                mlp_beta_factor=1.0,
            ),
            lengths=(5, 53),
        ),
    ]


def _numpy_cases():
    short = (1, 2, 17, 53)
    text_01 = (0, 0, 1, 0)
    return [
        Case(
            "text_01",
            "the first release in small: half of each head rotated, eps 1e-2, more than one block",
            original_config(text_01, rms_norm_eps=1e-2),
            oracle="numpy",
            lengths=(1, 2, 17, 300),
            hidden_lengths=(17,),
        ),
        Case(
            "m1",
            "class M1: shards, float32 router, zero rows at the end of the vocabulary, null ids",
            original_config(
                text_01, architectures=["MiniMaxM1ForCausalLM"], model_type="minimax_m1"
            ),
            oracle="numpy",
            lengths=short,
            hidden_lengths=(17,),
            dtype="release",
            shards=2,
            zero_rows=5,
        ),
        Case(
            "alibi_heads_6",
            "interleaved slopes of the original class for six heads",
            original_config(
                (0, 1, 0), num_attention_heads=6, num_key_value_heads=2, head_dim=8, rotary_dim=4
            ),
            oracle="numpy",
            lengths=short,
            hidden_lengths=(17,),
        ),
        Case(
            "alibi_one_layer",
            "original class, one lightning layer of twelve heads: layer factor 1 + 1e-5",
            original_config(
                (0,), num_attention_heads=12, num_key_value_heads=4, head_dim=4, rotary_dim=2
            ),
            oracle="numpy",
            lengths=short,
        ),
        Case(
            "partial_rotary_factor",
            "-hf dialect with partial_rotary_factor 0.5 at top level",
            hf_config((LIGHTNING, SOFTMAX, LIGHTNING), partial_rotary_factor=0.5),
            oracle="numpy",
            lengths=short,
            hidden_lengths=(17,),
        ),
        Case(
            "partial_rotary_nested",
            "-hf dialect with partial_rotary_factor 0.5 inside rope_parameters",
            hf_config(
                (SOFTMAX, LIGHTNING),
                rope_parameters={
                    "rope_theta": 10000.0,
                    "rope_type": "default",
                    "partial_rotary_factor": 0.5,
                },
            ),
            oracle="numpy",
            lengths=short,
        ),
        Case(
            "shared_expert",
            "shared expert with sigmoid gate, its size a number, three different alphas and betas",
            original_config(
                (0, 1, 0),
                shared_intermediate_size=24,
                layernorm_full_attention_beta=0.8,
                layernorm_linear_attention_beta=1.2,
                layernorm_mlp_beta=0.7,
            ),
            oracle="numpy",
            lengths=short,
            hidden_lengths=(17,),
        ),
        Case(
            "shared_expert_list",
            "shared expert, its size a list of one number, key-value heads equal to heads",
            original_config((1, 0), shared_intermediate_size=[24], num_key_value_heads=4),
            oracle="numpy",
            lengths=short,
        ),
        Case(
            "shared_size_zero_list",
            "no shared expert, its size the list [0]",
            original_config((0, 1), shared_intermediate_size=[0]),
            oracle="numpy",
            lengths=short,
        ),
    ]


def _window_cases():
    """Sliding windows, at lengths below, at and far above them; block_size is 16."""
    long = 20
    return [
        Case(
            "window/lightning_first",
            "a window of 8 keys, layer 0 lightning",
            hf_config((LIGHTNING, SOFTMAX, LIGHTNING), sliding_window=8),
            lengths=(3, 7, 8, 9, 16, 8 * long),
            hidden_lengths=(9,),
        ),
        Case(
            "window/softmax_first",
            "a window of 8 keys, layer 0 softmax, two softmax layers",
            hf_config((SOFTMAX, LIGHTNING, SOFTMAX), sliding_window=8),
            lengths=(3, 7, 8, 9, 16, 8 * long),
            hidden_lengths=(9,),
        ),
        Case(
            "window/one_key",
            "a window of 1 key: every token attends to itself alone",
            hf_config((SOFTMAX, LIGHTNING), sliding_window=1),
            lengths=(1, 2, 33),
            hidden_lengths=(2,),
        ),
        Case(
            "window/not_reached",
            "a window longer than every text, which changes nothing",
            hf_config((LIGHTNING, SOFTMAX), sliding_window=100),
            lengths=(5, 53),
        ),
    ]


def all_cases():
    """Every random model, in the order of its seed."""
    return _transformers_cases() + _numpy_cases() + _window_cases()
