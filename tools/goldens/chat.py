# SPDX-License-Identifier: Apache-2.0
"""Turns conversations into token ids as transformers does, for the demonstration model."""

import json

from transformers import AutoTokenizer


def load_tokenizer(model_directory):
    return AutoTokenizer.from_pretrained(model_directory)


def read_messages(path):
    return json.loads(path.read_text())


def encode(tokenizer, messages, add_generation_prompt):
    """Returns the ids of a conversation under the chat template of the model."""
    return tokenizer.apply_chat_template(
        messages, add_generation_prompt=add_generation_prompt, return_dict=False
    )
