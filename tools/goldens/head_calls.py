# SPDX-License-Identifier: Apache-2.0
"""The calls of forward() that are recorded for every head: inputs, padding, labels and options."""

from dataclasses import dataclass, field

import numpy as np

from goldens.head_cases import BASE, CAUSAL, PAD, QUESTION, SEQUENCE, VOCABULARY

ROWS, TOKENS = 3, 9
LENGTHS = (9, 4, 7)  # of the rows of a padded batch
IGNORED = -100
EVERYTHING = {"output_hidden_states": True, "output_attentions": True}


@dataclass
class Call:
    """One call; `inputs` are arrays, `options` flags and numbers."""

    name: str
    inputs: dict
    options: dict = field(default_factory=dict)

    @property
    def mask(self):
        """Which positions are tokens [B, T]."""
        if (mask := self.inputs.get("attention_mask")) is not None:
            return mask.astype(bool)
        shape = (self.inputs["input_ids"] if "input_ids" in self.inputs else self._embeds()).shape
        return np.ones(shape[:2], bool)

    def _embeds(self):
        return self.inputs["inputs_embeds"]


def padding_mask(side, lengths=LENGTHS):
    """Ones where a token is, [B, T]."""
    mask = np.zeros((len(lengths), TOKENS), np.int64)
    for row, length in zip(mask, lengths, strict=True):
        if side == "left":
            row[TOKENS - length :] = 1
        else:
            row[:length] = 1
    return mask


def true_positions(mask):
    """Positions that start with 0 at the first token of every row, as generate() counts them."""
    return np.maximum(mask.cumsum(-1) - 1, 0)


class _Inputs:
    """Draws the inputs of one model."""

    def __init__(self, case, seed):
        self._case = case
        self._random = np.random.default_rng(seed)

    def ids(self, mask=None, rows=ROWS):
        ids = self._random.integers(PAD + 1, VOCABULARY, (rows, TOKENS))
        return ids if mask is None else np.where(mask == 1, ids, PAD)

    def embeds(self, rows=ROWS):
        shape = (rows, TOKENS, self._case.config["hidden_size"])
        return (self._random.standard_normal(shape) * 0.25).astype(np.float32)

    def labels(self, mask):
        """What the head wants to be given for a loss."""
        rows, architecture = len(mask), self._case.architecture
        if architecture == BASE:
            return {}
        if architecture == SEQUENCE:
            return {"labels": self._sequence_labels(rows)}
        if architecture == QUESTION:
            return self._spans(mask)
        classes = VOCABULARY if architecture == CAUSAL else self._case.num_labels
        labels = self._random.integers(0, classes, mask.shape)
        labels[self._random.random(mask.shape) < 0.2] = IGNORED
        labels[mask == 0] = IGNORED
        if architecture == CAUSAL:  # the token before the first one is padding
            labels[:, 1:][(mask[:, :-1] == 0)] = IGNORED
        return {"labels": labels}

    def _sequence_labels(self, rows):
        count = self._case.num_labels
        if self._case.name.startswith("multi_label"):
            return self._random.integers(0, 2, (rows, count)).astype(np.float32)
        if self._case.name.startswith("regression"):
            shape = (rows,) if count == 1 else (rows, count)
            return self._random.standard_normal(shape).astype(np.float32)
        return self._random.integers(0, count, rows)

    def _spans(self, mask):
        first = mask.argmax(-1)
        last = TOKENS - 1 - mask[:, ::-1].argmax(-1)
        return {
            "start_positions": first + self._random.integers(0, 2, len(mask)),
            "end_positions": last - self._random.integers(0, 2, len(mask)),
        }


def _batches(inputs):
    """No, left and right padding, with every output."""
    for name in ("none", "left", "right"):
        mask = padding_mask(name) if name != "none" else np.ones((ROWS, TOKENS), np.int64)
        given = {"input_ids": inputs.ids(mask)}
        if name != "none":
            given["attention_mask"] = mask
        yield Call(name, given | inputs.labels(mask), dict(EVERYTHING))


