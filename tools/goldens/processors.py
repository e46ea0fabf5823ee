# SPDX-License-Identifier: Apache-2.0
"""Logits processors of transformers on given logits, composed as generate() composes them.

A case is kept only if float32 has nothing to decide in it: the same tokens must be left in float64
and with every limit moved by a millionth, several times the rounding of a float32 probability.
torch.sort is made stable: of equal scores it may otherwise put any first, and top_p cuts between
them.
"""

import contextlib
import json

import numpy as np
import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from goldens import golden_file, processor_cases, transformers_oracle

SEED = 20
NUDGE = 1e-6
LIMITS = ("top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")

# The field of GenerationConfig that stands for each class. min_length is ours to resolve.
FIELDS = {
    "RepetitionPenaltyLogitsProcessor": "repetition_penalty",
    "NoRepeatNGramLogitsProcessor": "no_repeat_ngram_size",
    "NoBadWordsLogitsProcessor": "bad_words_ids",
    "MinLengthLogitsProcessor": "min_new_tokens",
    "MinNewTokensLengthLogitsProcessor": "min_new_tokens",
    "SuppressTokensLogitsProcessor": "suppress_tokens",
    "SuppressTokensAtBeginLogitsProcessor": "begin_suppress_tokens",
    "LiftEveryThird": "logits_processor",
    "TemperatureLogitsWarper": "temperature",
    "TopKLogitsWarper": "top_k",
    "TopPLogitsWarper": "top_p",
    "MinPLogitsWarper": "min_p",
    "TypicalLogitsWarper": "typical_p",
    "EpsilonLogitsWarper": "epsilon_cutoff",
    "EtaLogitsWarper": "eta_cutoff",
}


class LiftEveryThird(LogitsProcessor):
    """The user-defined processor of the cases: adds 2 to the scores of the ids 0, 3, 6 ..."""

    def __call__(self, input_ids, scores):
        scores = scores.clone()
        scores[:, ::3] += 2.0
        return scores


@contextlib.contextmanager
def _stable_sort():
    """torch.sort with stable=True; on wide processors it is not stable by itself."""
    sort = torch.sort
    torch.sort = lambda *args, **options: sort(*args, **options, stable=True)
    try:
        yield
    finally:
        torch.sort = sort


def _processors(model, case, fields):
    """The list that generate() would make, and the names of its fields in order."""
    config = GenerationConfig(**fields)
    eos = config.eos_token_id
    config._eos_token_tensor = torch.tensor(eos) if eos is not None else None
    user_defined = LogitsProcessorList([LiftEveryThird()] if case.user_defined else [])
    processors = model._get_logits_processor(
        config, input_ids_seq_length=case.prompt_tokens, logits_processor=user_defined, device="cpu"
    )
    names = [FIELDS[type(processor).__name__] for processor in processors]
    return processors, list(dict.fromkeys(names))


def _apply(model, case, fields, row):
    """Returns the scores [V] in the type of `row`, and the order of the processors."""
    processors, names = _processors(model, case, fields)
    with _stable_sort():
        scores = processors(torch.tensor([case.input_ids]), torch.tensor(row[None]))
    return scores[0].numpy(), names


def _check_decided(model, case, row, kept):
    variants = [(case.fields, row.astype(np.float64))]
    for name in LIMITS:
        for factor in (1 - NUDGE, 1 + NUDGE):
            moved = case.fields.get(name, 1.0) * factor
            if name in case.fields and moved < 1.0:
                variants.append((case.fields | {name: moved}, row))
    for fields, logits in variants:
        scores, _ = _apply(model, case, fields, logits)
        if not np.array_equal(np.isfinite(scores), kept):
            raise RuntimeError(f"{case.name}: rounding decides; choose another value or seed")


def _export_case(model, case, row):
    scores, names = _apply(model, case, case.fields, row)
    if not np.isfinite(scores).any():
        raise RuntimeError(f"{case.name}: nothing is left")
    _check_decided(model, case, row, np.isfinite(scores))
    entry = {
        "name": case.name,
        "row": case.row,
        "prompt_tokens": case.prompt_tokens,
        "input_ids": case.input_ids,
        "user_defined": case.user_defined,
        "order": names,
        "config": case.fields,
    }
    return entry, scores


def _export_generation(model):
    """A greedy answer under several rules with its transition scores, from full forwards."""
    fields = processor_cases.GENERATION
    output = model.generate(
        torch.tensor([fields["input_ids"]]),
        generation_config=GenerationConfig(**fields["config"], do_sample=False),
        use_cache=False,
        output_scores=True,
        return_dict_in_generate=True,
    )
    scores, logprobs = (
        model.compute_transition_scores(output.sequences, output.scores, normalize_logits=normalize)
        for normalize in (False, True)
    )
    ranked = torch.cat(output.scores).topk(2).values
    return {
        "generate.ids": output.sequences[0, len(fields["input_ids"]) :].numpy(),
        "generate.scores": scores[0].numpy(),
        "generate.logprobs": logprobs[0].numpy(),
    }, float((ranked[:, 0] - ranked[:, 1]).min())


def export(output, command):
    """Writes processors/cases.json and processors/scores.safetensors; returns the metadata."""
    model = transformers_oracle.load(output / processor_cases.GENERATION["model"])
    rows = processor_cases.rows(SEED)
    entries, tensors = [], {f"row.{name}": row for name, row in rows.items()}
    for case in processor_cases.all_cases():
        entry, scores = _export_case(model, case, rows[case.row])
        entries.append(entry)
        tensors[f"scores.{case.name}"] = scores
    generated, margin = _export_generation(model)
    metadata = golden_file.provenance(
        purpose="logits processors on given logits, and scores of a greedy answer",
        oracle="transformers, float32, stable sort",
        seed=SEED,
        command=command,
        smallest_margin=margin,
    )
    directory = output / "processors"
    directory.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    generation = json.dumps(processor_cases.GENERATION)
    (directory / "cases.json").write_text(
        f'{{"generate": {generation},\n"cases": [\n{lines}\n]}}\n'
    )
    golden_file.save(directory / "scores.safetensors", tensors | generated, metadata)
    return metadata | {"cases": len(entries)}
