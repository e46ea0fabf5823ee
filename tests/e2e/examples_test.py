#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the programs of examples/ on the demonstration model."""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

import program

FOLDER = pathlib.Path(os.environ["MINIMAX_TEST_EXAMPLES"])
SOURCES = program.SOURCE / "examples"


def run(name, model=program.MODEL):
    """Runs an example; the test fails where it does."""
    result = subprocess.run(
        [FOLDER / f"example_{name}", model],
        capture_output=True,
        text=True,
        env=program.environment(),
        timeout=program.TIMEOUT_S,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


class Examples(program.TestCase):
    def model_with(self, **changes):
        """The demonstration model with other fields in its config.json."""
        parent = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, parent)
        folder = pathlib.Path(shutil.copytree(program.MODEL, parent / "model"))
        config = json.loads((folder / "config.json").read_text()) | changes
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    def test_every_example_has_its_test(self):
        tested = {name.removeprefix("test_") for name in dir(self) if name.startswith("test_")}
        sources = {path.stem for path in SOURCES.glob("*.cc")} - {"run_example"}
        self.assertEqual(sources - tested, set())

    def test_chat(self):
        self.assertRegex(run("chat"), "(?i)mayonnaise|egg|oil")

    def test_chat_has_the_conversation_of_the_help(self):
        messages = json.loads((SOURCES / "mayonnaise.json").read_text())
        source = (SOURCES / "chat.cc").read_text()
        for message in messages:
            self.assertIn(message["content"], source)

    def test_the_first_example_of_the_chat_help_is_the_page_s(self):
        examples = self.succeed("chat", "--help").split("Examples:\n")[1]
        command = shlex.split(examples.split("\n  minimax", 1)[0].replace("\\\n", " "))
        self.assertEqual(command[0], "minimax")
        reply = self.succeed(*command[1:], "--temperature", "0", cwd=program.SOURCE)
        self.assertRegex(reply, "(?i)mayonnaise")

    def test_flash_attention(self):
        self.assertTrue(run("flash_attention").startswith("My favourite condiment is"))

    def test_load_in_4bit(self):
        self.assertTrue(run("load_in_4bit").startswith("My favourite condiment is"))

    def test_causal_lm(self):
        text, loss = run("causal_lm").rsplit("loss", 1)
        self.assertTrue(text.startswith("Hey, are you conscious? Can you talk to me?"))
        self.assertGreater(float(loss), 0)

    def test_sliding_window(self):
        output = run("sliding_window", self.model_with(sliding_window=32))
        self.assertIn("window of 32 tokens", output)
        tokens, memory = zip(*re.findall(r"(\d+) tokens, (\d+) bytes", output), strict=True)
        self.assertGreater(int(tokens[-1]), 250)
        self.assertEqual(len(set(memory[1:])), 1, output)
        self.assertIn("attends to all tokens", run("sliding_window"))

    def test_left_padded_batch(self):
        prompts = ("My favourite condiment is", "Once upon a time", "Paris is the capital of")
        rules = ("--temperature", "0", "--max-new-tokens", "20")
        alone = [
            prompt + self.succeed("generate", "--prompt", prompt, *rules) for prompt in prompts
        ]
        self.assertEqual(run("left_padded_batch"), "".join(alone))

    def test_base_model(self):
        self.assertIn("8 layers, 9 hidden states\n1 5 256 \n", run("base_model"))

    def test_sequence_classification(self):
        self.assertRegex(run("sequence_classification"), r"^LABEL_[01], loss \d")

    def test_token_classification(self):
        lines = run("token_classification").splitlines()
        self.assertEqual(
            "".join(line.split("\t")[0] for line in lines), "Paris is the capital of France."
        )
        labels = {line.split("\t")[1] for line in lines}
        self.assertLessEqual(labels, {"LABEL_0", "LABEL_1"})

    def test_question_answering(self):
        found = re.match(r"tokens (\d+) to (\d+): (.+)\n", run("question_answering"))
        self.assertLessEqual(int(found[1]), int(found[2]))
        self.assertIn(found[3].strip(), "Mayonnaise is made of oil, egg yolk and vinegar.")


if __name__ == "__main__":
    unittest.main()
