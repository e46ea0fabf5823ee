#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax inspect."""

import json
import pathlib
import shutil
import struct
import tempfile
import unittest

import program

CASE = program.GOLDEN / "softmax_first"


def change_tensor(path, name, change):
    """Hands the bytes of one tensor of a safetensors file to change(), which edits them."""
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    begin, end = json.loads(data[8 : 8 + length])[name]["data_offsets"]
    tensor = bytearray(data[8 + length + begin : 8 + length + end])
    change(tensor)
    data[8 + length + begin : 8 + length + end] = tensor
    path.write_bytes(data)


class Inspect(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_shows_the_demonstration_model(self):
        text = self.succeed("inspect")
        for words in ("MiniMaxForCausalLM", "7 lightning attention, 1 softmax", "million", "MiB"):
            self.assertIn(words, text)

    def test_needs_no_tokenizer(self):
        self.assertIn("Configuration", self.succeed("inspect", str(CASE)))

    def test_counts_parameters(self):
        json_output = self.succeed_json("inspect", "--json", "--tensors")
        elements = 0
        for tensor in json_output["tensors"]:
            count = 1
            for extent in tensor["shape"]:
                count *= extent
            elements += count
        self.assertEqual(json_output["parameters"]["total"], elements)
        self.assertGreater(json_output["parameters"]["active"], 0)
        self.assertLess(json_output["parameters"]["active"], elements)

    def test_plans_memory_for_a_context(self):
        small = self.succeed_json("inspect", "--json", "--context", "1000")["memory"]
        large = self.succeed_json("inspect", "--json", "--context", "100000")["memory"]
        self.assertEqual(small["context_tokens"], 1000)
        self.assertEqual(small["lightning_state_bytes"], large["lightning_state_bytes"])
        # 7 lightning layers of 8 heads of 32 x 32 float32; 1 softmax layer of 2 heads of 32 keys
        # and values in bfloat16.
        self.assertEqual(small["lightning_state_bytes"], 7 * 8 * 32 * 32 * 4)
        self.assertAlmostEqual(large["key_value_bytes"] / (100000 * 2 * 2 * 32 * 2), 1, places=2)
        parts = ("weight", "lightning_state", "key_value", "workspace")
        self.assertEqual(large["total_bytes"], sum(large[f"{part}_bytes"] for part in parts))
        self.assertTrue(large["fits"])

    def test_says_where_a_context_does_not_fit(self):
        enormous = ("inspect", "--context", str(1 << 40))
        self.assertFalse(self.succeed_json(*enormous, "--json")["memory"]["fits"])
        self.assertIn("does not fit", self.succeed(*enormous))

    def test_lists_tensors(self):
        self.assertRegex(
            self.succeed("inspect", "--tensors"),
            r"(?m)^lm_head.weight +BF16 +1133056 +\[2213, 256\] +model-0000\d-of-\d+.safetensors$",
        )

    def test_finds_values_that_no_model_has(self):
        self.assertIn("finite", self.succeed("inspect", str(CASE), "--check"))
        name = "model.norm.weight"

        def put_nan(tensor):
            tensor[0:4] = struct.pack("<f", float("nan"))

        def put_infinity(tensor):
            tensor[4:8] = struct.pack("<f", float("-inf"))

        def put_zeros(tensor):
            tensor[:] = bytes(len(tensor))

        for number, (change, word) in enumerate(
            [(put_nan, "1 are NaN"), (put_infinity, "1 infinite"), (put_zeros, "zero")]
        ):
            with self.subTest(word=word):
                model = self.folder / str(number)
                shutil.copytree(CASE, model)
                change_tensor(model / "model.safetensors", name, change)
                result = program.run("inspect", str(model), "--check")
                self.assertEqual(result.returncode, 3)
                self.assertIn(name, result.stderr.decode())
                self.assertIn(word, result.stderr.decode())
                result = program.run("inspect", str(model), "--check", "--json")
                self.assertEqual(json.loads(result.stdout)["suspect_tensors"][0]["name"], name)
                self.succeed("inspect", str(model))

    def test_refuses_a_damaged_model(self):
        model = self.folder / "model"
        shutil.copytree(CASE, model)
        weights = model / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1])
        self.assertIn("model.safetensors", self.fail_with(3, "inspect", str(model)))
        config = json.loads((model / "config.json").read_text())
        config["num_hidden_layers"] = -1
        (model / "config.json").write_text(json.dumps(config))
        self.assertIn("num_hidden_layers", self.fail_with(3, "inspect", str(model)))


if __name__ == "__main__":
    unittest.main()
