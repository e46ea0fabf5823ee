#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax generate."""

import json
import unittest

import program

GREEDY = ("--temperature", "0")
STORY = ("generate", "--prompt", "Once upon a time", *GREEDY, "--max-new-tokens", "48")


class Generate(program.TestCase):
    def test_prints_text_alone_on_standard_output(self):
        result = program.run(*STORY)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, b"")
        self.assertGreater(len(result.stdout), 20)

    def test_json_has_exactly_the_promised_members(self):
        output = self.succeed_json(*STORY, "--json")
        self.assertEqual(
            list(output), ["text", "tokens", "prompt_tokens", "finish_reason", "timings"]
        )
        self.assertEqual(len(output["tokens"]), 48)
        self.assertTrue(all(isinstance(token, int) for token in output["tokens"]))
        prompt = self.succeed_json("tokenize", "--json", "--text", "Once upon a time")
        self.assertEqual(output["prompt_tokens"], len(prompt["ids"]))
        self.assertEqual(output["finish_reason"], "length")
        self.assertTrue(all(value >= 0 for value in output["timings"].values()))

    def test_streams_the_same_text(self):
        plain = self.succeed(*STORY)
        self.assertEqual(self.succeed(*STORY, "--stream"), plain)
        self.assertEqual(self.succeed_json(*STORY, "--json")["text"] + "\n", plain)
        tokens = self.succeed_json(*STORY, "--json")["tokens"]
        self.assertEqual(
            self.succeed("detokenize", "--no-special", *map(str, tokens)) + "\n", plain
        )

    def test_streams_before_it_ends(self):
        child = program.start(*STORY[:-1], "100000", "--stream", "--ignore-eos")
        self.addCleanup(child.communicate)
        self.addCleanup(child.kill)
        self.assertTrue(child.stdout.read(10))
        self.assertIsNone(child.poll())

    def test_dry_reaches_over_no_breaker(self):
        text = "Once upon a time, there was a cat. Once upon a time, there"
        chant = ("--prompt", text, "--max-new-tokens", "1", *GREEDY)
        dry = ("--dry-multiplier", "100", "--dry-allowed-length", "1")
        plain = self.succeed("generate", *chant)
        self.assertEqual(plain, " was\n")
        self.assertNotEqual(self.succeed("generate", *chant, *dry), plain)
        broken = self.succeed("generate", *chant, *dry, "--dry-sequence-breaker", " there")
        self.assertEqual(broken, plain)

    def test_never_writes_a_bad_word(self):
        text = self.succeed(*STORY)
        word = text.split()[3]
        self.assertNotIn(f" {word} ", self.succeed(*STORY, "--bad-word", word))
        result = program.run(*STORY, "--bad-word", "")
        self.assertEqual(result.returncode, 2)
        self.assertIn(b"--bad-word", result.stderr)

    def test_ends_before_a_stop_text(self):
        text = self.succeed_json(*STORY, "--json")["text"]
        stop = text[20:24]
        for arguments in (["--stop", stop], ["--stop", "never to be seen", "--stop", stop]):
            output = self.succeed_json(*STORY, *arguments, "--json")
            self.assertEqual(output["text"], text[: text.index(stop)])
            self.assertEqual(output["finish_reason"], "stop")
            self.assertEqual(
                self.succeed(*STORY, *arguments, "--stream"), text[: text.index(stop)] + "\n"
            )

    def test_draws_the_same_with_the_same_seed(self):
        drawn = (*STORY[:3], "--max-new-tokens", "24", "--temperature", "1.5")
        first = self.succeed(*drawn, "--seed", "7")
        self.assertEqual(self.succeed(*drawn, "--seed", "7"), first)
        others = {self.succeed(*drawn, "--seed", str(seed)) for seed in range(3)}
        self.assertGreater(len(others | {first}), 1)

    def test_with_top_k_one_is_greedy(self):
        drawn = ("--temperature", "1", "--top-k", "1", "--seed", "3", "--max-new-tokens", "16")
        self.assertEqual(
            self.succeed(*STORY[:3], *drawn),
            self.succeed(*STORY[:3], *GREEDY, "--max-new-tokens", "16"),
        )

    def test_goes_on_after_the_end_where_asked(self):
        question = [{"role": "user", "content": "What is 7 plus 5?"}]
        arguments = ("generate", "--messages", "-", *GREEDY, "--json", "--max-new-tokens", "64")
        stopped = self.succeed_json(*arguments, stdin=json.dumps(question))
        self.assertEqual(stopped["finish_reason"], "stop")
        longer = self.succeed_json(*arguments, "--ignore-eos", stdin=json.dumps(question))
        self.assertEqual(longer["finish_reason"], "length")
        self.assertEqual(len(longer["tokens"]), 64)

    def test_takes_the_prompt_from_standard_input(self):
        self.assertEqual(
            self.succeed("generate", "--prompt-file", "-", *STORY[3:], stdin="Once upon a time"),
            self.succeed(*STORY),
        )

    def test_recognises_special_tokens_of_the_prompt(self):
        prompt = self.succeed(
            "apply-template",
            "--messages",
            "-",
            stdin='[{"role": "user", "content": "What is 7 plus 5?"}]',
        )
        self.assertEqual(self.succeed("generate", "--prompt", prompt, *GREEDY), "7 plus 5 is 12.\n")

    def test_accepts_an_empty_prompt_and_one_that_is_not_utf8(self):
        for prompt in (b"", b"caf\xe9 \xff"):
            result = program.run(
                "generate", "--prompt", prompt, *GREEDY, "--max-new-tokens", "4", "--json"
            )
            self.assertEqual(result.returncode, 0, result.stderr)
            json.loads(result.stdout)

    def test_gives_the_same_on_every_number_of_threads_and_on_the_reference(self):
        expected = self.succeed(*STORY, "--threads", "1", "--dtype", "float32")
        for arguments in (["--threads", "2"], ["--threads", "3"], ["--device", "reference"]):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.succeed(*STORY, *arguments, "--dtype", "float32"), expected)

    def test_refuses_damaged_conversations(self):
        self.assertIn(
            "role",
            self.fail_with(3, "generate", "--messages", "-", stdin='[{"content": "x"}]'),
        )
        self.fail_with(3, "generate", "--messages", "-", stdin="{")
        self.fail_with(5, "generate", "--messages", "/nothing/here.json")

    def test_prints_the_best_answers_of_beams(self):
        search = (*STORY[:5], "--max-new-tokens", "12", "--num-beams", "3")
        best = self.succeed_json(*search, "--json")
        answers = self.succeed_json(*search, "--num-return-sequences", "2", "--json")
        self.assertEqual(len(answers), 2)
        self.assertEqual(answers[0]["tokens"], best["tokens"])
        self.assertGreaterEqual(answers[0]["sequences_score"], answers[1]["sequences_score"])
        self.assertEqual(
            self.succeed(*search, "--num-return-sequences", "2"),
            f"{answers[0]['text']}\n---\n{answers[1]['text']}\n",
        )
        self.assertIn("--stream", self.fail_with(2, *search, "--stream"))
        self.fail_with(2, *search, "--num-return-sequences", "4")

    def test_answers_the_same_with_assistance(self):
        expected = self.succeed_json(*STORY, "--json")["tokens"]
        draft = str(program.MODEL)
        for arguments in (
            ["--prompt-lookup-num-tokens", "5"],
            ["--draft", draft, "--num-assistant-tokens", "4"],
        ):
            with self.subTest(arguments=arguments):
                self.assertEqual(
                    self.succeed_json(*STORY, *arguments, "--json")["tokens"], expected
                )
        other = str(program.GOLDEN / "tokenizer" / "small")
        self.assertIn("vocabulary", self.fail_with(2, *STORY, "--draft", other))

    def test_ends_in_time(self):
        output = self.succeed_json(*STORY, "--max-time", "0", "--json")
        self.assertEqual(output["finish_reason"], "time")
        self.assertEqual(len(output["tokens"]), 1)

    def test_reports_speed_on_standard_error_where_asked(self):
        result = program.run(*STORY, "--verbose")
        self.assertRegex(
            result.stderr.decode(), r"read \d+ tokens .* generated 48 tokens .*tokens/s"
        )


if __name__ == "__main__":
    unittest.main()
