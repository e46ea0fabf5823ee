#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lm-evaluation-harness asks the server and gets the numbers of the model itself: the
log-likelihoods of continuations, and the score of a small task of our own. Left out where lm_eval
from PyPI is not installed, and where it lacks what it needs."""

import array
import json
import math
import pathlib
import struct
import tempfile
import unittest

import program
import server

try:
    import lm_eval
    from lm_eval.api.instance import Instance
    from lm_eval.models.openai_completions import LocalCompletionsAPI
    from lm_eval.tasks import TaskManager
except ImportError:
    lm_eval = None

PAIRS = [
    ("Once upon a time", ", there was a"),
    ("Once upon a time", " the purple"),
    ("What is the capital of France?", " The capital of France is Paris."),
    ("The sun", " is yellow"),
]
TASK = """
task: capitals
dataset_path: json
dataset_kwargs:
  data_files:
    test: {file}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{answer}}}}"
metric_list:
  - metric: acc
"""
DOCUMENTS = [
    {"question": "Once upon a", "choices": [" time", " sky"], "answer": 0},
    {"question": "Once upon a time, there", "choices": [" blue", " was"], "answer": 1},
]


@unittest.skipUnless(lm_eval, "needs lm_eval from PyPI")
class Harness(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server("--dtype", "float32")
        cls.addClassCleanup(cls.server.stop)
        cls.model = LocalCompletionsAPI(
            base_url=f"{cls.server.url}/v1/completions",
            model="tiny-minimax",
            max_length=2048,
            batch_size=4,
        )

    def logits(self, ids):
        """The rows of logits that the program writes without a server."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "logits.safetensors"
            tokens = ",".join(map(str, ids))
            result = program.run("logits", "--tokens", tokens, "--output", str(path))
            self.assertEqual(result.returncode, 0, result.stderr)
            data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        entry = json.loads(data[8 : 8 + length])["logits"]
        begin, end = entry["data_offsets"]
        values = array.array("f", data[8 + length + begin : 8 + length + end])
        width = entry["shape"][-1]
        return [values[i : i + width] for i in range(0, len(values), width)]

    def likelihood(self, ids, begin):
        """The sum of the log-probabilities of ids[begin:], and whether each is the likeliest."""
        total, is_greedy = 0.0, True
        rows = self.logits(ids)
        for place in range(begin, len(ids)):
            row = rows[place - 1]
            most = max(row)
            total += row[ids[place]] - most - math.log(sum(math.exp(x - most) for x in row))
            is_greedy = is_greedy and row[ids[place]] == most
        return total, is_greedy

    def test_uses_the_tokenizer_of_the_server(self):
        self.assertEqual(self.model.tokenizer_backend, "remote")

    def test_gets_the_likelihoods_of_the_model(self):
        requests = [
            Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=i)
            for i, pair in enumerate(PAIRS)
        ]
        found = self.model.loglikelihood(requests)
        for (context, continuation), (likelihood, is_greedy) in zip(PAIRS, found, strict=True):
            ids = self.server.ask("/tokenize", {"prompt": context + continuation})[1]["tokens"]
            begin = len(self.server.ask("/tokenize", {"prompt": context})[1]["tokens"])
            expected, expected_greedy = self.likelihood(ids, begin)
            # Both sum in float32, in steps of different sizes: 1e-6 of about 10 a token.
            self.assertAlmostEqual(likelihood, expected, delta=1e-5 * len(ids))
            self.assertEqual(is_greedy, expected_greedy)

    def test_scores_a_task(self):
        with tempfile.TemporaryDirectory() as folder:
            documents = pathlib.Path(folder) / "documents.jsonl"
            documents.write_text("".join(json.dumps(each) + "\n" for each in DOCUMENTS))
            task = pathlib.Path(folder) / "capitals.yaml"
            task.write_text(TASK.format(file=documents))
            manager = TaskManager(include_path=folder, include_defaults=False)
            results = lm_eval.simple_evaluate(
                model=self.model, tasks=["capitals"], task_manager=manager, bootstrap_iters=0
            )
        self.assertEqual(results["results"]["capitals"]["acc,none"], 1.0)


if __name__ == "__main__":
    unittest.main()
