#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax serve under slowhttptest (Debian): headers, bodies and readers that take their time."""

import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import unittest

import server

CONNECTIONS = "300"
SECONDS = 14
CHAT = {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0, "max_tokens": 8}


@unittest.skipUnless(shutil.which("slowhttptest"), "needs slowhttptest")
class SlowClients(unittest.TestCase):
    def setUp(self):
        self.server = server.Server()
        self.addCleanup(self.server.stop)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def attack(self, *arguments):
        process = subprocess.Popen(
            ["slowhttptest", *arguments, "-c", CONNECTIONS, "-r", "150", "-l", str(SECONDS)],
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_do_not_keep_others_waiting(self):
        url = self.server.url
        expected = self.server.ask("/v1/chat/completions", CHAT)[1]["choices"][0]["message"]
        attacks = [
            self.attack("-H", "-i", "3", "-u", f"{url}/v1/models"),
            self.attack("-B", "-i", "3", "-s", "8192", "-u", f"{url}/v1/chat/completions"),
            self.attack("-X", "-w", "8", "-y", "16", "-n", "3", "-z", "4", "-u", f"{url}/"),
        ]
        times = []
        while any(attack.poll() is None for attack in attacks):
            begin = time.monotonic()
            self.assertEqual(self.server.ask("/health")[0], 200)
            times.append(time.monotonic() - begin)
            status, answer = self.server.ask("/v1/chat/completions", CHAT)
            self.assertEqual((status, answer["choices"][0]["message"]), (200, expected))
            time.sleep(0.05)
        median, longest = statistics.median(times), max(times)
        print(f"/health took {1e3 * median:.1f} ms, at most {1e3 * longest:.1f} ms")
        # The attackers and the tests beside this one share the processors.
        self.assertLess(median, 0.05)
        self.assertGreater(len(times), 20)

    def test_are_closed_in_the_end(self):
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.server.port), 30) as client:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: local")
            answer = client.recv(1000)
        self.assertEqual(answer, b"")
        self.assertLess(time.monotonic() - begin, 14)


if __name__ == "__main__":
    unittest.main()
