#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Greedy answers of the demonstration model, word for word, against tests/golden/answers.json."""

import json
import unittest

import program

ANSWERS = json.loads((program.GOLDEN / "answers.json").read_text())


class Answer(program.TestCase):
    def check(self, answer, *arguments, **options):
        """Runs the program on one entry and compares text and ids."""
        if "messages_file" in answer:
            source, stdin = str(program.GOLDEN / answer["messages_file"]), b""
        else:
            source, stdin = "-", json.dumps(answer["messages"])
        output = self.succeed_json(
            *("generate", "--messages", source, "--temperature", "0", "--json"),
            *arguments,
            stdin=stdin,
            **options,
        )
        self.assertEqual(output["text"], answer["text"])
        self.assertEqual(output["tokens"], answer["ids"])
        self.assertEqual(output["prompt_tokens"], answer["prompt_tokens"])
        self.assertEqual(output["finish_reason"], "stop")

    def test_is_right_word_for_word(self):
        for answer in ANSWERS:
            if "messages" in answer:
                with self.subTest(text=answer["text"]):
                    self.check(answer)

    def test_in_float32_is_right_word_for_word(self):
        for answer in ANSWERS[:3]:
            with self.subTest(text=answer["text"]):
                self.check(answer, "--dtype", "float32")

    def test_of_the_reference_is_right_word_for_word(self):
        for answer in ANSWERS[:3]:
            with self.subTest(text=answer["text"]):
                self.check(answer, "--device", "reference")

    def test_recalls_a_number_from_twelve_thousand_tokens(self):
        recalled = [answer for answer in ANSWERS if answer["prompt_tokens"] > 12000]
        self.assertTrue(recalled)
        for answer in recalled:
            self.check(answer, timeout_s=500)


if __name__ == "__main__":
    unittest.main()
