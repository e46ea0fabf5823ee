# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/heads: one small model per head and trunk, and what its forward() returns.

Values are those of transformers, also where a position is padding: compare only the others. One
value is not: where a row ends with padding, its lightning states are those of the row alone,
because transformers lets the states decay over the padding.
"""

import json

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

from goldens import golden_file, head_calls, random_model, transformers_oracle
from goldens.cases import LIGHTNING
from goldens.head_cases import BASE, CAUSAL, QUESTION, SEQUENCE, TOKEN, all_cases

FIRST_SEED = 20250300
SMALLEST_ROUTER_GAP = 1e-3


def _head_tensors(case, random):
    hidden = case.config["hidden_size"]

    def matrix(rows):
        return random.standard_normal((rows, hidden)).astype(np.float32) / np.float32(hidden**0.5)

    def bias(rows):
        return random.uniform(-0.5, 0.5, rows).astype(np.float32)

    if case.architecture == SEQUENCE:
        return {"score.weight": matrix(case.num_labels)}
    if case.architecture == TOKEN:
        return {"score.weight": matrix(case.num_labels), "score.bias": bias(case.num_labels)}
    if case.architecture == QUESTION:
        return {"qa_outputs.weight": matrix(2), "qa_outputs.bias": bias(2)}
    return {}


def _write_checkpoint(directory, case, seed):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(case.config, indent=2) + "\n")
    tensors = random_model.random_tensors(case.config, seed)
    if case.architecture != CAUSAL:
        del tensors["lm_head.weight"]
    if case.architecture == BASE:
        tensors = {name.removeprefix("model."): value for name, value in tensors.items()}
    tensors |= _head_tensors(case, np.random.default_rng(seed + 1))
    stored = {name: torch.from_numpy(value) for name, value in tensors.items()}
    save_file(stored, directory / "model.safetensors", metadata={"format": "pt"})


class _Model:
    """A loaded model that remembers how narrow the choices of its router were."""

    def __init__(self, directory, case):
        self._case = case
        self._model = transformers_oracle.load(
            directory, model_class=getattr(transformers, case.architecture)
        )
        self._router_logits = []
        for module in self._model.modules():
            if type(module).__name__ == "MiniMaxTopKRouter":
                module.register_forward_hook(lambda _m, _i, out: self._router_logits.append(out[0]))

    @torch.no_grad()
    def run(self, inputs, options):
        """Returns the output, and the router logits of every layer [L, B * T, X]."""
        self._router_logits.clear()
        # The loss writes the problem it found into the config; every call starts without it.
        self._model.config.problem_type = self._case.config.get("problem_type")
        given = {name: torch.tensor(value) for name, value in inputs.items()}
        output = self._model(**given, **options, use_cache=False)
        return output, torch.stack(self._router_logits).numpy()

    def router_gap(self, router_logits, mask):
        """The least distance of a chosen from a rejected expert at any token."""
        top = self._case.config["num_experts_per_tok"]
        ranked = np.sort(router_logits[:, mask.reshape(-1)], axis=-1)
        return float((ranked[..., -top] - ranked[..., -top - 1]).min())


def _flatten(output):
    """{name: array} of an output, lists as name.0, name.1 ..."""
    tensors = {}
    for name, value in output.items():
        if isinstance(value, tuple):
            tensors |= {f"{name}.{i}": each.numpy() for i, each in enumerate(value)}
        else:
            tensors[name] = value.numpy()
    return tensors


def _states_without_padding(model, case, call, tensors):
    """Replaces the lightning states of rows that end with padding."""
    for row in np.flatnonzero(~call.mask[:, -1]):
        kept = call.mask[row]
        alone = {"input_ids": call.inputs["input_ids"][row][kept][None]}
        output, _ = model.run(alone, call.options)
        for layer, kind in enumerate(case.config["layer_types"]):
            if kind == LIGHTNING:
                tensors[f"attentions.{layer}"][row] = output.attentions[layer][0].numpy()


def _masked_loss(tensors, call):
    """The loss of a span among the tokens alone, which transformers takes among the padding too."""
    total = 0.0
    for side in ("start", "end"):
        logits = torch.tensor(np.where(call.mask, tensors[f"{side}_logits"], -np.inf))
        labels = torch.tensor(call.inputs[f"{side}_positions"])
        total += torch.nn.functional.cross_entropy(logits, labels) / 2
    return total.numpy()


def _record(model, case, call):
    """Returns the tensors of a call and the router's narrowest choice."""
    output, router_logits = model.run(call.inputs, call.options)
    tensors = {name: value.copy() for name, value in _flatten(output).items()}
    gap = model.router_gap(router_logits, call.mask)
    if call.options.get("output_attentions") and not call.mask[:, -1].all():
        _states_without_padding(model, case, call, tensors)
    if case.architecture == QUESTION and "loss" in tensors and not call.mask.all():
        tensors["loss_of_tokens"] = _masked_loss(tensors, call)
    named = {f"{call.name}.input.{name}": value for name, value in call.inputs.items()}
    for name, value in call.options.items():
        named[f"{call.name}.option.{name}"] = np.array(int(value))
    named |= {f"{call.name}.output.{name}": value for name, value in tensors.items()}
    return named, gap


def _export_case(case, index, output, command):
    directory = output / "heads" / case.name
    for seed in range(FIRST_SEED + 100 * index, FIRST_SEED + 100 * (index + 1)):
        _write_checkpoint(directory, case, seed)
        model = _Model(directory, case)
        recorded = [_record(model, case, call) for call in head_calls.calls_of(case, seed + 2)]
        gap = min(gap for _, gap in recorded)
        if gap > SMALLEST_ROUTER_GAP:
            break
    else:
        raise RuntimeError(f"{case.name}: every seed has a router choice that is nearly a tie")
    tensors = {name: value for named, _ in recorded for name, value in named.items()}
    facts = {
        "oracle": "transformers, float32",
        "purpose": case.purpose,
        "command": command,
        "seed": seed,
        "router_gap": gap,
    }
    golden_file.save(directory / "golden.safetensors", tensors, golden_file.provenance(**facts))
    return facts


def export(output, only):
    """Writes all models, or those named; yields the name and facts of each."""
    for index, case in enumerate(all_cases()):
        if not only or case.name in only:
            command = f"tools/export_goldens.py heads --only {case.name}"
            yield case.name, _export_case(case, index, output, command)
