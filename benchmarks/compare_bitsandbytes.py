#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures minimax with nf4 weights beside transformers with bitsandbytes on the CPU, in turns.

    compare_bitsandbytes.py MODEL --ours NF4_MODEL

MODEL is a directory that transformers quantizes on loading; NF4_MODEL is the same model as
`minimax quantize --format nf4` writes it. transformers leaves the fused experts in bfloat16, so the
weights that it reads are given beside its speed. Needs torch, transformers and bitsandbytes.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent


def ours(options):
    """The two speeds of minimax, in a process of its own."""
    command = [options.minimax, "bench", options.ours, "--json", "--machine", "none"]
    command += ["--prompt-tokens", options.prompt, "--depth", options.prompt]
    command += ["--generate-tokens", options.generate, "--threads", options.threads]
    command += ["--repetitions", options.repetitions]
    done = subprocess.run([str(x) for x in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    report = json.loads(done.stdout)
    prompt, generation = (result["tokens_per_second"] for result in report["results"])
    return {"prompt": prompt, "decode": generation, "weights": report["weight_bytes"]}


def theirs(options):
    """The same of transformers, in this process, which then ends."""
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    torch.set_num_threads(options.threads)
    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    model = AutoModelForCausalLM.from_pretrained(
        options.model,
        quantization_config=quantization,
        dtype=torch.bfloat16,
        device_map="cpu",
    )
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(0, model.config.vocab_size - 3, (1, options.prompt), generator=draw)
    prompts, decodes = [], []
    with torch.inference_mode():
        for repetition in range(options.repetitions + 1):
            begin = time.perf_counter()
            out = model(ids, use_cache=True, logits_to_keep=1)
            read = time.perf_counter()
            for place in range(options.generate):
                token = ids[:, place : place + 1]
                out = model(token, past_key_values=out.past_key_values, use_cache=True)
            if repetition:
                prompts.append(options.prompt / (read - begin))
                decodes.append(options.generate / (time.perf_counter() - read))
    size = sum(tensor.numel() * tensor.element_size() for tensor in model.parameters())
    return {
        "prompt": statistics.median(prompts),
        "decode": statistics.median(decodes),
        "weights": size,
    }


def theirs_apart(options):
    command = [sys.executable, __file__, options.model, "--ours", options.ours, "--only-theirs"]
    for name in ("prompt", "generate", "threads", "repetitions"):
        command += [f"--{name}", str(getattr(options, name))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--ours", required=True, metavar="NF4_MODEL")
    parser.add_argument("--minimax", default=str(HERE.parent / "build/release/apps/minimax"))
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--only-theirs", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse_arguments()
    if options.only_theirs:
        print(json.dumps(theirs(options)))
        return
    runs = {"minimax": [], "transformers with bitsandbytes": []}
    for _ in range(options.passes):
        runs["minimax"].append(ours(options))
        runs["transformers with bitsandbytes"].append(theirs_apart(options))
    print("| | prompt, tokens/s | decode, tokens/s | weights |\n|---|---|---|---|")
    for name, found in runs.items():
        prompt, decode = (statistics.median(x[key] for x in found) for key in ("prompt", "decode"))
        print(f"| {name} | {prompt:.1f} | {decode:.1f} | {found[0]['weights'] / 2**20:.0f} MiB |")


if __name__ == "__main__":
    main()
