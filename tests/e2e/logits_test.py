#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax logits. The values themselves are compared with goldens in tests/golden."""

import array
import json
import pathlib
import shutil
import struct
import tempfile
import unittest

import program

CASE = program.GOLDEN / "softmax_first"


def read_safetensors(path):
    """{name: (shape, values)} of a file that holds F32 tensors."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", entry
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = (entry["shape"], array.array("f", data[begin:end]))
    return tensors


class Logits(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = self.folder / "out.safetensors"
        # A model without a tokenizer.
        self.config = json.loads((CASE / "config.json").read_text())

    def compute(self, *arguments, tokens="1,2,3,4,5", **options):
        output = self.succeed(
            "logits",
            str(CASE),
            "--tokens",
            tokens,
            "--output",
            str(self.file),
            *arguments,
            **options,
        )
        self.assertEqual(output, "")
        return read_safetensors(self.file)

    def test_are_written_for_every_token(self):
        tensors = self.compute()
        self.assertEqual(list(tensors), ["logits"])
        shape, values = tensors["logits"]
        self.assertEqual(shape, [5, self.config["vocab_size"]])
        self.assertEqual(len(values), 5 * self.config["vocab_size"])
        self.assertGreater(max(values), min(values))

    def test_come_with_hidden_states_where_asked(self):
        tensors = self.compute("--hidden-states")
        layers = self.config["num_hidden_layers"]
        self.assertEqual(
            set(tensors), {"logits"} | {f"hidden_states.{i}" for i in range(layers + 1)}
        )
        for i in range(layers + 1):
            self.assertEqual(tensors[f"hidden_states.{i}"][0], [5, self.config["hidden_size"]])

    def test_do_not_depend_on_the_chunk(self):
        tokens = ",".join(str(i % 50) for i in range(90))
        _, whole = self.compute(tokens=tokens)["logits"]
        spread = max(whole) - min(whole)
        for chunk in ("1", "7", "64", "90", "1000"):
            _, pieces = self.compute("--chunk", chunk, tokens=tokens)["logits"]
            difference = max(abs(a - b) for a, b in zip(whole, pieces, strict=True))
            self.assertLess(difference, 1e-5 * spread, chunk)

    def test_of_the_reference_agree(self):
        _, kernels = self.compute()["logits"]
        _, reference = self.compute("--device", "reference")["logits"]
        spread = max(reference) - min(reference)
        difference = max(abs(a - b) for a, b in zip(kernels, reference, strict=True))
        self.assertLess(difference, 1e-4 * spread)

    def test_take_tokens_from_files(self):
        expected = self.compute()["logits"][1]
        for text in ("1 2 3\n4,5", "[1, 2, 3, 4, 5]", '{"ids": [1, 2, 3, 4, 5]}'):
            file = self.folder / "ids"
            file.write_text(text)
            self.assertEqual(self.compute(tokens=f"@{file}")["logits"][1], expected)
        self.assertEqual(self.compute(tokens="@-", stdin="1,2,3,4,5")["logits"][1], expected)

    def refuse(self, code, tokens, *arguments):
        message = self.fail_with(
            code, "logits", str(CASE), "--tokens", tokens, "--output", str(self.file), *arguments
        )
        self.assertEqual(list(self.folder.glob("*safetensors*")), [])
        return message

    def test_refuse_ids_that_are_none(self):
        self.assertIn("found x", self.refuse(2, "1,x"))
        self.assertIn("--tokens", self.refuse(2, ""))
        self.assertIn("100000", self.refuse(2, "1,100000"))
        self.refuse(2, "-1")
        self.refuse(5, "@/nothing/here")

    def test_leave_no_half_file_behind(self):
        self.file.write_bytes(b"old")
        self.fail_with(2, "logits", str(CASE), "--tokens", "1,100000", "--output", str(self.file))
        self.assertEqual(self.file.read_bytes(), b"old")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["out.safetensors"])

    def test_need_a_folder_to_write_to(self):
        self.fail_with(
            5, "logits", str(CASE), "--tokens", "1", "--output", str(self.folder / "no" / "file")
        )


if __name__ == "__main__":
    unittest.main()
