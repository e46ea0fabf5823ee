# SPDX-License-Identifier: Apache-2.0
"""Reads a checkpoint in the Hugging Face layout with nothing but numpy.

Kept apart from the safetensors package so that the oracle shares no code with the program that
writes the goldens. It is not a validating reader: it trusts the files.
"""

import json
from pathlib import Path

import numpy as np


def _decode(raw, dtype, shape):
    """Returns the bytes of one tensor as float64 (or int64) in its shape."""
    if dtype == "BF16":
        wide = np.frombuffer(raw, "<u2").astype(np.uint32) << 16
        return wide.view(np.float32).astype(np.float64).reshape(shape)
    if dtype == "I64":
        return np.frombuffer(raw, "<i8").reshape(shape)
    stored = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}[dtype]
    return np.frombuffer(raw, stored).astype(np.float64).reshape(shape)


def read_safetensors(path):
    """Returns ({name: array}, metadata) of one file; floating tensors become float64."""
    data = Path(path).read_bytes()
    header_bytes = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + header_bytes])
    metadata = header.pop("__metadata__", {})
    body = 8 + header_bytes
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = _decode(data[body + begin : body + end], entry["dtype"], entry["shape"])
    return tensors, metadata


def read_weights(directory):
    """Returns {name: float64 array} of a single file or of all shards that the index names."""
    directory = Path(directory)
    index = directory / "model.safetensors.index.json"
    if not index.exists():
        return read_safetensors(directory / "model.safetensors")[0]
    files = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    weights = {}
    for file in files:
        weights.update(read_safetensors(directory / file)[0])
    return weights


def read_config(directory):
    """Returns config.json as a dictionary."""
    return json.loads((Path(directory) / "config.json").read_text())
