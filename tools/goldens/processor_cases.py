# SPDX-License-Identifier: Apache-2.0
"""The cases of goldens/processors.py: rows of logits, histories and fields of GenerationConfig."""

from dataclasses import dataclass, field

import numpy as np

EOS = [3, 11]

# A greedy answer of a random model; see _export_generation.
GENERATION = {
    "model": "eos_list",
    "input_ids": [5, 9, 5, 9, 17, 5],
    "config": {
        "max_new_tokens": 16,
        "min_new_tokens": 16,
        "repetition_penalty": 1.3,
        "no_repeat_ngram_size": 2,
        "suppress_tokens": [1, 2],
        "bad_words_ids": [[7], [9, 4]],
    },
}


@dataclass
class Case:
    """One call of a list of processors."""

    name: str
    row: str
    fields: dict
    input_ids: list = field(default_factory=lambda: [1])
    prompt_tokens: int = 1
    user_defined: bool = False


def rows(seed):
    """Rows of logits by name. None holds a negative zero: transformers loses its sign at times."""
    random = np.random.default_rng(seed)
    peaked = random.normal(size=50)
    peaked[17] = 12.0
    masked = random.normal(size=80) * 2
    masked[random.permutation(80)[:60]] = -np.inf
    only_one = np.full(20, -np.inf)
    only_one[13] = -4.0
    made = {
        "random": random.normal(size=100) * 3,
        "ties": np.round(random.normal(size=64) * 4) / 2,
        "peaked": peaked,
        "flat": np.full(37, 0.25),
        "masked": masked,
        "only_one": only_one,
        "long": random.normal(size=1500) * 2.5,
    }
    return {name: (row + 0.0).astype(np.float32) for name, row in made.items()}


WARPERS = {
    "temperature": (0.1, 0.7, 1.5, 30.0),
    "top_k": (1, 2, 10, 5000),
    "top_p": (1e-9, 0.1, 0.55, 0.9, 0.999),
    "min_p": (0.02, 0.3, 1.0),
    "typical_p": (0.01, 0.2, 0.55, 0.95),
    "epsilon_cutoff": (3e-4, 0.04, 0.9),
    "eta_cutoff": (3e-4, 0.04, 0.9),
}


def _warper_cases():
    for row in ("random", "ties", "peaked", "flat", "masked", "only_one", "long"):
        for name, values in WARPERS.items():
            for value in values if row != "long" else values[1:3]:
                yield Case(f"{row}.{name}.{value}", row, {"do_sample": True, name: value})


HISTORIES = {
    "one": [7],
    "short": [4, 9, 4],
    "cycle": [1, 2, 3, 1, 2, 3, 1, 2],
    "same": [5] * 9,
    "mixed": [8, 1, 2, 3, 4, 1, 2, 3, 9, 1, 2, 3, 5, 40, 1, 2, 3],
}


def _history_cases():
    for history, ids in HISTORIES.items():
        for penalty in (0.5, 1.2, 10.0):
            row = "ties" if penalty == 10.0 else "random"
            name = f"{history}.repetition_penalty.{penalty}"
            yield Case(name, row, {"repetition_penalty": penalty}, ids)
        for size in (1, 2, 3, 4, 30):
            name = f"{history}.no_repeat_ngram_size.{size}"
            yield Case(name, "ties", {"no_repeat_ngram_size": size}, ids)
    yield Case("masked.repetition_penalty", "masked", {"repetition_penalty": 1.7}, list(range(30)))


BAD_WORDS = {
    "single": [[5], [0]],
    "several": [[1, 2, 3], [2, 3], [3, 40], [9, 9]],
    "prefix_in_history": [[2, 3, 6], [1, 2, 3, 7], [3, 1], [2, 7]],
    "as_long_as_history": [[9, 4, 6], [4, 6]],
    "longer_than_history": [[7, 6], [8, 7, 6]],
    "end_alone_has_no_effect": [[3], [11], [12]],
    "end_after_a_word": [[2, 3], [1, 2, 11], [5]],
    "twice": [[5], [5], [2, 5], [2, 5]],
}


def _bad_word_cases():
    for name, words in BAD_WORDS.items():
        for history in ("one", "short", "cycle", "mixed"):
            for eos in (None, EOS):
                fields = {"bad_words_ids": words} | ({"eos_token_id": eos} if eos else {})
                ids = HISTORIES[history]
                yield Case(f"bad_words.{name}.{history}.{bool(eos)}", "ties", fields, ids)


def _length_cases():
    ids = HISTORIES["cycle"]  # 8 tokens, of which the first 5 are the prompt
    for name, fields in {
        "min_new_tokens.3": {"min_new_tokens": 3},
        "min_new_tokens.4": {"min_new_tokens": 4},
        "min_length.8": {"min_length": 8},
        "min_length.9": {"min_length": 9},
        "suppress_tokens": {"suppress_tokens": [0, 7, 50]},
        "begin_suppress_tokens.later": {"begin_suppress_tokens": [0, 7]},
    }.items():
        yield Case(name, "random", fields | {"eos_token_id": EOS}, ids, prompt_tokens=5)
    begin = {"begin_suppress_tokens": [0, 7], "eos_token_id": EOS}
    yield Case("begin_suppress_tokens.first", "random", begin, ids, prompt_tokens=len(ids))


EVERYTHING = {
    "do_sample": True,
    "eos_token_id": EOS,
    "repetition_penalty": 1.2,
    "no_repeat_ngram_size": 3,
    "bad_words_ids": [[3, 40], [60]],
    "min_new_tokens": 4,
    "suppress_tokens": [0, 7],
    "begin_suppress_tokens": [8],
    "temperature": 0.8,
    "top_k": 40,
    "top_p": 0.95,
    "min_p": 0.01,
    "typical_p": 0.97,
    "epsilon_cutoff": 0.002,
    "eta_cutoff": 0.004,
}


def _combined_cases():
    ids = HISTORIES["mixed"]
    for row in ("random", "ties", "long"):
        yield Case(f"everything.{row}", row, EVERYTHING, ids, 14, user_defined=True)
        yield Case(f"everything.{row}.first", row, EVERYTHING, ids, len(ids))
    greedy = EVERYTHING | {"do_sample": False}
    yield Case("greedy", "random", greedy, ids, 14, user_defined=True)
    yield Case("user_defined", "ties", {"do_sample": True}, ids, 14, user_defined=True)
    pairs = (
        {"temperature": 2.0, "top_p": 0.7},
        {"temperature": 0.5, "min_p": 0.05},
        {"top_k": 5, "top_p": 0.6},
        {"top_k": 20, "typical_p": 0.5},
        {"top_p": 0.8, "typical_p": 0.6},
        {"top_p": 0.9, "epsilon_cutoff": 0.03},
    )
    for fields in pairs:
        for row in ("random", "ties", "masked"):
            name = ".".join((row, *fields))
            yield Case(name, row, {"do_sample": True} | fields)


def all_cases():
    """Every case, in a fixed order."""
    return [
        *_warper_cases(),
        *_history_cases(),
        *_bad_word_cases(),
        *_length_cases(),
        *_combined_cases(),
    ]
