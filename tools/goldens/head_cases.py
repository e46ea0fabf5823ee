# SPDX-License-Identifier: Apache-2.0
"""The table of models with each head: config.json and what is done with every one of them.

Every head stands on two trunks, one whose layer 0 is lightning and one whose layer 0 is softmax.
"""

from dataclasses import dataclass

from goldens.cases import LIGHTNING, SOFTMAX, hf_config

VOCABULARY = 61
PAD = 0
TRUNKS = {
    "lightning": (LIGHTNING, SOFTMAX, LIGHTNING),
    "softmax": (SOFTMAX, LIGHTNING, SOFTMAX),
}
BASE = "MiniMaxModel"
CAUSAL = "MiniMaxForCausalLM"
SEQUENCE = "MiniMaxForSequenceClassification"
TOKEN = "MiniMaxForTokenClassification"
QUESTION = "MiniMaxForQuestionAnswering"


@dataclass(frozen=True)
class HeadCase:
    """One directory under tests/golden/heads."""

    name: str
    architecture: str
    purpose: str
    config: dict

    @property
    def num_labels(self):
        return len(self.config.get("id2label", ()))

    @property
    def has_padding(self):
        return "pad_token_id" in self.config


def _labels(count):
    names = [f"LABEL_{i}" for i in range(count)]
    return {
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }


def _config(architecture, trunk, **changes):
    return hf_config(
        TRUNKS[trunk],
        architectures=[architecture],
        hidden_size=16,
        intermediate_size=8,
        head_dim=6,
        vocab_size=VOCABULARY,
        block_size=4,
        pad_token_id=changes.pop("pad_token_id", PAD),
        router_aux_loss_coef=0.05,
        dtype="float32",
        **changes,
    )


def _rows():
    """Name, class, purpose and the changes of the config."""
    return [
        ("model", BASE, "the trunk alone, saved without the prefix of its tensors", {}),
        ("causal_lm", CAUSAL, "logits, their loss and the loss of the router", {}),
        ("window", CAUSAL, "a sliding window of 3 keys in padded batches", {"sliding_window": 3}),
        ("single_label", SEQUENCE, "one of three labels", _labels(3)),
        ("multi_label", SEQUENCE, "any of three labels, found by their type", _labels(3)),
        ("regression_1", SEQUENCE, "one label without a problem_type is a number", _labels(1)),
        (
            "regression_3",
            SEQUENCE,
            "three numbers, by problem_type",
            _labels(3) | {"problem_type": "regression"},
        ),
        (
            "no_padding_id",
            SEQUENCE,
            "without pad_token_id the last token is the one; batches are refused",
            _labels(3) | {"pad_token_id": None, "problem_type": "single_label_classification"},
        ),
        ("token", TOKEN, "a label for every token", _labels(5)),
        ("question", QUESTION, "where an answer starts and ends", {}),
    ]


def all_cases():
    """Every head on every trunk, in the order of its seed."""
    return [
        HeadCase(f"{name}_{trunk}", architecture, purpose, _config(architecture, trunk, **changes))
        for name, architecture, purpose, changes in _rows()
        for trunk in TRUNKS
    ]
