#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Decodes and encodes weights with other implementations and writes what comes out to
tests/golden/quant; tests/golden/README.md describes the files.

    python3 -m venv venv && venv/bin/pip install -r tools/requirements-quant-goldens.txt
    venv/bin/python tools/export_quant_goldens.py decode
    venv/bin/python tools/export_quant_goldens.py encode --ggml libggml-base.so
    venv/bin/python tools/export_quant_goldens.py bitsandbytes
"""

import argparse
import ctypes
from importlib.metadata import version
from pathlib import Path

import gguf
import numpy as np
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "quant"
TYPES = gguf.GGMLQuantizationType

# Where the binary16 numbers of a block lie.
HALVES = {
    "Q8_0": [0],
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
}
# The formats whose encoders the package has; they equal ggml's reference encoders.
ENCODED_BY_GGUF = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"]


def fnv1a(data):
    """The 64-bit FNV-1a hash of every row of bytes, as signed numbers."""
    hashes = np.full(data.shape[0], 0xCBF29CE484222325, dtype=np.uint64)
    for column in range(data.shape[1]):
        hashes = (hashes ^ data[:, column].astype(np.uint64)) * np.uint64(0x100000001B3)
    return hashes.view(np.int64)


def blocks_of_every_byte(name):
    """256 blocks in which every byte of the codes and sub-block scales takes all 256 values; the
    binary16 numbers run over normal and subnormal ones of both signs."""
    size = gguf.GGML_QUANT_SIZES[TYPES[name]][1]
    row = np.arange(256)[:, None]
    blocks = ((row + 37 * np.arange(size)[None, :]) % 256).astype(np.uint8)
    for field, offset in enumerate(HALVES[name]):
        bits = (row[:, 0] * 12347 + field * 777) & 0xFFFF
        bits = np.where((bits & 0x7C00) == 0x7C00, bits & 0x83FF, bits)  # no infinity, no NaN
        blocks[:, offset] = bits & 0xFF
        blocks[:, offset + 1] = bits >> 8
    return blocks


def save(name, tensors, **metadata):
    GOLDEN.mkdir(parents=True, exist_ok=True)
    metadata |= {
        "gguf": version("gguf"),
        "numpy": np.__version__,
        "script": "tools/export_quant_goldens.py",
    }
    tensors = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
    save_file(
        tensors, GOLDEN / f"{name}.safetensors", metadata={k: str(v) for k, v in metadata.items()}
    )


def export_decode(_arguments):
    tensors = {}
    for name in HALVES:
        blocks = blocks_of_every_byte(name)
        values = dequantize(blocks, TYPES[name]).astype(np.float32)
        assert np.isfinite(values).all(), name
        tensors[f"{name.lower()}.blocks"] = blocks
        tensors[f"{name.lower()}.hashes"] = fnv1a(values.view(np.uint8))
        tensors[f"{name.lower()}.values"] = values[1:2]
    save("decode", tensors, oracle="gguf.quants.dequantize")


def weights(seed):
    """16 rows of 512 numbers: bells of several widths, heavy tails, and rows of special values."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((16, 512)).astype(np.float32)
    rows[0:4] *= 0.02
    rows[4] *= 1e-6
    rows[5] = random.standard_t(3, 512) * 0.05
    rows[6] = np.abs(rows[6])
    rows[7] = -np.abs(rows[7]) * 100
    rows[8] = 0.25
    rows[9] = 0
    rows[10, ::3] = 0
    rows[11] += 3
    rows[12] = random.uniform(-1, 1, 512)
    rows[13, 100] = 60
    rows[14] = np.round(rows[14] * 4) / 4
    return rows


