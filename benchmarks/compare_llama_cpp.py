#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures minimax beside llama.cpp on the same weights, in turns, and prints how both compare.

    compare_llama_cpp.py --llama-cpp DIR --models DIR [--output result.json]

--models holds model-FORMAT.gguf for every format; --llama-cpp is what llama_cpp.py takes. Every run
stands between two measurements of what the machine can do. Figures are medians over the passes. A
run during which other processes used the processors is repeated, and marked where that did not
help. Needs only Python.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
NOISE = 0.15  # processors that others may use during a run

# What is compared: the figure, the formats, what is aimed at and what must be reached.
RATIO_BARS = (
    (
        "tg@512",
        "decode at depth 512",
        {"q4_0": (2.6, 2.2), "q8_0": (2.2, 1.85), "bf16": (1.65, 1.4)},
    ),
    ("pp512", "prefill of 512", {"q4_0": (4.4, 3), "q8_0": (4.4, 3)}),
    ("pp2048", "prefill of 2048", {"q4_0": (4.4, 3), "q8_0": (4.4, 3)}),
)
SHARE_BARS = (
    ("tg@512", "percent_of_read_bandwidth", "decode, share of the read bandwidth", 95, 80),
    ("tg@512x8", "percent_of_read_bandwidth", "decode of 8 sequences, the same", 90, 75),
    ("pp512", "percent_of_peak", "prefill of 512, share of the peak", 65, 45),
    ("pp2048", "percent_of_peak", "prefill of 2048, share of the peak", 65, 45),
)


def busy_seconds():
    """Processor time of the whole machine, without idle time and waiting for disks."""
    fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    user, nice, system, _, _, irq, softirq, steal = fields[:8]
    return sum((user, nice, system, irq, softirq, steal)) / os.sysconf("SC_CLK_TCK")


