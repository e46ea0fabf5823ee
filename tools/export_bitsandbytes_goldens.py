#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Quantizes a tiny random model with transformers and bitsandbytes, as users do, and writes what
they save to tests/golden/bitsandbytes_models; tests/golden/README.md describes the files.

    venv/bin/pip install -r tools/requirements-quant-goldens.txt
    venv/bin/python tools/export_bitsandbytes_goldens.py write
    venv/bin/python tools/export_bitsandbytes_goldens.py load FOLDER LOGITS.safetensors

`load` loads a checkpoint of ours with transformers and compares its logits with those that
`minimax logits FOLDER --tokens 2,5,9,11,7,30 --output LOGITS.safetensors` wrote.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import torch
from bitsandbytes import functional
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, MiniMaxConfig, MiniMaxForCausalLM

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "bitsandbytes_models"
TOKENS = [2, 5, 9, 11, 7, 30]
# Made from the configuration, and large.
BUFFERS = ("slope_rate", "query_decay", "key_decay", "diagonal_decay")
# bitsandbytes runs only rows of whole blocks of 64 on the CPU; those of w2 are none.
CONFIG = MiniMaxConfig(
    vocab_size=61,
    hidden_size=128,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    num_local_experts=2,
    num_experts_per_tok=2,
    block_size=16,
    layer_types=["linear_attention", "full_attention"],
    bos_token_id=1,
    eos_token_id=2,
)
KINDS = {
    "nf4": BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    ),
    "fp4": BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="fp4"),
    "int8": BitsAndBytesConfig(load_in_8bit=True),
}


def without_buffers(folder):
    """Takes what readers make themselves out of a saved model; returns the rest."""
    path = folder / "model.safetensors"
    kept = {n: t for n, t in load_file(path).items() if n.rsplit(".", 1)[-1] not in BUFFERS}
    save_file(kept, path, metadata={"format": "pt"})
    return kept


def decoded(tensors):
    """What bitsandbytes makes of every quantized tensor, in float32."""
    values = {}
    for name in tensors:
        parts = {key[len(name) + 1 :]: t for key, t in tensors.items() if key.startswith(name + ".")}
        scales = tensors.get(name.removesuffix("weight") + "SCB")
        if any("quant_state" in key for key in parts):
            state = functional.QuantState.from_dict(parts, device="cpu")
            state.dtype = torch.float32
            values[name] = functional.dequantize_4bit(tensors[name], state)
        elif name.endswith(".weight") and scales is not None:
            values[name] = tensors[name].float() * scales[:, None] * 7.874015718698502e-3
    return values


def write():
    torch.manual_seed(20)
    shutil.rmtree(GOLDEN, ignore_errors=True)
    GOLDEN.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary)
        MiniMaxForCausalLM(CONFIG).to(torch.bfloat16).save_pretrained(source)
        without_buffers(source)
        (source / "generation_config.json").unlink(missing_ok=True)
        shutil.copytree(source, GOLDEN / "source")
        for kind, config in KINDS.items():
            model = AutoModelForCausalLM.from_pretrained(
                source, quantization_config=config, device_map="cpu"
            )
            folder = GOLDEN / kind
            model.save_pretrained(folder)
            (folder / "generation_config.json").unlink(missing_ok=True)
            save_file(decoded(without_buffers(folder)), GOLDEN / f"{kind}_decoded.safetensors")


def load(folder, logits):
    """What is left of the difference is the rounding of activations to bfloat16, and for int8 to
    bytes."""
    model = AutoModelForCausalLM.from_pretrained(folder, device_map="cpu")
    quantized = [n for n, m in model.named_modules() if "bitsandbytes" in type(m).__module__]
    with torch.no_grad():
        found = model(torch.tensor([TOKENS])).logits[0].float()
    expected = load_file(logits)["logits"]
    rms = ((found - expected).square().mean() / expected.square().mean()).sqrt().item()
    print(json.dumps({"quantized_modules": len(quantized), "relative_rms": rms}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write")
    loading = commands.add_parser("load")
    loading.add_argument("folder")
    loading.add_argument("logits")
    options = parser.parse_args()
    if options.command == "write":
        write()
    else:
        load(options.folder, options.logits)


if __name__ == "__main__":
    main()
