#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax convert, and all commands on the GGUF files that it writes."""

import json
import pathlib
import random
import shutil
import struct
import tempfile
import unittest

import program

PROMPT = ("--prompt", "Once upon a time", "--max-new-tokens", "16", "--temperature", "0")
BAD_FILE = 3


class Converted(program.TestCase):
    """The demonstration model as GGUF, written once for all tests."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.model = cls.folder / "only" / "demo.gguf"
        cls.model.parent.mkdir()
        done = program.run("convert", str(program.MODEL), str(cls.model), "--json")
        assert done.returncode == 0, done.stderr
        cls.report = json.loads(done.stdout)

    def fail_with(self, code, *arguments):
        done = program.run(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr.decode()

    def test_reports_what_was_written(self):
        self.assertEqual(self.report["tensors"], 83)
        self.assertLess(self.report["weight_bytes"], self.model.stat().st_size)

    def test_generates_as_the_original_does(self):
        expected = self.succeed("generate", str(program.MODEL), *PROMPT)
        self.assertEqual(self.succeed("generate", str(self.model), *PROMPT), expected)
        self.assertEqual(self.succeed("generate", str(self.model.parent), *PROMPT), expected)

    def test_tokenizes_and_renders_as_the_original_does(self):
        messages = self.folder / "messages.json"
        messages.write_text('[{"role": "user", "content": "Where is the cat?"}]')
        for arguments in (
            ("tokenize", "--file", str(program.SOURCE / "README.md")),
            ("apply-template", "--messages", str(messages)),
        ):
            command, *options = arguments
            self.assertEqual(
                self.succeed(command, str(self.model), *options),
                self.succeed(command, str(program.MODEL), *options),
            )

    def test_inspects_and_checks(self):
        report = json.loads(self.succeed("inspect", str(self.model), "--json", "--check"))
        original = json.loads(self.succeed("inspect", str(program.MODEL), "--json"))
        self.assertEqual(report["parameters"], original["parameters"])
        self.assertEqual(report["config"]["layer_types"], original["config"]["layer_types"])
        self.assertEqual(report["suspect_tensors"], [])

    def test_replaces_a_file_only_when_told_to(self):
        message = self.fail_with(2, "convert", str(program.MODEL), str(self.model))
        self.assertIn("expected a new file", message)
        before = self.model.read_bytes()
        self.succeed("convert", str(program.MODEL), str(self.model), "--overwrite")
        self.assertEqual(self.model.read_bytes(), before)

    def test_a_file_without_a_tokenizer_runs_on_ids(self):
        bare = self.folder / "bare.gguf"
        self.succeed("convert", str(program.MODEL), str(bare), "--no-tokenizer")
        logits = self.folder / "logits.safetensors"
        self.succeed("logits", str(bare), "--tokens", "2,17,43", "--output", str(logits))
        message = self.fail_with(BAD_FILE, "generate", str(bare), *PROMPT)
        self.assertIn("has no tokenizer: it can be run on token ids", message)

    def test_damaged_files_are_refused(self):
        data = self.model.read_bytes()
        damaged = self.folder / "damaged.gguf"
        seed = random.Random(1)
        cuts = [0, 3, 7, 23, len(data) - 1] + [seed.randrange(len(data)) for _ in range(20)]
        for cut in cuts:
            damaged.write_bytes(data[:cut])
            message = self.fail_with(BAD_FILE, "inspect", str(damaged))
            self.assertIn("damaged.gguf", message)
        for place, value in (
            (4, struct.pack("<I", 1)),  # the version
            (8, struct.pack("<Q", 2**63)),  # the number of tensors
            (16, struct.pack("<Q", 2**32)),  # the number of keys
            (24, struct.pack("<Q", 2**64 - 1)),  # the length of the first key
        ):
            damaged.write_bytes(data[:place] + value + data[place + len(value) :])
            message = self.fail_with(BAD_FILE, "generate", str(damaged), *PROMPT)
            self.assertRegex(message, "expected .* found")

    def test_blocks_that_are_no_numbers_are_found(self):
        blocks = self.folder / "q8_0.gguf"
        self.succeed(
            "convert", str(program.MODEL), str(blocks), "--keep", "lm_head.weight=q8_0"
        )
        data = bytearray(blocks.read_bytes())
        tensors = json.loads(self.succeed("inspect", str(blocks), "--tensors", "--json"))["tensors"]
        head = next(t for t in tensors if t["name"] == "output.weight")
        self.assertEqual(head["dtype"], "q8_0")
        # It is the last tensor; its first two bytes are the scale of a block.
        start = len(data) - (head["bytes"] + 31) // 32 * 32
        data[start : start + 2] = struct.pack("<e", float("nan"))
        blocks.write_bytes(data)
        message = self.fail_with(BAD_FILE, "inspect", str(blocks), "--check")
        self.assertIn("output.weight: of 566528 values 32 are NaN", message)

    def test_other_files_are_refused_by_what_they_look_like(self):
        other = self.folder / "model.bin"
        other.write_bytes(b"PK\x03\x04 and more")
        message = self.fail_with(BAD_FILE, "inspect", str(other))
        self.assertIn("or a GGUF file, found another file (it looks like a zip archive", message)

    def test_a_folder_with_several_models_asks_for_one(self):
        folder = self.folder / "several"
        folder.mkdir()
        for name in ("a.gguf", "b.gguf"):
            (folder / name).write_bytes(b"")
        message = self.fail_with(BAD_FILE, "inspect", str(folder))
        self.assertIn("name one of them: a.gguf, b.gguf", message)


if __name__ == "__main__":
    unittest.main()
