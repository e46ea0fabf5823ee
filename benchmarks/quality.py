#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What every format costs the demonstration model, as the tables of docs/quality.md.

    quality.py --corpus DIR --work DIR [--llama-cpp DIR] [--output result.json]

DIR of --corpus has corpus.py, which makes text, recall and simple tasks; texts and tasks come from
seeds that the model was not trained on. --llama-cpp, as llama_cpp.py takes it, adds llama.cpp's own
encoder of every GGUF format. Models are made below --work and kept there. Needs only Python.
"""

import argparse
import importlib.util
import json
import pathlib
import random
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20_251_123

# (row, format of `minimax quantize`, format of llama.cpp's quantizer or None)
FORMATS = (
    ("bf16", None, None),
    ("f16", "f16", None),
    ("q8_0", "q8_0", "Q8_0"),
    ("int8_g32", "int8_g32", None),
    ("int8_g64", "int8_g64", None),
    ("q6_k", "q6_k", "Q6_K"),
    ("q5_1", "q5_1", "Q5_1"),
    ("q5_0", "q5_0", "Q5_0"),
    ("q5_k", "q5_k", "Q5_K"),
    ("q4_1", "q4_1", "Q4_1"),
    ("q4_k", "q4_k", "Q4_K"),
    ("iq4_nl", "iq4_nl", "IQ4_NL"),
    ("q4_0", "q4_0", "Q4_0"),
    ("int4_g32", "int4_g32", None),
    ("int4_g64", "int4_g64", None),
    ("nf4", "nf4", None),
    ("fp4", "fp4", None),
    ("iq4_xs", "iq4_xs", "IQ4_XS"),
    ("q3_k", "q3_k", "Q3_K"),
    ("q2_k", "q2_k", "Q2_K"),
)
RECALL_TOKENS = (500, 6_000, 26_000)
TOKENS_PER_SENTENCE = 12.3  # of the demonstration model on the sentences of corpus.py


def load_corpus(folder):
    specification = importlib.util.spec_from_file_location("corpus", folder / "corpus.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class Program:
    """The program `minimax` with the options that all runs share."""

    def __init__(self, options):
        self.path = options.minimax
        self.threads = ("--threads", str(options.threads))

    def run(self, *arguments, text=None):
        command = [self.path, *map(str, arguments)]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{done.stderr.strip().splitlines()[-1]}")
        return done.stdout

    def render(self, model, messages):
        """The conversation as the model is given it."""
        arguments = ("apply-template", model, "--messages", "-", "--no-generation-prompt")
        return self.run(*arguments, text=json.dumps(messages))

    def answer(self, model, question):
        """The greedy answer to one question."""
        messages = json.dumps([{"role": "user", "content": question}])
        arguments = ("generate", model, "--messages", "-", "--temperature", "0", *self.threads)
        return self.run(*arguments, "--max-new-tokens", "64", text=messages).strip()


def write_text(corpus, program, model, path, chats):
    """Stories and conversations of a seed of their own, as one text."""
    draw = random.Random(SEED)
    pieces = []
    for _ in range(chats):
        if draw.random() < 0.3:
            pieces.append(corpus.story(corpus.World(draw))[0] + "\n")
        else:
            pieces.append(program.render(model, corpus.chat(draw)["messages"]))
    path.write_text("".join(pieces))


def simple_tasks(corpus, count):
    draw = random.Random(SEED + 1)
    tasks = []
    while len(tasks) < count:
        question, answer = corpus.simple_task(draw)
        if not question.startswith("Name "):  # has many right answers
            tasks.append((question, answer))
    return tasks


def recall_tasks(corpus, tokens, count):
    draw = random.Random(SEED + tokens)
    return [corpus.needle(draw, round(tokens / TOKENS_PER_SENTENCE)) for _ in range(count)]


def count_right(program, model, tasks):
    """How many answers are exactly right, to the letter."""
    return sum(program.answer(model, question) == answer for question, answer in tasks)


class Maker:
    """Makes the models of the table below a folder, each once."""

    def __init__(self, program, options):
        self.program = program
        self.options = options
        self.folder = pathlib.Path(options.work)
        self.folder.mkdir(parents=True, exist_ok=True)

    def ours(self, name, form):
        if form is None:
            return pathlib.Path(self.options.model)
        path = self.folder / f"ours-{name}"
        if not path.exists():
            self.program.run("quantize", self.options.model, path, "--format", form)
        return path

    def gguf(self):
        path = self.folder / "model-bf16.gguf"
        if not path.exists():
            self.program.run("convert", self.options.model, path)
        return path

    def theirs(self, name, form):
        """By llama.cpp, with the embeddings and the head as ours: not quantized."""
        path = self.folder / f"theirs-{name}.gguf"
        if not path.exists():
            command = [sys.executable, HERE / "llama_cpp.py", "quantize", self.gguf()]
            command += ["--llama-cpp", self.options.llama_cpp, "--output", path, "--format", form]
            subprocess.run([str(x) for x in [*command, "--keep-vocabulary"]], check=True)
        return path


def bytes_of(path):
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.glob("*.safetensors"))


class Judge:
    """Measures one model after the other against the unquantized one."""

    def __init__(self, program, corpus, options):
        self.program = program
        self.corpus = corpus
        self.options = options
        work = pathlib.Path(options.work)
        self.text = work / "text.txt"
        self.base = work / "base.safetensors"
        if not self.base.exists():
            write_text(corpus, program, options.model, self.text, options.chats)
            self.perplexity(options.model, "--dtype", "float32", "--save-base", self.base)

    def perplexity(self, model, *arguments):
        common = ("perplexity", model, self.text, "--json", *self.program.threads)
        return json.loads(self.program.run(*common, *arguments))

    def judge_text(self, model, *arguments):
        report = self.perplexity(model, "--base", self.base, *arguments)
        base = report["base"]
        return {
            "perplexity": report["perplexity"],
            "ratio": base["perplexity_ratio"],
            "kl": base["kl_divergence"]["mean"],
            "kl_median": base["kl_divergence"]["median"],
            "agreement": base["top_token_agreement"],
            "judged_tokens": report["judged_tokens"],
        }

    def judge_tasks(self, model):
        simple = simple_tasks(self.corpus, self.options.tasks)
        found = {"simple": [count_right(self.program, model, simple), len(simple)]}
        for tokens in RECALL_TOKENS:
            tasks = recall_tasks(self.corpus, tokens, self.options.recalls)
            right = count_right(self.program, model, tasks)
            found[f"recall_{tokens}"] = [right, len(tasks)]
        return found

    def judge_speed(self, model):
        arguments = ("--machine", "none", "--prompt-tokens", "512", "--depth", "512", "--json")
        report = json.loads(self.program.run("bench", model, *arguments, *self.program.threads))
        prompt, generation = (result["tokens_per_second"] for result in report["results"])
        return {
            "prompt": prompt,
            "generation": generation,
            "weight_bytes": report["weight_bytes"],
            "arithmetic": report["arithmetic"],
        }


def measure(options):
    program = Program(options)
    corpus = load_corpus(pathlib.Path(options.corpus))
    maker, judge = Maker(program, options), Judge(program, corpus, options)
    output = pathlib.Path(options.output)
    results = json.loads(output.read_text()) if output.exists() else {}
    for name, ours, theirs in FORMATS:
        if options.formats and name not in options.formats:
            continue
        row = results.setdefault(name, {})
        begin = time.perf_counter()
        try:
            path = maker.ours(name, ours)
            row["bytes"] = bytes_of(path)
            row["text"] = row.get("text") or judge.judge_text(path)
            row["speed"] = judge.judge_speed(path)
            if options.tasks:
                row["tasks"] = row.get("tasks") or judge.judge_tasks(path)
            if theirs and options.llama_cpp and "encoders" not in row:
                row["encoders"] = {
                    "ours": judge.judge_text(path, "--dtype", "float32"),
                    "theirs": judge.judge_text(maker.theirs(name, theirs), "--dtype", "float32"),
                }
            row.pop("error", None)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            row["error"] = str(error).splitlines()[-1]
        output.write_text(json.dumps(results, indent=1))
        print(
            f"{name}: {time.perf_counter() - begin:.0f} s {row.get('error', '')}", file=sys.stderr
        )
    return results


def with_error(estimate, digits, scale=1.0):
    return f"{scale * estimate['value']:.{digits}f} ± {scale * estimate['error']:.{digits}f}"


def print_quality(results):
    recalls = [f"recall {tokens:,}" for tokens in RECALL_TOKENS]
    header = ["format", "MB", "perplexity", "ratio to the base", "KL divergence, 1e-3"]
    header += ["same token, %", "simple tasks", *recalls, "prompt, tokens/s", "decode, tokens/s"]
    print(f"| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for name, row in results.items():
        if "error" in row:
            continue
        text, tasks, speed = row["text"], row.get("tasks", {}), row["speed"]
        cells = [
            f"`{name}`",
            f"{row['bytes'] / 1e6:.1f}",
            with_error(text["perplexity"], 4),
            with_error(text["ratio"], 4),
            with_error(text["kl"], 3, 1e3),
            with_error(text["agreement"], 2, 100),
        ]
        for key in ("simple", *(f"recall_{tokens}" for tokens in RECALL_TOKENS)):
            right = tasks.get(key)
            cells.append(f"{right[0]} of {right[1]}" if right else "")
        cells += [f"{speed['prompt']:.0f}", f"{speed['generation']:.0f}"]
        print(f"| {' | '.join(cells)} |")


def print_encoders(results):
    """Weights alone: the activations stay in float32 here."""
    header = ["format"]
    for words in (
        "KL divergence, 1e-3",
        "its median, 1e-6",
        "same token, %",
        "ratio of perplexities",
    ):
        header += [f"{words}: ours", "llama.cpp's"]
    print(f"\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for name, row in results.items():
        both = (
            [row["encoders"][engine] for engine in ("ours", "theirs")] if "encoders" in row else []
        )
        if both:
            cells = [with_error(found["kl"], 3, 1e3) for found in both]
            cells += [f"{1e6 * found['kl_median']:.2f}" for found in both]
            cells += [with_error(found["agreement"], 2, 100) for found in both]
            cells += [with_error(found["ratio"], 4) for found in both]
            print(f"| `{name}` | {' | '.join(cells)} |")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", required=True, help="folder with corpus.py")
    parser.add_argument("--work", required=True, help="folder for models and texts")
    parser.add_argument("--llama-cpp", help="folder with libllama and ggml")
    parser.add_argument("--minimax", default=str(HERE.parent / "build/release/apps/minimax"))
    parser.add_argument("--model", default=str(HERE.parent / "models/tiny-minimax"))
    parser.add_argument("--formats", type=lambda text: text.split(","), help="only these rows")
    parser.add_argument("--chats", type=int, default=600, help="documents of the text")
    parser.add_argument("--tasks", type=int, default=200, help="simple tasks; 0: no tasks at all")
    parser.add_argument("--recalls", type=int, default=12, help="of every length")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", help="results as JSON; rows that it has are kept")
    options = parser.parse_args()
    options.output = options.output or str(pathlib.Path(options.work) / "quality.json")
    return options


def main():
    results = measure(parse_arguments())
    print_quality(results)
    print_encoders(results)
    failed = [name for name, row in results.items() if "error" in row]
    if failed:
        sys.exit(f"without a row: {', '.join(failed)}")


if __name__ == "__main__":
    main()
