#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the logits of minimax with those of llama.cpp, and both with float64.

    compare_llama_cpp_logits.py --llama-cpp DIR MODEL.gguf ...

On F32 weights, with llama.cpp's cache in float32 and without its flash attention, both must agree
to 1e-5 of the range of the logits. On other weights the errors of both are taken against float64
arithmetic on the same decoded weights: ours must have no larger root mean square and no more
changed arg-maxes. llama.cpp takes the model's epsilon for the norm of lightning attention, so all
three do here. Needs numpy and gguf; the models should be small. Exit code 1: a claim does not hold.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np

import gguf_float64

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "oracle"))

from checkpoint_numpy import read_safetensors  # noqa: E402

LIMIT = 1e-5  # of the range, on F32 weights


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


class Engines:
    """Logits [T, V] of one sequence by each of the three."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = pathlib.Path(folder)

    def ours(self, path, tokens, eps, dtype):
        file = self.folder / "ours.safetensors"
        ids = ",".join(map(str, tokens))
        run(
            *(self.options.minimax, "logits", path, "--tokens", ids, "--output", file),
            *("--dtype", dtype, "--lightning-norm-eps", repr(eps)),
            *("--threads", self.options.threads),
        )
        return read_safetensors(file)[0]["logits"]

    def llama_cpp(self, path, tokens, exact):
        file = self.folder / "theirs.f32"
        ids = ",".join(map(str, tokens))
        text = run(
            *(sys.executable, HERE / "llama_cpp.py", "logits", path, "--tokens", ids),
            *("--llama-cpp", self.options.llama_cpp, "--output", file),
            *("--threads", self.options.threads, *(["--exact"] if exact else [])),
        )
        width = json.loads(text)["vocab_size"]
        return np.fromfile(file, np.float32).reshape(-1, width).astype(np.float64)


def sequences(vocab_size, options):
    if options.ids:
        text = [int(part) for part in pathlib.Path(options.ids).read_text().split()]
        for begin in range(0, min(options.sequences * options.tokens, len(text)), options.tokens):
            yield text[begin : begin + options.tokens]
        return
    draw = random.Random(options.seed)
    for _ in range(options.sequences):
        yield [draw.randrange(vocab_size - 3) for _ in range(options.tokens)]


class Errors:
    """The differences to float64 of every row seen."""

    def __init__(self):
        self.squares = []  # the mean of a row
        self.changed = []  # whether the arg-max is another one

    def add(self, found, expected):
        self.squares.extend(((found - expected) ** 2).mean(axis=1))
        self.changed.extend(found.argmax(1) != expected.argmax(1))

    def describe(self):
        rms, middle = np.sqrt(np.mean(self.squares)), np.sqrt(np.median(self.squares))
        rows = len(self.changed)
        return (
            f"rms {rms:.3e} (median of a row {middle:.1e}), changed {sum(self.changed)} of {rows}"
        )


def verdict(ours, theirs):
    """One line for a claim that `ours` is no larger than `theirs`, row by row.

    A router that chooses another expert moves a row a hundred times further than rounding does, and
    whether it happens is chance. So the difference is given with the standard error of its mean.
    """
    difference = np.asarray(ours, float) - np.asarray(theirs, float)
    mean, error = difference.mean(), difference.std(ddof=1) / len(difference) ** 0.5
    if mean <= 0:
        return "holds", True
    if mean <= 2 * error:
        return f"holds within chance ({mean / error:.1f} standard errors above)", True
    return f"DOES NOT HOLD ({mean / error:.1f} standard errors above)", False


def compare_exactly(engines, path, model, options):
    """On F32 weights. Returns whether the claim holds."""
    worst = 0.0
    width = model.weights["lm_head.weight"].shape[0]
    for tokens in sequences(width, options):
        ours = engines.ours(path, tokens, model.eps, "float32")
        theirs = engines.llama_cpp(path, tokens, exact=True)
        exact = model.logits(tokens, model.eps)
        extent = exact.max() - exact.min()
        worst = max(worst, np.abs(ours - theirs).max() / extent)
    print(f"{path}: ours and llama.cpp differ by {worst:.1e} of the range at most")
    return worst <= LIMIT


def compare_errors(engines, path, model, options):
    """On weights of few bits. Returns whether the claims hold."""
    errors = {"ours": Errors(), "llama.cpp": Errors(), "llama.cpp, float32 cache": Errors()}
    width = model.weights["lm_head.weight"].shape[0]
    for tokens in sequences(width, options):
        expected = model.logits(tokens, model.eps)
        errors["ours"].add(engines.ours(path, tokens, model.eps, "auto"), expected)
        errors["llama.cpp"].add(engines.llama_cpp(path, tokens, exact=False), expected)
        exact = engines.llama_cpp(path, tokens, exact=True)
        errors["llama.cpp, float32 cache"].add(exact, expected)
    for name, found in errors.items():
        print(f"{path}: {name:26} {found.describe()}")
    ours, theirs = errors["ours"], errors["llama.cpp"]
    rms, rms_holds = verdict(ours.squares, theirs.squares)
    changed, changed_holds = verdict(ours.changed, theirs.changed)
    print(f"{path}: no larger rms: {rms}; no more changed: {changed}")
    return rms_holds and changed_holds


def is_exact(path):
    """Whether all matrices of the file are F32."""
    tensors = gguf_float64.gguf.GGUFReader(path).tensors
    return all(tensor.tensor_type == 0 for tensor in tensors)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL.gguf")
    parser.add_argument("--llama-cpp", required=True, help="folder with libllama and ggml")
    parser.add_argument("--minimax", default=str(HERE.parent / "build/release/apps/minimax"))
    parser.add_argument("--tokens", type=int, default=128, help="of a sequence")
    parser.add_argument("--sequences", type=int, default=8)
    parser.add_argument("--ids", help="file with token ids to take instead of random ones")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main():
    options = parse_arguments()
    holds = True
    with tempfile.TemporaryDirectory() as folder:
        engines = Engines(options, folder)
        for path in options.models:
            model = gguf_float64.Model(path)
            compare = compare_exactly if is_exact(path) else compare_errors
            held = compare(engines, path, model, options)
            print(f"{path}: {'holds' if held else 'DOES NOT HOLD'}", flush=True)
            holds = holds and held
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
