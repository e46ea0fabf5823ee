#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax perplexity: texts and ids in, figures out. Whether they are right is tested in engine/."""

import json
import math
import pathlib
import shutil
import tempfile
import unittest

import program

CASE = program.GOLDEN / "softmax_first"
OTHER = program.GOLDEN / "lightning_first"
IDS = ",".join(str(7 * i % 50) for i in range(40))
TEXT = "Once upon a time, there was a kind child named Lily. Lily had a red ball. " * 8


class Perplexity(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def judge(self, model, *arguments, **options):
        return self.succeed_json("perplexity", str(model), "--json", *arguments, **options)

    def test_judges_a_text(self):
        (self.folder / "text").write_text(TEXT)
        arguments = ("perplexity", str(self.folder / "text"), "--context", "32")
        report = self.succeed_json(*arguments, "--json")
        # Guesses among 2,213 tokens would have 2,213.
        self.assertLess(report["perplexity"]["value"], 50)
        self.assertGreater(report["perplexity"]["error"], 0)
        self.assertEqual(report["windows"], report["text_tokens"] // 32)
        self.assertEqual(report["judged_tokens"], report["windows"] * 15)
        self.assertRegex(self.succeed(*arguments), r"(?m)^perplexity +[\d.]+ \+- [\d.]+$")
        text = self.succeed("perplexity", "-", "--context", "32", stdin=TEXT)
        self.assertIn("-: ", text)

    def test_judges_ids_without_a_tokenizer(self):
        report = self.judge(CASE, "--tokens", IDS, "--context", "16")
        self.assertEqual((report["windows"], report["judged_tokens"]), (2, 14))
        mean = report["negative_log_likelihood"]["value"]
        self.assertAlmostEqual(report["perplexity"]["value"], math.exp(mean))
        strided = self.judge(CASE, "--tokens", IDS, "--context", "16", "--stride", "4")
        self.assertEqual((strided["windows"], strided["judged_tokens"]), (6, 24))
        few = self.judge(CASE, "--tokens", IDS, "--context", "16", "--windows", "1")
        self.assertEqual(few["windows"], 1)

    def test_compares_with_a_base(self):
        file = str(self.folder / "base.safetensors")
        common = ("--tokens", IDS, "--context", "16", "--dtype", "float32")
        alone = self.judge(CASE, *common, "--save-base", file)
        self.assertNotIn("base", alone)
        saved = self.judge(OTHER, *common, "--base", file)["base"]
        direct = self.judge(OTHER, *common, "--base-model", str(CASE))["base"]
        self.assertEqual(direct.pop("name"), str(CASE))
        self.assertEqual(saved.pop("name"), file)
        self.assertEqual(saved, direct)
        self.assertEqual(saved["perplexity"], alone["perplexity"])
        self.assertGreater(saved["kl_divergence"]["mean"]["value"], 0)
        same = self.judge(CASE, *common, "--base", file)["base"]
        self.assertEqual(same["top_token_agreement"], {"value": 1.0, "error": 0.0})
        self.assertAlmostEqual(same["kl_divergence"]["max"], 0)

    def test_can_begin_every_window_with_bos(self):
        shutil.copytree(CASE, self.folder / "model")
        path = self.folder / "model" / "config.json"
        config = json.loads(path.read_text())
        config["bos_token_id"] = 1
        path.write_text(json.dumps(config))
        common = ("--tokens", IDS, "--context", "16")
        without = self.judge(self.folder / "model", *common)
        self.assertIsNone(without["bos_token_id"])
        report = self.judge(self.folder / "model", *common, "--bos", "on")
        self.assertEqual(report["bos_token_id"], 1)
        self.assertNotEqual(report["perplexity"], without["perplexity"])

    def test_refuses_what_it_cannot_judge(self):
        common = ("perplexity", str(CASE))
        self.assertIn("at least 512", self.fail_with(2, *common, "--tokens", "1,2,3"))
        self.assertIn("one text", self.fail_with(2, "perplexity"))
        self.fail_with(2, *common, "text", "--tokens", IDS)
        self.fail_with(2, *common, "--tokens", "1,x")
        self.fail_with(2, *common, "--tokens", IDS + ",100000", "--context", "16")
        self.fail_with(2, *common, "--tokens", IDS, "--context", "16", "--stride", "16")
        self.fail_with(2, *common, "--tokens", IDS, "--base", "a", "--base-model", "b")
        self.fail_with(5, *common, "--tokens", IDS, "--context", "16", "--base", "/nothing/here")

    def test_refuses_a_base_of_something_else(self):
        file = self.folder / "base.safetensors"
        common = ("--tokens", IDS, "--context", "16")
        self.judge(CASE, *common, "--save-base", str(file))
        arguments = ("perplexity", str(CASE), "--base", str(file), "--context", "16", "--tokens")
        self.assertIn("another", self.fail_with(3, *arguments, IDS.replace("7", "8")))
        file.write_bytes(file.read_bytes()[:-9])
        self.fail_with(3, *arguments, IDS)

    def test_leaves_no_half_file_behind(self):
        file = self.folder / "base.safetensors"
        arguments = ("--tokens", IDS, "--context", "4000", "--save-base", str(file))
        self.fail_with(2, "perplexity", str(CASE), *arguments)
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
