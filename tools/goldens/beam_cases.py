# SPDX-License-Identifier: Apache-2.0
"""The cases of goldens/beams.py: lengths of prompts and fields of GenerationConfig."""

from dataclasses import dataclass, field

from goldens.cases import LIGHTNING, SOFTMAX, hf_config

VOCABULARY = 61
PAD = 0
LIMIT = 18
FEW_ENDS = [7, 23, 41]
MANY_ENDS = [3, 7, 11, 23, 30, 41, 44, 52, 58]
RAGGED = (3, 11, 6)

CONFIG = hf_config(
    (LIGHTNING, SOFTMAX),
    hidden_size=16,
    intermediate_size=8,
    head_dim=6,
    vocab_size=VOCABULARY,
    block_size=4,
    pad_token_id=PAD,
    eos_token_id=FEW_ENDS,
    dtype="float32",
)


@dataclass(frozen=True)
class Case:
    """One call of generate() on one batch; prompts are drawn until no choice is narrow."""

    name: str
    fields: dict
    prompt_tokens: tuple = (8,)
    ends: bool = False  # whether some sequence must end before the limit
    unlike: dict = field(default_factory=dict)  # fields that must give other sequences


def _greedy_cases():
    yield Case("greedy", {})
    yield Case("greedy.batch", {}, RAGGED)
    yield Case("greedy.ends", {"eos_token_id": MANY_ENDS}, RAGGED, ends=True)
    yield Case("greedy.one_token", {"max_new_tokens": 1}, RAGGED)


def _other_stopping(beams, early, penalty):
    """Another value of early_stopping that can be told from this one, where many texts allow it."""
    if penalty not in (0.0, 1.0) or beams == 5:
        return {}
    if early == "never" and penalty <= 0.0:
        return {"early_stopping": True}
    return {"early_stopping": not early}


def _stopping_cases():
    """Every way to stop with every sign of the length penalty, and ends at different steps."""
    for beams, ends in ((2, FEW_ENDS), (3, MANY_ENDS), (4, FEW_ENDS), (5, MANY_ENDS)):
        for early in (False, True, "never"):
            for penalty in (1.0, 0.0, 2.0, -1.0):
                fields = {
                    "num_beams": beams,
                    "eos_token_id": ends,
                    "early_stopping": early,
                    "length_penalty": penalty,
                    "num_return_sequences": beams,
                }
                # A penalty of 2 favours the longest: nothing need end early.
                yield Case(
                    f"beams_{beams}.{early}.{penalty}".lower(),
                    fields,
                    ends=penalty < 2,
                    unlike=_other_stopping(beams, early, penalty),
                )


def _batch_cases():
    for beams in (2, 4):
        for early in (False, True, "never"):
            fields = {
                "num_beams": beams,
                "eos_token_id": FEW_ENDS,
                "early_stopping": early,
                "num_return_sequences": 2,
            }
            yield Case(f"batch.{beams}.{early}".lower(), fields, RAGGED, ends=True)
    yield Case("batch.best_only", {"num_beams": 3, "eos_token_id": FEW_ENDS}, RAGGED, ends=True)


def _processor_cases():
    """Rules that change the scores of beams; those that look back do so in each beam alone."""
    rules = {
        "no_end": {"eos_token_id": None},
        "one_end": {"eos_token_id": 23},
        "ngrams_1": {"no_repeat_ngram_size": 1},
        "ngrams_2": {"no_repeat_ngram_size": 2},
        "ngrams_3": {"no_repeat_ngram_size": 3},
        "repetition": {"repetition_penalty": 1.4},
        "at_least_6": {"min_new_tokens": 6, "eos_token_id": MANY_ENDS},
        "bad_words": {"bad_words_ids": [[5], [9, 4], [17, 8], [31]]},
        "suppressed": {"suppress_tokens": [1, 2, 14], "begin_suppress_tokens": [33, 34]},
        "max_length": {"max_length": 15, "max_new_tokens": None},
        "one_token": {"max_new_tokens": 1},
        "several": {
            "no_repeat_ngram_size": 2,
            "repetition_penalty": 1.2,
            "min_new_tokens": 4,
            "suppress_tokens": [12],
            "length_penalty": 0.5,
        },
    }
    for name, fields in rules.items():
        for beams in (2, 5):
            more = {"num_beams": beams, "num_return_sequences": beams}
            yield Case(f"rules.{name}.{beams}", more | {"eos_token_id": FEW_ENDS} | fields)


def all_cases():
    """Every case, in the order of its seed."""
    return [*_greedy_cases(), *_stopping_cases(), *_batch_cases(), *_processor_cases()]
