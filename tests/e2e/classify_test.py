#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax classify, tag and answer. The demonstration model has none of their heads, so they get
random ones: what is tested is the way from texts to results, not whether the results are sensible."""

import json
import pathlib
import shutil
import tempfile
import unittest

import program

TEXT = "Tom has 3 apples \u00e9\u4e16 in London."
CONTEXT = "Ada lives in London. Tom lives in Paris."


class Classify(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def lines(self, *arguments, **options):
        output = self.succeed(*arguments, "--json", **options)
        return [json.loads(line) for line in output.splitlines()]

    def json_lines(self, *records):
        file = self.folder / "records.jsonl"
        file.write_text("\n\n".join(map(json.dumps, records)))
        return str(file)

    def test_classifies_texts_from_everywhere(self):
        file = self.folder / "text.txt"
        file.write_text(TEXT)
        (one,) = self.lines("classify", "--text", TEXT)
        self.assertEqual(set(one), {"label", "score", "scores"})
        self.assertAlmostEqual(sum(one["scores"].values()), 1)
        self.assertEqual(one["score"], max(one["scores"].values()))
        self.assertEqual(one["scores"][one["label"]], one["score"])
        self.assertEqual(self.lines("classify", "--file", str(file)), [one])
        self.assertEqual(self.lines("classify", stdin=TEXT), [one])
        records = self.json_lines({"text": TEXT}, {"text": "Other."})
        both = self.lines("classify", "--jsonl", records)
        self.assertEqual(both[0], one)
        self.assertEqual(len(both), 2)
        self.assertEqual(self.lines("classify", "--text", TEXT, "--text", "Other."), both)

    def test_prints_a_line_for_each_text(self):
        self.assertRegex(self.succeed("classify", "--text", TEXT), r"^LABEL_[01]\t0\.\d{4}\n$")

    def test_says_that_a_head_is_random(self):
        result = program.run("classify", "--text", TEXT)
        self.assertIn(b"score.weight is not in the checkpoint: it is random", result.stderr)

    def test_tags_every_token_with_its_place(self):
        (result,) = self.lines("tag", "--text", TEXT)
        tokens = result["tokens"]
        self.assertEqual("".join(token["token"] for token in tokens), TEXT)
        for token in tokens:
            self.assertEqual(TEXT[token["start"] : token["end"]], token["token"])
            self.assertTrue(0.5 <= token["score"] <= 1, token)
        self.assertEqual(len(tokens), len(self.succeed("tokenize", "--text", TEXT).split()))
        plain = self.succeed("tag", "--text", TEXT).rstrip("\n").split("\n")
        self.assertEqual([line.split("\t")[0] for line in plain], [t["label"] for t in tokens])

    def test_answers_with_a_part_of_the_context(self):
        question = ("answer", "--question", "Where does Ada live?", "--context", CONTEXT)
        (best,) = self.lines(*question, "--max-answer-tokens", "3")
        self.assertIn(best["answer"], CONTEXT)
        self.assertTrue(0 < best["end_token"] - best["start_token"] <= 3, best)
        many = self.lines(*question, "--max-answer-tokens", "3", "--top-k", "4")
        self.assertEqual(many[0], best)
        scores = [answer["score"] for answer in many]
        self.assertEqual(scores, sorted(scores, reverse=True))
        records = self.json_lines({"question": "Where does Ada live?", "context": CONTEXT})
        self.assertEqual(self.lines("answer", "--jsonl", records, "--max-answer-tokens", "3"), [best])

    def test_names_what_is_wrong(self):
        def fails(code, message, *arguments):
            self.assertIn(message, self.fail_with(code, *arguments))

        fails(3, "record 1: /text: ", "classify", "--jsonl", self.json_lines({"txt": "x"}))
        fails(3, "record 2", "tag", "--jsonl", self.json_lines({"text": "x"}, {"text": 1}))
        fails(5, "missing.txt", "classify", "--file", "missing.txt")
        fails(2, "text 1: expected at least one token", "classify", "--text", "")
        fails(2, "--context", "answer", "--question", "Who?")
        fails(2, "question 1: context", "answer", "--question", "Who?", "--context", "")
        fails(2, "--max-answer-tokens", "answer", "--max-answer-tokens", "0")


if __name__ == "__main__":
    unittest.main()