def child_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(command):
    """Runs a command. Returns its output and how many processors others used meanwhile."""
    before = (busy_seconds(), child_seconds(), time.perf_counter())
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    busy, own, wall = (
        after - at
        for after, at in zip(
            (busy_seconds(), child_seconds(), time.perf_counter()), before, strict=True
        )
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout, max(0.0, busy - own) / wall


def run_json(command, attempts=1):
    """The JSON that a command prints, of the attempt that others disturbed least."""
    best = None
    for _ in range(attempts):
        text, others = run(command)
        if best is None or others < best["processors_of_others"]:
            best = {**json.loads(text), "processors_of_others": others}
        if others < NOISE:
            break
    best["noisy"] = best["processors_of_others"] >= NOISE
    return best


class Comparison:
    """The commands of both engines for one set of options."""

    def __init__(self, options):
        self.options = options
        self.peer = [sys.executable, str(HERE / "llama_cpp.py")]

    def path(self, form):
        return str(pathlib.Path(self.options.models) / f"model-{form}.gguf")

    def ours(self, form, *arguments):
        path = self.options.ours.get(form, self.path(form))
        common = ("--threads", str(self.options.threads), "--json")
        return [self.options.minimax, "bench", path, *common, *arguments]

    def theirs(self, form, *arguments):
        common = ("--llama-cpp", self.options.llama_cpp, "--threads", str(self.options.threads))
        return [*self.peer, "bench", self.path(form), *common, *arguments]

    def machine(self):
        threads = str(self.options.threads)
        command = [self.options.minimax, "bench", "--machine", "only", "--threads", threads]
        return run_json([*command, "--json"])

    def tests(self, form, ours):
        repetitions = ("--repetitions", str(self.options.repetitions))
        if ours:
            arguments = ("--prompt-tokens", "512,2048", "--depth", "512", "--batch", "1,8")
            return self.ours(form, *arguments, *repetitions)
        return self.theirs(form, "--prompt", "512,2048", "--depth", "512", *repetitions)

    def one_pass(self, form, number):
        """Both engines once; who begins changes from pass to pass."""
        result = {}
        for ours in (True, False) if number % 2 == 0 else (False, True):
            before = self.machine()
            found = run_json(self.tests(form, ours), self.options.attempts)
            found["machine_before"], found["machine_after"] = before, self.machine()
            result["ours" if ours else "theirs"] = found
        return result

    def memory(self, form):
        """Memory at its highest, in processes that measure nothing else."""
        ours = ("--machine", "none", "--prompt-tokens", "2048", "--generate-tokens", "8")
        theirs = ("--prompt", "2048", "--depth", "0", "--generate", "8", "--repetitions", "1")
        return {
            "ours": run_json(self.ours(form, *ours, "--depth", "0", "--repetitions", "1")),
            "theirs": run_json(self.theirs(form, *theirs)),
        }

    def start(self, form):
        """Seconds from the start of the program to the first token, with the file in memory."""
        path = self.options.ours.get(form, self.path(form))
        command = [self.options.minimax, "generate", path, "--prompt", "Hello"]
        command += ["--max-new-tokens", "1", "--threads", str(self.options.threads)]
        run(command)
        seconds = []
        for _ in range(self.options.repetitions):
            begin = time.perf_counter()
            run(command)
            seconds.append(time.perf_counter() - begin)
        return {"seconds": seconds, "median": statistics.median(seconds)}


def median_of(passes, engine, test, field="tokens_per_second"):
    """The median over the passes of one figure, or None where it was not measured. Passes that
    others disturbed count only where there are no others."""
    runs = [one[engine] for one in passes]
    values = [
        result[field]
        for found in [found for found in runs if not found["noisy"]] or runs
        for result in found["results"]
        if result["test"] == test and result.get(field) is not None
    ]
    return statistics.median(values) if values else None


def verdict(value, goal, must, higher_is_better=True):
    if value is None:
        return "-"
    sign = 1 if higher_is_better else -1
    if sign * value >= sign * goal:
        return "goal"
    return "must" if sign * value >= sign * must else "missed"


def rows_of(form, result):
    """Rows of the table: words, ours, theirs, figure, goal, must, verdict."""
    passes = result["passes"]
    for test, words, bars in RATIO_BARS:
        ours, theirs = (median_of(passes, engine, test) for engine in ("ours", "theirs"))
        if ours and theirs:
            goal, must = bars.get(form, (None, None))
            judged = verdict(ours / theirs, goal, must) if goal else ""
            yield words, f"{ours:.1f}", f"{theirs:.1f}", f"{ours / theirs:.2f}x", goal, must, judged
    for test, field, words, goal, must in SHARE_BARS:
        ours = median_of(passes, "ours", test)
        share = median_of(passes, "ours", test, field)
        if ours and share:
            if field == "percent_of_peak" and form == "bf16":
                goal = must = None
            judged = verdict(share, goal, must) if goal else ""
            yield words, f"{ours:.1f}", "", f"{share:.1f} %", goal, must, judged
    memory = result["memory"]["ours"]
    held = memory["weight_bytes"] + memory["state_bytes"]
    ratio = memory["peak_memory_bytes"] / held
    peak = result["memory"]["theirs"]["peak_memory_bytes"]
    yield (
        "peak memory over weights and state",
        f"{memory['peak_memory_bytes'] / 2**20:.0f} MiB",
        f"{peak / 2**20:.0f} MiB",
        f"{ratio:.3f}x",
        1.03,
        1.08,
        verdict(ratio, 1.03, 1.08, higher_is_better=False),
    )
    start = result["start"]["median"]
    goal, must = (0.3, 0.6) if form == "q4_0" else (None, None)
    judged = verdict(start, goal, must, higher_is_better=False) if goal else ""
    first = statistics.median(one["theirs"]["first_token_seconds"] for one in passes)
    yield "start to first token", f"{start:.2f} s", f"{first:.2f} s", "", goal, must, judged


def print_tables(results):
    header = ("", "ours", "llama.cpp", "figure", "goal", "must", "reached")
    for form, result in results.items():
        print(f"\n## {form}\n\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
        for row in rows_of(form, result):
            print("| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |")
        runs = [one[engine] for one in result["passes"] for engine in ("ours", "theirs")]
        noisy = sum(found["noisy"] for found in runs)
        machines = [found[key] for found in runs for key in ("machine_before", "machine_after")]
        for name in ("read_gb_per_second", "bfloat16_gflop_per_second", "int8_gop_per_second"):
            values = [machine[name] for machine in machines]
            print(
                f"\n{name}: median {statistics.median(values):.1f}, "
                f"{min(values):.1f} to {max(values):.1f}"
            )
        print(f"\n{noisy} of {len(runs)} runs were disturbed by other processes")


def pair(text):
    form, _, path = text.partition("=")
    return form, path


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minimax", default=str(HERE.parent / "build/release/apps/minimax"))
    parser.add_argument("--llama-cpp", required=True, help="folder with libllama and ggml")
    parser.add_argument("--models", required=True, help="folder with model-FORMAT.gguf")
    parser.add_argument("--formats", default="q4_0,q8_0,bf16")
    parser.add_argument(
        "--ours",
        type=pair,
        action="append",
        default=[],
        metavar="FORMAT=MODEL",
        help="another model for minimax, such as a directory with the same weights",
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--attempts", type=int, default=3, help="of a run that others disturb")
    parser.add_argument("--output", help="file for everything that was measured, as JSON")
    options = parser.parse_args()
    options.ours = dict(options.ours)
    return options


def main():
    options = parse_arguments()
    comparison = Comparison(options)
    results = {}
    for form in options.formats.split(","):
        results[form] = {
            "memory": comparison.memory(form),
            "start": comparison.start(form),
            "passes": [],
        }
        for number in range(options.passes):
            print(f"{form}: pass {number + 1} of {options.passes}", file=sys.stderr)
            results[form]["passes"].append(comparison.one_pass(form, number))
            if options.output:
                pathlib.Path(options.output).write_text(json.dumps(results, indent=1))
    print_tables(results)


if __name__ == "__main__":
    main()
