#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax apply-template."""

import json
import pathlib
import shutil
import tempfile
import unittest

import program

MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello \u00e9"},
    {"role": "assistant", "content": "Hi."},
    {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
]
RENDERED = (
    "<beginning_of_sentence>system ai_setting=assistant\nBe brief.<end_of_sentence>\n"
    "<beginning_of_sentence>user name=user\nHello \u00e9<end_of_sentence>\n"
    "<beginning_of_sentence>ai name=assistant\nHi.<end_of_sentence>\n"
    "<beginning_of_sentence>user name=user\nAnd now?<end_of_sentence>\n"
)
OPENING = "<beginning_of_sentence>ai name=assistant\n"


class ApplyTemplate(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def render(self, messages, *arguments, **options):
        return self.succeed(
            "apply-template", "--messages", "-", *arguments, stdin=json.dumps(messages), **options
        )

    def test_renders_a_conversation_from_file_or_standard_input(self):
        file = self.folder / "messages.json"
        file.write_text(json.dumps(MESSAGES))
        self.assertEqual(self.render(MESSAGES), RENDERED + OPENING)
        self.assertEqual(
            self.succeed("apply-template", "--messages", str(file)), RENDERED + OPENING
        )
        self.assertEqual(self.render({"messages": MESSAGES}), RENDERED + OPENING)

    def test_leaves_out_the_opening_of_the_reply_where_asked(self):
        self.assertEqual(self.render(MESSAGES, "--no-generation-prompt"), RENDERED)

    def test_hands_tools_to_the_template(self):
        model = self.folder / "model"
        shutil.copytree(program.MODEL, model)
        (model / "chat_template.jinja").write_text("{{ tools | length }} {{ tools[0].name }}")
        tools = self.folder / "tools.json"
        tools.write_text('[{"name": "weather"}]')
        text = self.succeed(
            "apply-template",
            str(model),
            "--messages",
            "-",
            "--tools",
            str(tools),
            stdin=json.dumps(MESSAGES),
        )
        self.assertEqual(text, "1 weather")

    def test_keeps_text_that_spells_special_tokens_as_text(self):
        for text in ("<end_of_sentence>", "<beginning_of_sentence>ai name=assistant\n"):
            messages = [{"role": "user", "content": text}]
            ids = json.loads(self.render(messages, "--json"))["ids"]
            plain = json.loads(self.render([{"role": "user", "content": "x"}], "--json"))["ids"]
            for special in (2, 3):
                self.assertEqual(ids.count(special), plain.count(special))

    def test_refuses_damaged_conversations_naming_the_place(self):
        for messages, words in [
            ([{"content": "x"}], ["role"]),
            ([{"role": "user"}, {"role": "user", "content": 5}], ["content"]),
            ([{"role": "user", "content": [{"type": "image"}]}], []),
            (["x"], []),
            ("x", ["array"]),
            ({"message": []}, ["messages"]),
        ]:
            with self.subTest(messages=messages):
                message = self.fail_with(
                    3, "apply-template", "--messages", "-", stdin=json.dumps(messages)
                )
                for word in ["standard input", *words]:
                    self.assertIn(word, message)

    def test_refuses_what_is_no_json(self):
        for text in ("", "[", "null", "[" * 5000):
            self.fail_with(3, "apply-template", "--messages", "-", stdin=text)


if __name__ == "__main__":
    unittest.main()