def _embeddings(inputs):
    ones, left = np.ones((ROWS, TOKENS), np.int64), padding_mask("left")
    yield Call("embeds", {"inputs_embeds": inputs.embeds()} | inputs.labels(ones))
    given = {"inputs_embeds": inputs.embeds(), "attention_mask": left}
    yield Call("embeds_left", given | inputs.labels(left))


def _positions(inputs):
    """With a mask of ones transformers takes any positions; without one, gaps separate texts."""
    ones, left = np.ones((ROWS, TOKENS), np.int64), padding_mask("left")
    far = np.arange(TOKENS)[None] * 3 + np.array([[0], [50], [700]])
    yield Call(
        "positions", {"input_ids": inputs.ids(), "attention_mask": ones, "position_ids": far}
    )
    given = {"attention_mask": left, "position_ids": true_positions(left)}
    yield Call("positions_left", {"input_ids": inputs.ids(left)} | given)


def _router(inputs, architecture):
    """Router logits and, of the causal model, their loss with and without a mask and labels."""
    for name in ("none", "left", "right"):
        mask = padding_mask(name) if name != "none" else np.ones((ROWS, TOKENS), np.int64)
        given = {"input_ids": inputs.ids(mask)}
        if name != "none":
            given["attention_mask"] = mask
        yield Call(f"router_{name}", given, {"output_router_logits": True})
    if architecture == CAUSAL:
        given = {"input_ids": inputs.ids(mask), "attention_mask": mask}
        yield Call("router_loss", given | inputs.labels(mask), {"output_router_logits": True})


def _causal(inputs):
    left = padding_mask("left")
    for keep in (1, 4):
        given = {"input_ids": inputs.ids(left), "attention_mask": left}
        yield Call(f"keep_{keep}", given, {"logits_to_keep": keep})
    nothing = np.full((ROWS, TOKENS), IGNORED)
    yield Call("all_ignored", {"input_ids": inputs.ids(), "labels": nothing})


def _sequence(inputs):
    """Which token is pooled is decided by its id alone."""
    right = padding_mask("right")
    yield Call("no_mask", {"input_ids": inputs.ids(right)} | inputs.labels(right))
    ids = inputs.ids()
    ids[0, -2:] = PAD
    ids[1, 3] = PAD
    ids[2, :] = PAD
    yield Call("padding_id_inside", {"input_ids": ids, "attention_mask": np.ones_like(ids)})


def _single(inputs):
    """What is left where there is no id for padding."""
    one = np.ones((1, TOKENS), np.int64)
    ids = inputs.ids(rows=1)
    ids[0, -1] = PAD
    yield Call("none", {"input_ids": ids} | inputs.labels(one), dict(EVERYTHING))
    left = padding_mask("left", (5,))
    yield Call("left", {"input_ids": inputs.ids(left, 1), "attention_mask": left})
    yield Call("embeds", {"inputs_embeds": inputs.embeds(1)} | inputs.labels(one))


def _question(inputs):
    ones = np.ones((ROWS, TOKENS), np.int64)
    outside = {
        "start_positions": np.array([TOKENS, 2, -3]),  # ignored, kept, taken as 0
        "end_positions": np.array([4, TOKENS + 7, 5]),
    }
    yield Call("outside", {"input_ids": inputs.ids(ones)} | outside)
    only_start = {"start_positions": np.array([1, 2, 3])}  # no loss
    yield Call("only_start", {"input_ids": inputs.ids(ones)} | only_start)


def calls_of(case, seed):
    """Every call that is recorded for a model."""
    inputs = _Inputs(case, seed)
    if not case.has_padding:
        return list(_single(inputs))
    calls = [*_batches(inputs), *_embeddings(inputs), *_positions(inputs)]
    if case.architecture in (BASE, CAUSAL):
        calls += _router(inputs, case.architecture)
    more = {CAUSAL: _causal, SEQUENCE: _sequence, QUESTION: _question}
    if case.architecture in more:
        calls += more[case.architecture](inputs)
    return calls
