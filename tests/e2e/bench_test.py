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
        for peak in ("float32_gflop", "bfloat16_gflop", "int8_gop"):
            self.assertGreater(machine[f"{peak}_per_second"], 0.1)
        for name in ("weight_bytes", "state_bytes", "load_seconds", "peak_memory_bytes"):
            self.assertGreater(report[name], 0)

    def test_generates_with_several_sequences(self):
        arguments = ("bench", str(CASE), "--prompt-tokens", "0", "--depth", "4", "--batch", "1,3")
        report = self.succeed_json(*arguments, "--repetitions", "1", "--machine", "none", "--json")
        one, three = report["results"]
        self.assertEqual((one["test"], three["test"]), ("tg@4", "tg@4x3"))
        self.assertEqual(three["tokens"], 3 * one["tokens"])
        self.assertGreaterEqual(three["experts_read"], one["experts_read"])
        self.assertIsNone(three["percent_of_read_bandwidth"])

    def test_measures_the_machine_alone(self):
        machine = self.succeed_json("bench", "--machine", "only", "--threads", "1", "--json")
        self.assertGreater(machine["int8_gop_per_second"], 0.1)

    def test_prints_a_table(self):
        text = self.succeed(*SHORT, "--machine", "none")
        for test in ("pp16", "pp32", "tg@0", "tg@8"):
            self.assertRegex(text, rf"(?m)^\| {test} +\| +[\d.]+ \|")

    def test_leaves_out_what_is_zero(self):
        common = ("bench", str(CASE), "--json", "--repetitions", "1", "--depth", "4")
        common += ("--machine", "none")
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
