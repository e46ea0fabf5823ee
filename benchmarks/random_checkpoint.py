#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a checkpoint with random weights as fast as the disk takes them, to measure how
fast models load: config.json and safetensors files of Text-01's width, or of another one."""

import argparse
import json
import math
import random
import struct
from collections.abc import Iterator
from pathlib import Path

BLOCKS = {"int4_g64": (64, 34), "int4_g32": (32, 18), "int8_g32": (32, 34)}  # elements, bytes
POOL_NUMBERS = 16 << 20


def geometry(changes: list[str]) -> dict:
    config = {
        "architectures": ["MiniMaxForCausalLM"],
        "hidden_size": 6144,
        "intermediate_size": 9216,
        "num_hidden_layers": 2,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "num_local_experts": 32,
        "num_experts_per_tok": 2,
        "vocab_size": 200064,
        "rope_theta": 10000000,
        "max_position_embeddings": 1048576,
        "rms_norm_eps": 1e-05,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    }
    for key in ("full_attn", "linear_attn", "mlp"):
        config |= {f"{key}_alpha_factor": 2.0, f"{key}_beta_factor": 1.0}
    for change in changes:
        key, _, value = change.partition("=")
        config[key] = int(value)
    layers = range(config["num_hidden_layers"])
    config["layer_types"] = ["full_attention" if i % 8 == 7 else "linear_attention" for i in layers]
    return config


def attention(config: dict, is_softmax: bool) -> Iterator[tuple[str, list[int]]]:
    hidden = config["hidden_size"]
    width = config["num_attention_heads"] * config["head_dim"]
    kv_width = config["num_key_value_heads"] * config["head_dim"]
    if is_softmax:
        rows = {"q": width, "k": kv_width, "v": kv_width}
        yield from ((f"{name}_proj.weight", [count, hidden]) for name, count in rows.items())
        yield "o_proj.weight", [hidden, width]
    else:
        yield "qkv_proj.weight", [3 * width, hidden]
        yield "output_gate.weight", [width, hidden]
        yield "norm.weight", [width]
        yield "out_proj.weight", [hidden, width]


def tensors(config: dict) -> Iterator[tuple[str, list[int]]]:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    yield "model.embed_tokens.weight", [config["vocab_size"], hidden]
    for i, kind in enumerate(config["layer_types"]):
        layer = f"model.layers.{i}."
        for name, shape in attention(config, kind == "full_attention"):
            yield f"{layer}self_attn.{name}", shape
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield f"{layer}{norm}.weight", [hidden]
        moe = f"{layer}block_sparse_moe."
        yield f"{moe}gate.weight", [config["num_local_experts"], hidden]
        for expert in range(config["num_local_experts"]):
            prefix = f"{moe}experts.{expert}."
            yield f"{prefix}w1.weight", [inner, hidden]
            yield f"{prefix}w3.weight", [inner, hidden]
            yield f"{prefix}w2.weight", [hidden, inner]
    yield "model.norm.weight", [hidden]
    yield "lm_head.weight", [config["vocab_size"], hidden]


def random_numbers(count: int) -> bytes:
    """In bfloat16, of magnitudes from 2^-8 to 2^-7: as weights are, and none of them zero."""
    source = random.Random(1)
    pool = bytearray(2 * count)
    pool[0::2] = source.randbytes(count).translate(bytes(b | 0x80 for b in range(256)))
    pool[1::2] = source.randbytes(count).translate(bytes(b & 0x80 | 0x3B for b in range(256)))
    return bytes(pool)


def stored(name: str, shape: list[int], form: str) -> tuple[str, list[int]]:
    """The type and shape in the file: blocks, as `minimax quantize` writes them, or bfloat16."""
    is_projection = ".experts." in name or name.endswith(("proj.weight", "output_gate.weight"))
    if form == "bf16" or not is_projection:
        return "BF16", shape
    elements, block_bytes = BLOCKS[form]
    return "U8", [*shape[:-1], shape[-1] // elements * block_bytes]


def stored_bytes(name: str, shape: list[int], form: str) -> int:
    kind, extents = stored(name, shape, form)
    return math.prod(extents) * (2 if kind == "BF16" else 1)


def write_file(path: Path, part: list[tuple[str, list[int]]], form: str, pool: memoryview) -> None:
    header, end = {"__metadata__": {}}, 0
    for name, shape in part:
        kind, extents = stored(name, shape, form)
        begin, end = end, end + stored_bytes(name, shape, form)
        header[name] = {"dtype": kind, "shape": extents, "data_offsets": [begin, end]}
        if kind == "U8":
            header["__metadata__"][f"minimax.format:{name}"] = form
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb", buffering=0) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        while end > 0:
            end -= file.write(pool[: min(end, len(pool))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=N", help="of config.json")
    parser.add_argument("--format", default="bf16", choices=["bf16", *BLOCKS])
    parser.add_argument("--file-gb", type=float, default=4.0, help="size of the files")
    arguments = parser.parse_args()
    config = geometry(arguments.set)
    if arguments.format != "bf16":
        config["quantization_config"] = {"quant_method": "minimax", "version": 1}
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "config.json").write_text(json.dumps(config, indent=1))
    pool = memoryview(random_numbers(POOL_NUMBERS))
    part, size, index, weight_map = [], 0.0, 1, {}

    def flush() -> None:
        name = f"model-{index:05d}.safetensors"
        write_file(arguments.folder / name, part, arguments.format, pool)
        weight_map.update({tensor: name for tensor, _ in part})

    for name, shape in tensors(config):
        part.append((name, shape))
        size += 1e-9 * stored_bytes(name, shape, arguments.format)
        if size >= arguments.file_gb:
            flush()
            part, size, index = [], 0.0, index + 1
    if part:
        flush()
    index_file = arguments.folder / "model.safetensors.index.json"
    index_file.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


if __name__ == "__main__":
    main()
