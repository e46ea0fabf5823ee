#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table of what benchmarks/cuda.sh measured: every row with its goal, the least that is wanted and
the peer of the same run. Rows whose benchmark did not run show a dash."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Row:
    name: str
    unit: str
    goal: float
    must: float
    measured: Callable[["Results"], float | None]
    peer: str = ""  # of cuda_peers.py
    less_is_better: bool = False


class Results:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(errors="replace") if path.exists() else ""

    def best(self, name: str, pattern: str, most: bool) -> float | None:
        """The best of what matches, of kernels that the engine uses; group 1 is the figure."""
        found = [float(x) for x in re.findall(pattern, self.text(name))]
        return (max if most else min)(found) if found else None

    def model(self, name: str, test: str) -> dict | None:
        try:
            results = json.loads(self.text(name + ".json"))["results"]
        except (ValueError, KeyError):
            return None
        return next((row for row in results if row["test"] == test), None)


def lightning(tokens: int, batch: int, unit: float):
    # Others are variants: without SiLU, or that put off writing states.
    start = "step" if tokens == 1 else "hopper pair tanh"
    pattern = rf"(?m)^{start} +B +{batch} T +{tokens} +([\d.]+) us"
    name = "cuda_ops_lightning_attention_bench.txt"

    def value(results: Results) -> float | None:
        found = results.best(name, pattern, most=False)
        return None if found is None else found / unit

    return value


def attention(pattern: str, unit: float = 1.0):
    def value(results: Results) -> float | None:
        found = results.best("cuda_ops_softmax_attention_bench.txt", pattern, most=True)
        return None if found is None else found / unit

    return value


# What an H200 copies at, in TB/s: the roof of the experts of few tokens.
COPY_RATE = 4.26


def experts_decode(tokens: int):
    pattern = rf"moe int4_g64 +even +{tokens} tokens.* ([\d.]+) TB/s"

    def value(results: Results) -> float | None:
        found = results.best("cuda_ops_moe_decode_bench.txt", pattern, most=True)
        return found and 100 * found / COPY_RATE

    return value


def experts_prompt(form: str):
    def value(results: Results) -> float | None:
        text = results.text("cuda_ops_tile_product_bench.txt")
        part = re.search(
            rf"{form}, 8192 tokens\n(?:  .*\n)*?  layer +[\d.]+ us +([\d.]+) TFLOP/s", text
        )
        return float(part.group(1)) if part else None

    return value


def tokens_per_second(name: str, test: str):
    def value(results: Results) -> float | None:
        row = results.model(name, test)
        return row and row["tokens_per_second"]

    return value


def step_ms(name: str, test: str):
    def value(results: Results) -> float | None:
        row = results.model(name, test)
        return row and 1e3 / row["tokens_per_second"]

    return value


def percent_of_peak(test: str):
    def value(results: Results) -> float | None:
        row = results.model("layers40", test)
        return row and row["percent_of_peak"]

    return value


def percent_of_upload(results: Results) -> float | None:
    try:
        return json.loads(results.text("load.json"))["percent_of_upload"]
    except (ValueError, KeyError):
        return None


def over_floor(results: Results) -> float | None:
    row = results.model("layers8", "tg@1048576")
    return (
        100 / row["percent_of_read_bandwidth"] if row and row["percent_of_read_bandwidth"] else None
    )


