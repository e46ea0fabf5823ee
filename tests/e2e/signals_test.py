#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, SIGTERM, SIGHUP and readers that go away, at every stage of the work."""

import json
import os
import pathlib
import shutil
import signal
import tempfile
import time
import unittest

import program

# Runs until something stops it.
ENDLESS = (
    "generate",
    "--prompt",
    "Once upon a time",
    "--max-new-tokens",
    "1000000",
    "--ignore-eos",
    "--threads",
    "1",
)
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


class Signal(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, *arguments, **options):
        child = program.start(*arguments, **options)
        self.addCleanup(child.communicate)
        self.addCleanup(child.kill)
        return child

    def test_stops_a_generation_and_keeps_what_was_said(self):
        for number, code in CODES.items():
            with self.subTest(signal=number):
                child = self.start(*ENDLESS, "--stream")
                self.assertTrue(child.stdout.read(20))
                child.send_signal(number)
                rest, stderr = child.communicate(timeout=program.TIMEOUT_S)
                self.assertEqual((child.returncode, stderr), (code, b""))
                self.assertTrue(rest.endswith(b"\n"))

    def test_in_a_generation_still_gives_whole_json(self):
        child = self.start(*ENDLESS, "--json", "--verbose")
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        stdout, _ = child.communicate(timeout=program.TIMEOUT_S)
        self.assertEqual(child.returncode, 130)
        if stdout:  # empty where the model was still being read
            self.assertEqual(json.loads(stdout)["finish_reason"], "cancelled")

    def test_ends_the_reading_of_a_long_prompt(self):
        messages = program.GOLDEN / "recall_messages.json"
        child = self.start(
            "generate", "--messages", str(messages), "--device", "reference", "--threads", "1"
        )
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        begin = time.monotonic()
        child.communicate(timeout=program.TIMEOUT_S)
        self.assertEqual(child.returncode, 130)
        self.assertLess(time.monotonic() - begin, 60)

    def test_given_twice_ends_at_once(self):
        child = self.start(*ENDLESS, "--stream")
        self.assertTrue(child.stdout.read(20))
        child.send_signal(signal.SIGTERM)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=program.TIMEOUT_S)
        self.assertIn(child.returncode, (130, 143))

    def test_leaves_no_half_file_of_logits(self):
        file = self.folder / "out.safetensors"
        tokens = self.folder / "ids"
        tokens.write_text(" ".join(["5"] * 20000))
        for times in (1, 2):  # the second one does not wait for the end of a step
            with self.subTest(times=times):
                child = self.start(
                    *("logits", "--tokens", f"@{tokens}", "--output", str(file)),
                    *("--device", "reference"),
                )
                program.wait_for(
                    lambda c=child: len(list(self.folder.iterdir())) > 1 or c.poll() is not None,
                    "the temporary file",
                )
                for _ in range(times):
                    child.send_signal(signal.SIGINT)
                    time.sleep(0.05)
                child.communicate(timeout=program.TIMEOUT_S)
                self.assertEqual(child.returncode, 130)
                self.assertEqual([path.name for path in self.folder.iterdir()], ["ids"])

    def test_of_a_pipe_without_reader_ends_a_stream_quietly(self):
        child = self.start(*ENDLESS, "--stream")
        self.assertTrue(child.stdout.read(20))
        child.stdout.close()
        self.assertEqual(child.wait(timeout=program.TIMEOUT_S), 0)
        self.assertEqual(child.stderr.read(), b"")


class CtrlC(program.TestCase):
    CHAT = ("chat", "--ignore-eos", "--max-new-tokens", "1000000", "--temperature", "0")

    def test_stops_a_reply_and_a_second_one_leaves(self):
        with program.Terminal(*self.CHAT) as terminal:
            terminal.expect("> ")
            terminal.send("Tell me a story.\r")
            terminal.expect("story")
            terminal.expect(r"\w+ \w+ \w+")
            terminal.send("\x03")
            terminal.expect("> ")
            terminal.send("\x03")
            self.assertEqual(terminal.wait(), 130)

    def test_stops_a_reply_and_the_chat_goes_on(self):
        with program.Terminal(*self.CHAT) as terminal:
            for _ in range(2):
                terminal.expect("> ")
                terminal.send("Tell me a story.\r")
                terminal.expect("story")
                terminal.expect(r"\w+ \w+ \w+")
                terminal.send("\x03")
            terminal.expect("> ")
            terminal.send("/exit\r")
            self.assertEqual(terminal.wait(), 0)

    def test_at_the_prompt_drops_the_line_and_a_second_one_leaves(self):
        with program.Terminal(*self.CHAT) as terminal:
            terminal.expect("> ")
            terminal.send("some words\x03")
            terminal.expect("once more")
            terminal.expect("> ")
            terminal.send("\x03")
            self.assertEqual(terminal.wait(), 130)

    def test_and_other_ends_give_the_terminal_back_as_it_was(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with program.Terminal(*self.CHAT) as terminal:
                before = terminal.settings()
                terminal.expect("> ")
                program.wait_for(lambda t=terminal, b=before: t.settings() != b, "line editing")
                os.kill(terminal.pid, number)
                if number == signal.SIGINT:
                    terminal.expect(r"once more[^>]*> ")
                    os.kill(terminal.pid, number)
                self.assertEqual(terminal.wait(), code)
                self.assertEqual(terminal.settings(), before)


if __name__ == "__main__":
    unittest.main()
