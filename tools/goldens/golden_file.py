# SPDX-License-Identifier: Apache-2.0
"""Writes golden.safetensors, with the versions and the command that made it in its metadata."""

import json
import platform
from pathlib import Path

import numpy as np
import safetensors
import torch
import transformers
from safetensors.numpy import save_file


def provenance(**more):
    """Returns the metadata of a golden: strings only, as the format wants."""
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "safetensors": safetensors.__version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    return {key: _text(value) for key, value in (versions | more).items()}


def _text(value):
    """Measured numbers with three digits: further ones depend on the alignment of memory."""
    return f"{value:.3g}" if isinstance(value, (float, np.floating)) else str(value)


def relative_difference(found, expected):
    """Returns the largest difference as a part of the range of the expected values."""
    return float(np.abs(found - expected).max() / (expected.max() - expected.min()))


def save(path, tensors, metadata):
    """Writes the tensors, floating ones as float32 and the others as int64."""
    stored = {}
    for name, value in tensors.items():
        value = np.asarray(value)
        kind = np.float32 if value.dtype.kind == "f" else np.int64
        stored[name] = np.ascontiguousarray(value.astype(kind))
    save_file(stored, path, metadata=metadata)
    _sort_metadata(Path(path))


def _sort_metadata(path):
    """Rewrites the header in a fixed order, for the sake of git: the library's order is random."""
    data = path.read_bytes()
    header_bytes = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + header_bytes])
    metadata = dict(sorted(header.pop("__metadata__").items()))
    text = json.dumps({"__metadata__": metadata} | header, separators=(",", ":"))
    text += " " * (-len(text) % 8)
    body = data[8 + header_bytes :]
    path.write_bytes(len(text).to_bytes(8, "little") + text.encode() + body)
