#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax tokenize and minimax detokenize."""

import json
import pathlib
import shutil
import tempfile
import unittest

import program

TEXT = "Once upon a time,\n there was \u00e9\u4e16\U0001f600 a  fox.\n"


class Tokenize(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def ids(self, *arguments, **options):
        return self.succeed_json("tokenize", *arguments, "--json", **options)["ids"]

    def test_takes_text_from_everywhere(self):
        file = self.folder / "text file.txt"
        file.write_text(TEXT)
        expected = self.ids("--text", TEXT)
        model = str(program.MODEL)
        self.assertEqual(self.ids(TEXT), expected)
        self.assertEqual(self.ids(model, TEXT), expected)
        self.assertEqual(self.ids("--file", str(file)), expected)
        self.assertEqual(self.ids(model, "--file", str(file)), expected)
        self.assertEqual(self.ids("--file", "-", stdin=TEXT), expected)
        self.assertEqual(self.ids(stdin=TEXT), expected)
        self.assertEqual(self.ids(model, stdin=TEXT), expected)

    def test_prints_ids_on_one_line(self):
        self.assertEqual(self.succeed("tokenize", TEXT), " ".join(map(str, self.ids(TEXT))) + "\n")

    def test_prints_exactly_the_ids_as_json(self):
        self.assertEqual(list(json.loads(self.succeed("tokenize", "a", "--json"))), ["ids"])

    def test_of_nothing_is_nothing(self):
        self.assertEqual(self.ids("--text", ""), [])

    def test_keeps_special_tokens_as_text_where_asked(self):
        text = "a<end_of_sentence>b"
        parsed = self.ids(text)
        plain = self.ids(text, "--no-special")
        self.assertIn(3, parsed)
        self.assertNotIn(3, plain)
        self.assertGreater(len(plain), len(parsed))

    def test_accepts_bytes_that_are_not_utf8(self):
        result = program.run("tokenize", "--json", stdin=b"a\xff\xfeb")
        self.assertEqual(result.returncode, 0, result.stderr)
        result = program.run("tokenize", "--text", b"a\xff\xfeb")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_reads_a_megabyte_of_one_letter(self):
        self.assertGreater(len(self.ids(stdin="a" * 1_000_000)), 0)

    def test_of_a_missing_file_is_an_input_error(self):
        self.assertIn("nothing.txt", self.fail_with(5, "tokenize", "--file", "/nothing.txt"))


class Detokenize(program.TestCase):
    def test_gives_back_what_was_tokenized(self):
        ids = self.succeed("tokenize", "--text", TEXT)
        expected = TEXT
        self.assertEqual(self.succeed("detokenize", stdin=ids), expected)
        self.assertEqual(self.succeed("detokenize", *ids.split()), expected)
        self.assertEqual(self.succeed("detokenize", ",".join(ids.split())), expected)
        self.assertEqual(self.succeed("detokenize", str(program.MODEL), *ids.split()), expected)
        as_json = self.succeed("tokenize", "--json", "--text", TEXT)
        self.assertEqual(self.succeed("detokenize", stdin=as_json), expected)
        self.assertEqual(self.succeed("detokenize", as_json), expected)
        self.assertEqual(
            self.succeed("detokenize", stdin=json.dumps(json.loads(as_json)["ids"])), expected
        )

    def test_leaves_out_special_tokens_where_asked(self):
        ids = self.succeed("tokenize", "a<end_of_sentence>b").split()
        self.assertEqual(self.succeed("detokenize", *ids), "a<end_of_sentence>b")
        self.assertEqual(self.succeed("detokenize", "--no-special", *ids), "ab")

    def test_prints_text_as_json(self):
        self.assertEqual(
            self.succeed_json("detokenize", "--json", *self.succeed("tokenize", TEXT).split()),
            {"text": TEXT},
        )

    def test_refuses_what_is_no_id(self):
        self.assertIn("found 2x", self.fail_with(3, "detokenize", stdin="1 2x 3"))
        self.fail_with(3, "detokenize", stdin="[1, -2]")
        self.fail_with(3, "detokenize", stdin='{"idz": []}')
        self.fail_with(3, "detokenize", stdin="[1, 2")
        self.fail_with(2, "detokenize", "99999999")
        self.fail_with(2, "detokenize", "1", "99999999999999999999")


if __name__ == "__main__":
    unittest.main()
