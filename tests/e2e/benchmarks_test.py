#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The scripts of benchmarks/, as far as they run without a peer."""

import sys
import unittest

import program

sys.path.insert(0, str(program.SOURCE / "benchmarks"))

import compare_llama_cpp
import llama_cpp
import quality


def run_of(noisy, rate, **fields):
    result = {"test": "tg@512", "tokens_per_second": rate, **fields}
    return {"noisy": noisy, "results": [result]}


class LlamaCpp(unittest.TestCase):
    def test_draws_the_tokens_of_splitmix(self):
        # The first output of splitmix64 from the seed 1.
        first = 0x910A2DEC89025CC1
        self.assertEqual(llama_cpp.random_tokens(1, 1003), [first % 1000])
        self.assertEqual(llama_cpp.random_tokens(5, 1003)[:3], llama_cpp.random_tokens(3, 1003))

    def test_lays_structures_out_as_c_does(self):
        self.assertEqual(llama_cpp.Batch.token.offset, 8)
        self.assertEqual(llama_cpp.ModelParams.n_gpu_layers.offset, 16)

    def test_names_the_folder_that_lacks_the_library(self):
        with self.assertRaisesRegex(llama_cpp.PeerError, "/nothing/here"):
            llama_cpp.Library("/nothing/here")


class Comparison(unittest.TestCase):
    def test_leaves_disturbed_runs_out(self):
        passes = [{"ours": run_of(noisy, rate)} for noisy, rate in ((True, 1), (False, 8))]
        self.assertEqual(compare_llama_cpp.median_of(passes, "ours", "tg@512"), 8)
        self.assertEqual(compare_llama_cpp.median_of(passes[:1], "ours", "tg@512"), 1)
        self.assertIsNone(compare_llama_cpp.median_of(passes, "ours", "pp512"))

    def test_judges_by_goal_and_must(self):
        verdict = compare_llama_cpp.verdict
        found = [verdict(value, 2.6, 2.2) for value in (2.6, 2.3, 2.1)]
        self.assertEqual(found, ["goal", "must", "missed"])
        found = [verdict(value, 1.03, 1.08, higher_is_better=False) for value in (1.0, 1.05, 1.1)]
        self.assertEqual(found, ["goal", "must", "missed"])

    def test_makes_a_row_for_every_bar_that_was_measured(self):
        memory = {"weight_bytes": 90, "state_bytes": 10, "peak_memory_bytes": 105}
        ours = run_of(False, 30.0, percent_of_read_bandwidth=85.0)
        theirs = {**run_of(False, 10.0), "first_token_seconds": 2.0}
        rows = list(
            compare_llama_cpp.rows_of(
                "q4_0",
                {
                    "passes": [{"ours": ours, "theirs": theirs}],
                    "memory": {"ours": memory, "theirs": memory},
                    "start": {"median": 0.4},
                },
            )
        )
        self.assertEqual([row[-1] for row in rows], ["goal", "must", "must", "must"])


class Quality(unittest.TestCase):
    def test_writes_values_with_their_errors(self):
        estimate = {"value": 0.00123, "error": 0.0004}
        self.assertEqual(quality.with_error(estimate, 2, 1e3), "1.23 ± 0.40")


if __name__ == "__main__":
    unittest.main()
