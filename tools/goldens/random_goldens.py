# SPDX-License-Identifier: Apache-2.0
"""Makes one directory of tests/golden per random model: checkpoint and golden.safetensors."""

import json
import math

import numpy as np

import minimax_numpy
from goldens import golden_file, random_model, transformers_oracle
from goldens.cases import VOCABULARY, block_lengths

FIRST_SEED = 20250100
SMALLEST_ROUTER_GAP = 1e-3


def _sequences(case, seed):
    ids = np.random.default_rng(seed + 1)
    lengths = case.lengths or block_lengths(case.config["block_size"])
    used = VOCABULARY - case.zero_rows  # a zero embedding would make the router's choice a tie
    return {n: ids.integers(0, used, n) for n in lengths}


def _run_oracles(case, directory, sequences):
    """Returns {length: output of the case's oracle} and the comparison of both oracles."""
    expected = {n: minimax_numpy.run(directory, ids) for n, ids in sequences.items()}
    gap = min(r.router_gap for r in expected.values())
    if case.oracle == "numpy":
        return expected, {"oracle": "tests/oracle/minimax_numpy.py, float64", "router_gap": gap}
    model = transformers_oracle.load(directory)
    outputs = {n: transformers_oracle.forward(model, ids) for n, ids in sequences.items()}
    difference = max(
        golden_file.relative_difference(expected[n].logits, outputs[n].logits) for n in outputs
    )
    facts = {"oracle": "transformers, float32", "router_gap": gap, "numpy_difference": difference}
    if case.decay_buffers:
        facts["difference_if_not_ignored"] = _damage(directory, sequences, outputs)
    return outputs, facts


def _damage(directory, sequences, outputs):
    """How far the logits move when the stored decays are believed: it must not be little."""
    model = transformers_oracle.load(directory, recompute_decay=False)
    return max(
        golden_file.relative_difference(
            transformers_oracle.forward(model, ids).logits, outputs[n].logits
        )
        for n, ids in sequences.items()
    )


def _tensors(case, sequences, outputs):
    tensors = {}
    for n, ids in sequences.items():
        tensors[f"len_{n}.input_ids"] = ids
        tensors[f"len_{n}.logits"] = outputs[n].logits
        if n in case.hidden_lengths:
            for i, hidden in enumerate(outputs[n].hidden_states):
                tensors[f"len_{n}.hidden_states.{i}"] = hidden
    return tensors


def _greedy(case, directory, seed):
    """Records a greedy answer, after choosing as eos an id that it reaches."""
    prompt = np.random.default_rng(seed + 2).integers(0, VOCABULARY, case.greedy["prompt_tokens"])
    model = transformers_oracle.load(directory)
    ids, _ = transformers_oracle.generate_greedily(model, prompt, (), 3 * case.greedy["stop_after"])
    stop_at = next(i for i in range(case.greedy["stop_after"], len(ids)) if ids[i] not in ids[:i])
    unused = [i for i in range(VOCABULARY) if i not in ids]
    eos = [unused[0], ids[stop_at], unused[1]]
    config = case.config | {"eos_token_id": eos}
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    ids, margin = transformers_oracle.generate_greedily(model, prompt, eos, len(ids))
    return {"greedy.input_ids": prompt, "greedy.ids": np.array(ids)}, {"greedy_margin": margin}


def export(case, index, output, command):
    """Writes one case; tries further seeds until no choice of the router is nearly a tie."""
    directory = output / case.name
    for seed in range(FIRST_SEED + 100 * index, FIRST_SEED + 100 * (index + 1)):
        random_model.write_checkpoint(directory, case, seed)
        sequences = _sequences(case, seed)
        outputs, facts = _run_oracles(case, directory, sequences)
        if facts["router_gap"] > SMALLEST_ROUTER_GAP:
            break
    else:
        raise RuntimeError(f"{case.name}: every seed has a router choice that is nearly a tie")
    tensors = _tensors(case, sequences, outputs)
    if case.greedy:
        more_tensors, more_facts = _greedy(case, directory, seed)
        tensors |= more_tensors
        facts |= more_facts
    largest = max(float(np.abs(o.logits).max()) for o in outputs.values())
    assert math.isfinite(largest)
    facts |= {"largest_logit": largest, "seed": seed, "purpose": case.purpose, "command": command}
    path = directory / "golden.safetensors"
    golden_file.save(path, tensors, golden_file.provenance(**facts))
    return facts