ROWS = [
    Row(
        "lightning, prompt of 16k",
        "ms",
        0.30,
        0.43,
        lightning(16384, 1, 1e3),
        "fla_prompt_16384",
        True,
    ),
    Row(
        "lightning, prompt of 128k",
        "ms",
        2.3,
        3.3,
        lightning(131072, 1, 1e3),
        "fla_prompt_131072",
        True,
    ),
    Row("lightning, a token of 64", "us", 135, 155, lightning(1, 64, 1), less_is_better=True),
    Row("lightning, a token of 1", "us", 12, 25, lightning(1, 1, 1), less_is_better=True),
    Row(
        "softmax, prompt of 16k",
        "TFLOP/s",
        662,
        620,
        attention(r"prompt bf16, lazy +B +1 T +16384 behind +0 +[\d.]+ us +([\d.]+) TFLOP/s"),
        "cudnn_prompt_16384",
    ),
    Row(
        "softmax, a token behind 131k",
        "TB/s",
        4.3,
        3.9,
        attention(r"step 4 warps x 2 +B +1 keys +131072 +[\d.]+ us +([\d.]+) GB/s", 1e3),
        "cudnn_step_131072",
    ),
    Row(
        "softmax, a token behind 1M",
        "TB/s",
        4.5,
        4.1,
        attention(r"step 4 warps x 2 +B +1 keys +1048576 +[\d.]+ us +([\d.]+) GB/s", 1e3),
        "cudnn_step_1048576",
    ),
    Row(
        "experts of 8k tokens, bf16",
        "TFLOP/s",
        650,
        560,
        experts_prompt("bf16"),
        "grouped_mm_layer_8192",
    ),
    Row("experts of 8k tokens, int4", "TFLOP/s", 600, 480, experts_prompt("int4_g64")),
    Row("experts of 8k tokens, fp8", "TFLOP/s", 1150, 900, experts_prompt("fp8")),
    Row("experts of 1 token, int4", "% copy", 88, 75, experts_decode(1)),
    Row("experts of 8 tokens, int4", "% copy", 88, 75, experts_decode(8)),
    Row("experts of 64 tokens, int4", "% copy", 88, 75, experts_decode(64)),
    Row(
        "40 layers int4, decode of 1", "tokens/s", 270, 200, tokens_per_second("layers40", "tg@128")
    ),
    Row(
        "40 layers int4, decode of 8",
        "tokens/s",
        530,
        400,
        tokens_per_second("layers40", "tg@128x8"),
    ),
    Row(
        "40 layers int4, decode of 64",
        "tokens/s",
        1730,
        1250,
        tokens_per_second("layers40", "tg@128x64"),
    ),
    Row("40 layers int4, prompt of 8k", "% GEMM", 75, 60, percent_of_peak("pp8192")),
    Row("40 layers int4, prompt of 32k", "% GEMM", 75, 60, percent_of_peak("pp32768")),
    Row("4 layers bf16, a step", "ms", 1.9, 2.4, step_ms("layers4", "tg@128"), less_is_better=True),
    Row("loading 16 GB of bf16", "% link", 95, 85, percent_of_upload),
    Row("8 layers, 1M tokens, over floor", "times", 1.10, 1.25, over_floor, less_is_better=True),
]


def peers(folder: Path) -> dict[str, str]:
    path = folder / "peers.txt"
    found = {}
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        if match := re.fullmatch(r"(\w+) ([\d.]+) (\S+)", line):
            found[match.group(1)] = (
                f"{match.group(1).split('_')[0]} {match.group(2)} {match.group(3)}"
            )
    return found


def verdict(row: Row, value: float) -> str:
    def reaches(bar: float) -> bool:
        return value <= bar if row.less_is_better else value >= bar

    return "goal" if reaches(row.goal) else "must" if reaches(row.must) else "below"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: cuda_table.py FOLDER")
    results = Results(Path(sys.argv[1]))
    others = peers(results.folder)
    print(
        f"| {'':<32} | {'measured':>9} | {'unit':<8} | {'goal':>6} | {'must':>6} |       | peer |"
    )
    print("|---|---:|---|---:|---:|---|---|")
    for row in ROWS:
        value = row.measured(results)
        shown = "-" if value is None else f"{value:.4g}"
        reached = "" if value is None else verdict(row, value)
        print(
            f"| {row.name:<32} | {shown:>9} | {row.unit:<8} | {row.goal:>6g} | {row.must:>6g} |"
            f" {reached:<5} | {others.get(row.peer, '')} |"
        )


if __name__ == "__main__":
    main()