def ggml_encoder(path):
    library = ctypes.CDLL(path)
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = (
        [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    )

    def encode(name, rows, importance=None):
        elements, size = gguf.GGML_QUANT_SIZES[TYPES[name]]
        out = np.zeros((rows.shape[0], rows.shape[1] // elements * size), dtype=np.uint8)
        pointer = None if importance is None else importance.ctypes.data
        arguments = [TYPES[name], rows.ctypes.data, out.ctypes.data, 0, *rows.shape, pointer]
        library.ggml_quantize_chunk(*arguments)
        return out

    return encode


def row_errors(name, rows, encoded, importance):
    """The weighted sum of squared errors of every row."""
    difference = dequantize(encoded, TYPES[name]).astype(np.float64) - rows
    return (difference**2 * importance).sum(axis=1)


def export_encode(arguments):
    rows = weights(3)
    importance = np.random.default_rng(4).gamma(0.5, 1.0, 512).astype(np.float32) + np.float32(1e-3)
    tensors = {"rows": rows, "importance": importance}
    for name in ENCODED_BY_GGUF:
        tensors[f"{name.lower()}.reference"] = quantize(rows, TYPES[name])
    encode = ggml_encoder(arguments.ggml)
    for name in HALVES:
        plain = encode(name, rows)
        if name in ENCODED_BY_GGUF:
            assert (plain == tensors[f"{name.lower()}.reference"]).all(), name
        tensors[f"{name.lower()}.error"] = row_errors(name, rows, plain, 1.0)
        weighted = encode(name, rows, importance)
        tensors[f"{name.lower()}.weighted_error"] = row_errors(name, rows, weighted, importance)
    tensors = {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in tensors.items()}
    save("encode", tensors, oracle="gguf.quants.quantize for bytes, ggml_quantize_chunk for errors")


def export_bitsandbytes(_arguments):
    import bitsandbytes
    import torch
    from bitsandbytes import functional

    torch.set_num_threads(1)
    random = np.random.default_rng(5)
    flat = random.standard_normal(40 * 512 + 77).astype(np.float32) * np.float32(0.02)
    flat[:4096] *= np.repeat(random.gamma(1.0, 1.0, 64), 64).astype(np.float32)
    flat[4096:4224] = 0
    flat[5000] = 7
    flat[6016:6080] = np.linspace(-1, 1, 64)
    flat[-40:] = 0
    tensors = {"weights": flat, "map": functional.create_dynamic_map().numpy()}
    for kind in ["nf4", "fp4"]:
        for block in [32, 64, 128, 4096]:
            key = f"{kind}.{block}"
            weights_ = torch.from_numpy(flat.copy())
            codes, state = functional.quantize_4bit(weights_, blocksize=block, quant_type=kind)
            decoded = functional.dequantize_4bit(codes, state).numpy()
            tensors[f"{key}.codes"] = codes.flatten().numpy()
            tensors[f"{key}.absmax"] = state.absmax.numpy()
            tensors[f"{key}.hash"] = fnv1a(decoded.reshape(1, -1).view(np.uint8))
            codes, state = functional.quantize_4bit(
                weights_, blocksize=block, quant_type=kind, compress_statistics=True
            )
            absmax = functional.dequantize_blockwise(state.absmax, state.state2) + state.offset
            tensors[f"{key}.nested.codes"] = state.absmax.numpy()
            tensors[f"{key}.nested.absmax"] = state.state2.absmax.numpy()
            tensors[f"{key}.nested.offset"] = state.offset.reshape(1).numpy()
            tensors[f"{key}.nested.decoded"] = absmax.numpy()
    rows = torch.from_numpy(flat[: 16 * 512].reshape(16, 512).copy())
    rows[8] = 0
    codes, scales, _ = functional.int8_vectorwise_quant(rows)
    tensors["int8.rows"] = rows.numpy()
    tensors["int8.codes"] = codes.numpy()
    tensors["int8.scales"] = scales.numpy()
    tensors["int8.decoded"] = functional.int8_vectorwise_dequant(codes, scales).numpy()
    save(
        "bitsandbytes",
        tensors,
        oracle=f"bitsandbytes {bitsandbytes.__version__} on the CPU",
        torch=torch.__version__,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(required=True)
    commands.add_parser("decode").set_defaults(run=export_decode)
    commands.add_parser("bitsandbytes").set_defaults(run=export_bitsandbytes)
    encode = commands.add_parser("encode")
    encode.add_argument("--ggml", required=True, help="libggml-base.so of llama.cpp")
    encode.set_defaults(run=export_encode)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
