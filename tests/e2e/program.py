# SPDX-License-Identifier: Apache-2.0
"""Runs the program `minimax` the way a user does, for the tests in this folder."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = SOURCE / "tests" / "golden"
MODEL = SOURCE / "models" / "tiny-minimax"
PROGRAM = os.environ.get("MINIMAX_TEST_PROGRAM", str(SOURCE / "build/release/apps/minimax"))

# Generous, as tests share the machine with others; nothing here needs more than a few seconds.
TIMEOUT_S = 120


def environment(**changes):
    """The environment of the tests without variables that change what the program does."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MINIMAX_", "HF_", "LC_")) and name not in ("NO_COLOR", "LANG")
    }
    kept.update({"TERM": "xterm", "LANG": "C.UTF-8"})
    kept.update(changes)
    return {name: value for name, value in kept.items() if value is not None}


def start(*arguments, env=None, **options):
    """Starts the program with pipes; for tests that send signals or close pipes."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [PROGRAM, *arguments], env=environment(**(env or {})), **{**pipes, **options}
    )


def run(*arguments, stdin=b"", env=None, cwd=None, timeout_s=TIMEOUT_S):
    """Runs the program to its end. Returns a CompletedProcess with bytes."""
    if isinstance(stdin, str):
        stdin = stdin.encode()
    return subprocess.run(
        [PROGRAM, *arguments],
        input=stdin,
        capture_output=True,
        env=environment(**(env or {})),
        cwd=cwd,
        timeout=timeout_s,
        check=False,
    )


def wait_for(condition, what, timeout_s=TIMEOUT_S):
    """Polls until condition() is true."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout_s} s for {what}")
        time.sleep(0.01)


class TestCase(unittest.TestCase):
    """unittest's, with claims about runs of the program."""

    maxDiff = 4000

    def succeed(self, *arguments, **options):
        """Runs the program, expects exit code 0 and returns standard output as text."""
        result = run(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr.decode(errors="replace"))
        return result.stdout.decode()

    def succeed_json(self, *arguments, **options):
        """As succeed, for output in JSON."""
        return json.loads(self.succeed(*arguments, **options))

    def fail_with(self, code, *arguments, **options):
        """Runs the program, expects this exit code, nothing on standard output and a message on
        standard error that does not look like a crash. Returns the message."""
        result = run(*arguments, **options)
        message = result.stderr.decode(errors="replace")
        self.assertEqual(result.returncode, code, message)
        self.assertEqual(result.stdout, b"")
        self.assertIn("minimax: error: ", message)
        self.assertNotIn("internal error", message)
        return message


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, *arguments, env=None, columns=80):
        self.output = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["COLUMNS"] = str(columns)
            os.execve(PROGRAM, [PROGRAM, *arguments], environment(**(env or {})))
        self._set_columns(columns)

    def _set_columns(self, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.fd)

    def send(self, text):
        os.write(self.fd, text.encode())

    def _read(self, timeout_s):
        """Appends what the program wrote; False at its end."""
        ready, _, _ = select.select([self.fd], [], [], timeout_s)
        if not ready:
            return True
        try:
            piece = os.read(self.fd, 65536)
        except OSError:  # the program left
            return False
        self.output += piece.decode(errors="replace")
        return bool(piece)

    def expect(self, pattern, timeout_s=TIMEOUT_S):
        """Reads until the pattern appears after what was expected before. Returns the match."""
        end = time.monotonic() + timeout_s
        while True:
            match = re.search(pattern, self.output)
            if match:
                self.output = self.output[match.end() :]
                return match
            if time.monotonic() > end or not self._read(0.1):
                raise AssertionError(f"expected {pattern!r}, found {self.output!r}")

    def settings(self):
        """The terminal's settings (termios), as the program left them."""
        return termios.tcgetattr(self.fd)

    def wait(self, timeout_s=TIMEOUT_S):
        """Waits for the end of the program. Returns its exit code."""
        end = time.monotonic() + timeout_s
        while True:
            self._read(0.05)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > end:
                raise AssertionError(f"the program did not end; it wrote {self.output!r}")
