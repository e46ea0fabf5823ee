# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/beams: what transformers generates with and without beams, from no cache.

Scores of candidates can be nearly equal, and then rounding chooses. So the class of transformers is
watched at the places where it compares, and prompts are drawn until nothing was decided by less
than SMALLEST_MARGIN.
"""

import dataclasses
import json

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import GenerationConfig, MiniMaxForCausalLM

from goldens import beam_cases, golden_file, random_model, transformers_oracle

SEED = 20250600
SMALLEST_MARGIN = 1e-3
SHARPNESS = 4.0  # factor on the head, so that the model has preferences
TRIES = 400
IMPOSSIBLE = -1e8  # scores of what cannot be chosen are lower


class _Watch:
    """Collects the distances of scores that were compared."""

    def __init__(self):
        self.smallest = float("inf")

    def neighbours(self, scores, count):
        """The distances between the best `count` scores of each row and one more."""
        ranked = torch.sort(scores, dim=-1, descending=True).values[:, : count + 1]
        gaps = (ranked[:, :-1] - ranked[:, 1:])[ranked[:, 1:] > IMPOSSIBLE]
        self.distances(gaps)

    def distances(self, gaps):
        if gaps.numel():
            self.smallest = min(self.smallest, float(gaps.abs().min()))


class WatchedModel(MiniMaxForCausalLM):
    """The model of transformers that reports what its beam search compares."""

    watch = _Watch()

    def _get_top_k_continuations(self, accumulated_log_probs, num_beams, **more):
        self.watch.neighbours(accumulated_log_probs, num_beams)
        return super()._get_top_k_continuations(
            accumulated_log_probs=accumulated_log_probs, num_beams=num_beams, **more
        )

    def _get_running_beams_for_next_iteration(
        self, topk_log_probs, next_token_hits_stopping_criteria, num_beams, **more
    ):
        running = topk_log_probs.masked_fill(next_token_hits_stopping_criteria, -1e9)
        self.watch.neighbours(running, num_beams)
        return super()._get_running_beams_for_next_iteration(
            topk_log_probs=topk_log_probs,
            next_token_hits_stopping_criteria=next_token_hits_stopping_criteria,
            num_beams=num_beams,
            **more,
        )

    def _update_finished_beams(self, **given):
        updated = super()._update_finished_beams(**given)
        finished = torch.where(updated[3], updated[1], -1e9)
        self.watch.neighbours(finished, finished.shape[1])
        return updated

    def _check_early_stop_heuristic(self, **given):
        length = given["cur_len"] - given["decoder_prompt_len"]
        if given["early_stopping"] == "never" and given["length_penalty"] > 0.0:
            length = given["max_length"] - given["decoder_prompt_len"]
        best = given["running_beam_scores"][:, :1] / length ** given["length_penalty"]
        worst = given["beam_scores"].min(dim=1, keepdim=True).values
        self.watch.distances((best - worst)[given["is_sent_finished"].any(dim=1, keepdim=True)])
        return MiniMaxForCausalLM._check_early_stop_heuristic(**given)


def _write_model(directory):
    directory.mkdir(parents=True, exist_ok=True)
    config = beam_cases.CONFIG
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensors = random_model.random_tensors(config, SEED)
    tensors["lm_head.weight"] *= np.float32(SHARPNESS)
    stored = {name: torch.from_numpy(value) for name, value in tensors.items()}
    save_file(stored, directory / "model.safetensors", metadata={"format": "pt"})


def _padded(prompts):
    width = max(len(prompt) for prompt in prompts)
    ids = [[beam_cases.PAD] * (width - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids), torch.tensor(mask)


def _config(case):
    fields = {"max_new_tokens": beam_cases.LIMIT, "eos_token_id": beam_cases.FEW_ENDS}
    fields |= case.fields
    return {name: value for name, value in fields.items() if value is not None}


def _generate(model, fields, prompts):
    ids, mask = _padded(prompts)
    output = model.generate(
        ids,
        attention_mask=mask,
        generation_config=GenerationConfig(**fields, do_sample=False, pad_token_id=beam_cases.PAD),
        use_cache=False,
        output_scores=True,
        return_dict_in_generate=True,
    )
    return output, output.sequences[:, ids.shape[1] :].tolist()


def _greedy_lists(model, output, new_ids, ends):
    """Cuts every answer after its end, and watches the scores before it."""
    lists = []
    for row, ids in enumerate(new_ids):
        stop = next((i + 1 for i, token in enumerate(ids) if token in ends), len(ids))
        for scores in output.scores[:stop]:
            model.watch.neighbours(scores[row][None], 1)
        lists.append(ids[:stop])
    return lists


def _run(model, case, prompts):
    """Returns the entry of cases.json."""
    model.watch.smallest = float("inf")
    fields = _config(case)
    output, new_ids = _generate(model, fields, prompts)
    ends = fields.get("eos_token_id", [])
    entry = {"name": case.name, "prompts": prompts, "config": fields}
    if "num_beams" not in fields:
        ends = ends if isinstance(ends, list) else [ends]
        lists = _greedy_lists(model, output, new_ids, ends)
    else:
        kept = (output.beam_indices >= 0).sum(-1).tolist()
        lists = [ids[:count] for ids, count in zip(new_ids, kept, strict=True)]
        entry["scores"] = _per_prompt(output.sequences_scores.tolist(), prompts)
    entry["ids"] = _per_prompt(lists, prompts)
    return entry | {"smallest_margin": float(f"{model.watch.smallest:.3g}")}


def _per_prompt(values, prompts):
    count = len(values) // len(prompts)
    return [values[i * count : (i + 1) * count] for i in range(len(prompts))]


def _wanted(case, entry):
    if entry["smallest_margin"] <= SMALLEST_MARGIN:
        return False
    lengths = {len(ids) for row in entry["ids"] for ids in row}
    return not case.ends or (min(lengths) < beam_cases.LIMIT and len(lengths) > 1)


def _is_told_apart(model, case, entry):
    """Whether a program that ignores what the case is for would fail it."""
    if not case.unlike:
        return True
    other = dataclasses.replace(case, fields=case.fields | case.unlike)
    return _run(model, other, entry["prompts"])["ids"] != entry["ids"]


def _export_case(model, case, seed):
    random = np.random.default_rng(seed)
    for _ in range(TRIES):
        prompts = [
            random.integers(1, beam_cases.VOCABULARY, count).tolist()
            for count in case.prompt_tokens
        ]
        entry = _run(model, case, prompts)
        if _wanted(case, entry) and _is_told_apart(model, case, entry):
            return entry
    raise RuntimeError(f"{case.name}: every prompt has a narrow choice")


def export(output, command):
    """Writes the model and cases.json; returns the number of cases and the smallest margin."""
    directory = output / "beams"
    _write_model(directory)
    model = transformers_oracle.load(directory, model_class=WatchedModel)
    model.generation_config.eos_token_id = None  # generate() takes it where a case has none
    entries = [
        _export_case(model, case, SEED + 1 + index)
        for index, case in enumerate(beam_cases.all_cases())
    ]
    metadata = golden_file.provenance(
        oracle="transformers, float32, without a cache", command=command, seed=SEED
    )
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    (directory / "cases.json").write_text(
        f'{{"provenance": {json.dumps(metadata)},\n"cases": [\n{lines}\n]}}\n'
    )
    return {"cases": len(entries), "smallest_margin": min(e["smallest_margin"] for e in entries)}
