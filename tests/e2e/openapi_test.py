#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that schemathesis (PyPI) makes of /openapi.json, beside a stream that must go on."""

import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

import server

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
STORY = {
    "messages": [{"role": "user", "content": "Tell me a story."}],
    "seed": 1,
    "max_tokens": 60,
    "ignore_eos": True,
}


@unittest.skipUnless(importlib.util.find_spec("schemathesis"), "needs schemathesis from PyPI")
class OpenApi(unittest.TestCase):
    def setUp(self):
        # Answers of what chance asks for would otherwise take minutes.
        self.server = server.Server("--batch-invariant", "--context", "200")
        self.addCleanup(self.server.stop)

    def sing(self, is_over, songs):
        while not is_over.is_set():
            chunks = self.server.stream("/v1/chat/completions", {**STORY, "stream": True})
            songs.append("".join(c["choices"][0]["delta"].get("content", "") for c in chunks))

    def attack(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        program = pathlib.Path(sys.executable).with_name("schemathesis")
        return subprocess.run(
            [
                *(program, "run", f"{self.server.url}/openapi.json", "--no-color"),
                *("--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing"),
                *("--max-examples", "10", "--generation-deterministic", "--workers", "2"),
                *("--continue-on-failure", "--warnings", "off"),
            ],
            cwd=folder.name,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    def test_holds_what_it_says_beside_a_stream(self):
        expected = self.server.ask("/v1/chat/completions", STORY)[1]["choices"][0]["message"]
        is_over = threading.Event()
        songs = []
        canary = threading.Thread(target=self.sing, args=(is_over, songs))
        canary.start()
        try:
            found = self.attack()
        finally:
            is_over.set()
            canary.join()
        self.assertEqual(found.returncode, 0, found.stdout[-8000:] + found.stderr)
        self.assertGreater(len(songs), 0)
        self.assertEqual(set(songs), {expected["content"]})
        print(f"{len(songs)} streams went on beside it")


if __name__ == "__main__":
    unittest.main()
