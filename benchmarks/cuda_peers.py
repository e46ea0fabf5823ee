#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times what others have for the same work on this GPU: attention by cuDNN and FlashAttention 2 in
torch, experts by torch's grouped product, lightning attention by flash-linear-attention where it is
installed. One line of "name value unit" a figure; what a version lacks is left out and said why."""

import statistics
import sys

import torch
import torch.nn.functional as functional
from torch.nn.attention import SDPBackend, sdpa_kernel

DEVICE = "cuda"
TYPE = torch.bfloat16


def seconds(run, repetitions: int = 20) -> float:
    """The median time of a call, after some to warm up."""
    for _ in range(3):
        run()
    times = []
    for _ in range(repetitions):
        begin = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e-3)
    return statistics.median(times)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, device=DEVICE, dtype=TYPE)


def attention(backend: SDPBackend, name: str) -> None:
    with sdpa_kernel(backend):
        tokens = 16384
        q, k, v = random(1, 64, tokens, 128), random(1, 8, tokens, 128), random(1, 8, tokens, 128)
        time = seconds(
            lambda: functional.scaled_dot_product_attention(
                q, k, v, is_causal=True, enable_gqa=True
            )
        )
        print(f"{name}_prompt_16384 {2 * tokens * tokens * 64 * 128 / time * 1e-12:.1f} TFLOP/s")
        for keys in (131072, 1048576):
            q, k, v = random(1, 64, 1, 128), random(1, 8, keys, 128), random(1, 8, keys, 128)
            time = seconds(
                lambda: functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
            )
            print(f"{name}_step_{keys} {2 * 8 * keys * 128 * 2 / time * 1e-12:.3f} TB/s")


def experts() -> None:
    tokens, hidden, inner, count = 8192, 6144, 9216, 32
    x = random(2 * tokens, hidden)
    gate_up, down = random(count, hidden, 2 * inner), random(count, inner, hidden)
    ends = torch.arange(1, count + 1, device=DEVICE, dtype=torch.int32) * (2 * tokens // count)

    def layer() -> torch.Tensor:
        gate, up = torch._grouped_mm(x, gate_up, offs=ends).chunk(2, dim=-1)
        return torch._grouped_mm(functional.silu(gate) * up, down, offs=ends)

    flops = 2 * 2 * tokens * 3 * hidden * inner
    print(f"grouped_mm_layer_8192 {flops / seconds(layer) * 1e-12:.1f} TFLOP/s")


def lightning() -> None:
    from fla.ops.simple_gla import chunk_simple_gla  # pylint: disable=import-outside-toplevel

    slopes = -torch.exp2(-8 * torch.arange(1, 65, device=DEVICE) / 64)
    for tokens in (16384, 131072):
        q, k, v = (random(1, tokens, 64, 128) for _ in range(3))
        time = seconds(
            lambda: chunk_simple_gla(q, k, v, g_gamma=slopes, scale=1.0, output_final_state=True)
        )
        print(f"fla_prompt_{tokens} {time * 1e6:.1f} us")


def main() -> None:
    for name, run in {
        "cudnn": lambda: attention(SDPBackend.CUDNN_ATTENTION, "cudnn"),
        "fa2": lambda: attention(SDPBackend.FLASH_ATTENTION, "fa2"),
        "grouped_mm": experts,
        "fla": lightning,
    }.items():
        try:
            run()
        except (RuntimeError, ImportError, AttributeError, TypeError) as error:
            print(f"{name}: left out: {str(error).splitlines()[0]}", file=sys.stderr)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
