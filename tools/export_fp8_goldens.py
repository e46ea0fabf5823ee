#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes weights of e4m3 numbers with every kind of scales that fp8 checkpoints have, and what torch
decodes them to, to tests/golden/fp8; tests/golden/README.md describes the files.

    venv/bin/pip install torch safetensors
    venv/bin/python tools/export_fp8_goldens.py
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "fp8"
LARGEST = 448.0
BLOCK = 128


def encoded(weight, scale):
    return (weight / scale).clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn)


def spread(scale, rows, columns):
    """Scales of blocks as one for each element."""
    return scale.repeat_interleave(BLOCK, -2)[..., :rows, :].repeat_interleave(BLOCK, -1)[..., :columns]


def block_scales(weight):
    rows, columns = weight.shape[-2:]
    scale = torch.zeros(*weight.shape[:-2], -(-rows // BLOCK), -(-columns // BLOCK))
    for r in range(scale.shape[-2]):
        for c in range(scale.shape[-1]):
            part = weight[..., r * BLOCK : (r + 1) * BLOCK, c * BLOCK : (c + 1) * BLOCK]
            scale[..., r, c] = part.abs().amax((-2, -1)) / LARGEST
    return scale


def main():
    torch.manual_seed(8)
    stored, decoded = {}, {}

    def add(name, ending, codes, scale, wide):
        stored[name], stored[name + ending] = codes, scale
        decoded[name] = codes.float() * wide

    for name, shape in (("blocks", (160, 256)), ("ragged_blocks", (20, 200)), ("experts", (3, 24, 128))):
        weight = torch.randn(shape) * 0.02
        scale = block_scales(weight)
        wide = spread(scale, *shape[-2:])
        add(f"{name}.weight", "_scale_inv", encoded(weight, wide), scale, wide)
    for name, shape, dtype in (
        ("channels", (24, 256), torch.float32),
        ("channels_bf16", (9, 128), torch.bfloat16),
        ("odd_channels", (7, 96), torch.float32),
    ):
        weight = torch.randn(shape) * 0.02
        scale = (weight.abs().amax(1, keepdim=True) / LARGEST).to(dtype)
        add(f"{name}.weight", "_scale", encoded(weight, scale.float()), scale, scale.float())
    weight = torch.randn(5, 128)
    scale = weight.abs().max() / LARGEST
    add("tensor.weight", "_scale", encoded(weight, scale), scale, scale)
    stored["tensor.input_scale"] = torch.tensor(0.5)
    stored["plain.weight"] = torch.ones(4)

    values = torch.cat((torch.randn(2000) * 2.0 ** torch.randint(-12, 10, (2000,)).float(),
                        torch.arange(-64, 64) * 2.0**-11, torch.tensor([448.0, 460.0, 1e30, -0.0])))
    decoded["values"] = values
    decoded["codes"] = values.clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn).view(torch.uint8)
    decoded["all_codes"] = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
    GOLDEN.mkdir(parents=True, exist_ok=True)
    save_file(stored, GOLDEN / "model.safetensors", metadata={"format": "pt"})
    save_file(decoded, GOLDEN / "decoded.safetensors", metadata={"torch": torch.__version__})


if __name__ == "__main__":
    main()
