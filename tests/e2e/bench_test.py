#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax bench: the shape of its results. How large they are depends on the machine."""

import unittest

import program

CASE = program.GOLDEN / "softmax_first"
SHORT = (
    *("bench", str(CASE), "--prompt-tokens", "16,32", "--generate-tokens", "4"),
    *("--depth", "0,8", "--repetitions", "3", "--threads", "1"),
)


class Bench(program.TestCase):
    def test_reports_every_test_as_json(self):
        report = self.succeed_json(*SHORT, "--json")
        self.assertEqual(
            [result["test"] for result in report["results"]], ["pp16", "pp32", "tg@0", "tg@8"]
        )
        for result in report["results"]:
            self.assertLessEqual(result["min"], result["tokens_per_second"])
            self.assertLessEqual(result["tokens_per_second"], result["max"])
            for name in ("min", "gb_per_second", "gflop_per_second"):
                self.assertGreater(result[name], 0)
        machine = report["machine"]
        self.assertEqual(machine["threads"], 1)
        self.assertGreater(machine["read_gb_per_second"], 0.1)
        self.assertGreater(machine["peak_gflop_per_second"], 0.1)

    def test_prints_a_table(self):
        text = self.succeed(*SHORT)
        for test in ("pp16", "pp32", "tg@0", "tg@8"):
            self.assertRegex(text, rf"(?m)^\| {test} +\| +[\d.]+ \|")

    def test_leaves_out_what_is_zero(self):
        common = ("bench", str(CASE), "--json", "--repetitions", "1", "--depth", "4")
        for arguments, test in (
            (("--prompt-tokens", "0", "--generate-tokens", "2"), "tg@4"),
            (("--prompt-tokens", "8", "--generate-tokens", "0"), "pp8"),
        ):
            report = self.succeed_json(*common, *arguments)
            self.assertEqual([result["test"] for result in report["results"]], [test])

    def test_refuses_numbers_that_are_none(self):
        self.fail_with(2, "bench", "--prompt-tokens", "12,x")
        self.fail_with(2, "bench", "--repetitions", "0")
        self.fail_with(2, "bench", "--depth", "-1")


if __name__ == "__main__":
    unittest.main()
