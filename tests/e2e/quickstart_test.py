#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of scripts/quickstart.sh on the build folder that the program under test stands in."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

import program

BUILD = pathlib.Path(program.PROGRAM).resolve().parents[1]


@unittest.skipUnless(shutil.which("dpkg-query"), "the quickstart is for Debian")
class QuickstartTest(unittest.TestCase):
    def quickstart(self, *arguments, stdin=""):
        with tempfile.TemporaryDirectory() as elsewhere:
            return subprocess.run(
                [program.SOURCE / "scripts" / "quickstart.sh", *arguments],
                input=stdin,
                capture_output=True,
                text=True,
                cwd=elsewhere,
                env=program.environment(MINIMAX_BUILD_FOLDER=str(BUILD)),
                timeout=program.TIMEOUT_S,
                check=False,
            )

    def test_answers_a_question_and_does_nothing_else_the_second_time(self):
        self.assertEqual(self.quickstart("What is the capital of France?").returncode, 0)
        second = self.quickstart("What is the capital of France?")
        self.assertEqual(second.stderr, "")
        self.assertIn("Paris", second.stdout)

    def test_a_question_may_start_with_a_dash(self):
        result = self.quickstart("-2 + 3?")
        self.assertEqual((result.returncode, result.stdout.strip() != ""), (0, True), result.stderr)

    def test_opens_the_chat_without_a_question(self):
        result = self.quickstart(stdin="What is the capital of Italy?\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Rome", result.stdout)

    def test_refuses_a_question_without_quotation_marks(self):
        result = self.quickstart("What", "is", "this?")
        self.assertEqual(result.returncode, 2)
        self.assertIn("found 3 arguments", result.stderr)


if __name__ == "__main__":
    unittest.main()
