# SPDX-License-Identifier: Apache-2.0
"""Greedy answers of the demonstration model, from full float32 forwards without a cache.

A prompt is kept only if the answer is right and if no step was a close choice, so that an engine
that rounds activations to bfloat16 must still give the same words.
"""

import json
from pathlib import Path

from goldens import chat, transformers_oracle

PROMPTS = Path(__file__).parent / "prompts.json"
STOP_IDS = (3, 0)
MAX_NEW_TOKENS = 128
SMALLEST_MARGIN = 1.0
RECALL_FILE = "recall_messages.json"


def _answer(tokenizer, model, messages):
    prompt = chat.encode(tokenizer, messages, add_generation_prompt=True)
    ids, margin = transformers_oracle.generate_greedily(model, prompt, STOP_IDS, MAX_NEW_TOKENS)
    text = tokenizer.decode(ids, skip_special_tokens=True)
    return {
        "prompt_tokens": len(prompt),
        "text": text,
        "ids": ids,
        "smallest_margin": round(margin, 3),
    }


def _checked(answer, expected):
    if answer["text"] != expected:
        raise RuntimeError(f"expected {expected!r}, found {answer['text']!r}")
    if answer["smallest_margin"] < SMALLEST_MARGIN:
        raise RuntimeError(f"{expected!r} was a close choice: {answer['smallest_margin']}")
    return answer


def _recall_answer(messages):
    """Returns the sentence of the long text that answers the question at its end."""
    name = messages[-1]["content"].rsplit(" ", 1)[1].rstrip("?")
    text = messages[-1]["content"]
    begin = text.index(f"The secret number of {name} is")
    return text[begin : text.index(".", begin) + 1]


def export(model_directory, output):
    """Writes answers.json; yields each entry as it is made."""
    tokenizer = chat.load_tokenizer(model_directory)
    model = transformers_oracle.load(model_directory, attention="sdpa")
    entries = []
    for prompt in json.loads(PROMPTS.read_text()):
        answer = _checked(_answer(tokenizer, model, prompt["messages"]), prompt["expected"])
        entries.append({"messages": prompt["messages"]} | answer)
        yield entries[-1]
    messages = chat.read_messages(output / RECALL_FILE)
    answer = _checked(_answer(tokenizer, model, messages), _recall_answer(messages))
    entries.append({"messages_file": RECALL_FILE} | answer)
    yield entries[-1]
    (output / "answers.json").write_text(json.dumps(entries, indent=1) + "\n")
