#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renders the chat templates of tests/golden/templates as transformers does and writes what comes
out, byte for byte.

    python3 -m venv venv && venv/bin/pip install -r tools/requirements-goldens.txt
    venv/bin/python tools/export_template_goldens.py [--m1-config tokenizer_config.json]

Inputs, written by hand: corpus/*.jinja, conversations.json and snippets.json, and the templates in
src/text/templates and models/tiny-minimax. Outputs: rendered.json and snippets_rendered.json. Null
stands for a template that fails. With --m1-config the template of the M1 release is rendered too;
without it, what was written for it before is kept.
"""

import argparse
import datetime
import json
from pathlib import Path

from transformers.utils import chat_template_utils

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "templates"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
RELEASE = "minimax_m1_release"
NOW = datetime.datetime(2026, 7, 4, 15, 30)  # what strftime_now reads


class FixedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def render(template, variables):
    """The text, or None where jinja2 refuses the template or the template raises."""
    try:
        return chat_template_utils._compile_jinja_template(template).render(**variables)
    except Exception:  # whatever Python raises inside a template
        return None


def render_conversation(template, conversation):
    """As PreTrainedTokenizerBase.apply_chat_template hands it over."""
    try:
        rendered, _ = chat_template_utils.render_jinja_template(
            [conversation["messages"]],
            tools=conversation.get("tools"),
            documents=conversation.get("documents"),
            chat_template=template,
            add_generation_prompt=conversation.get("add_generation_prompt", True),
            **TOKENS,
            **conversation.get("kwargs", {}),
        )
    except Exception:
        return None
    return rendered[0]


def named_templates():
    """Name and source of every template that belongs to the project."""
    for path in sorted((GOLDEN / "corpus").glob("*.jinja")):
        yield path.stem, path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "src" / "text" / "templates").glob("*.jinja")):
        yield f"builtin_{path.stem}", path.read_text(encoding="utf-8")
    demonstration = ROOT / "models" / "tiny-minimax" / "chat_template.jinja"
    yield "tiny_minimax", demonstration.read_text(encoding="utf-8")


def write_lines(path, opening, lines, closing):
    path.write_text(opening + "\n" + ",\n".join(lines) + "\n" + closing + "\n", encoding="utf-8")


def dumps(value):
    return json.dumps(value, ensure_ascii=False)


def export_conversations(m1_config):
    conversations = read(GOLDEN / "conversations.json")
    rendered = {}
    for name, template in named_templates():
        rendered[name] = [render_conversation(template, c) for c in conversations]
    target = GOLDEN / "rendered.json"
    if m1_config:
        release = read(m1_config)["chat_template"]
        rendered[RELEASE] = [render_conversation(release, c) for c in conversations]
    elif target.exists() and RELEASE in read(target):
        rendered[RELEASE] = read(target)[RELEASE]
    lines = [f"{dumps(name)}: [\n" + ",\n".join(map(dumps, texts)) + "]" for name, texts in rendered.items()]
    write_lines(target, "{", lines, "}")
    texts = [text for group in rendered.values() for text in group]
    print(f"{len(rendered)} templates, {len(texts)} conversations, {texts.count(None)} refused")


def export_snippets():
    snippets = read(GOLDEN / "snippets.json")
    texts = [render(template, snippets["variables"]) for template in snippets["templates"]]
    write_lines(GOLDEN / "snippets_rendered.json", "[", map(dumps, texts), "]")
    print(f"{len(texts)} snippets, {texts.count(None)} refused")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--m1-config", type=Path, help="tokenizer_config.json of MiniMax-M1")
    options = parser.parse_args()
    chat_template_utils.datetime = FixedClock
    export_conversations(options.m1_config)
    export_snippets()


if __name__ == "__main__":
    main()
