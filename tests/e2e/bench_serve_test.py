#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax bench serve against minimax serve, and against what is no such server."""

import http.server
import json
import threading
import unittest

import program
import server

SMALL = ("--requests", "12", "--clients", "3", "--prompt-tokens", "40", "--max-tokens", "5")


class Refusing(http.server.BaseHTTPRequestHandler):
    """Names a model, and answers nothing."""

    def do_GET(self):
        body = json.dumps({"data": [{"id": "none", "meta": {"vocab_size": 100}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(503)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"full")

    def log_message(self, *_):
        pass


class BenchServe(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server()
        cls.addClassCleanup(cls.server.stop)

    def bench(self, *arguments, url=None):
        return program.run("bench", "serve", "--url", url or self.server.url, *arguments)

    def report(self, *arguments):
        result = self.bench("--json", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def test_counts_what_clients_got(self):
        report = self.report(*SMALL)
        self.assertEqual((report["completed"], report["failed"]), (12, 0))
        self.assertEqual(report["prompt_tokens"], 12 * 40)
        self.assertEqual(report["output_tokens"], 12 * 5)
        for name in ("time_to_first_token", "time_between_tokens", "latency"):
            values = report[f"{name}_seconds"]
            self.assertLessEqual(values["p50"], values["p99"], name)
            self.assertLessEqual(values["p99"], values["max"], name)
        self.assertGreater(report["time_to_first_token_seconds"]["p50"], 0)
        self.assertLess(report["latency_seconds"]["max"], report["seconds"] + 1e-9)

    def test_sends_requests_unasked(self):
        report = self.report("--rate", "200", *SMALL[:2], *SMALL[4:])
        self.assertEqual(report["output_tokens"], 12 * 5)

    def test_prints_a_table(self):
        result = self.bench(*SMALL)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(b"12 requests answered, 0 failed", result.stdout)
        self.assertIn(b"| time to first token", result.stdout)

    def test_tells_what_failed(self):
        refusing = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
        self.addCleanup(refusing.server_close)
        threading.Thread(target=refusing.serve_forever, daemon=True).start()
        self.addCleanup(refusing.shutdown)
        result = self.bench(*SMALL, url=f"http://127.0.0.1:{refusing.server_port}")
        self.assertEqual(result.returncode, 5)
        self.assertIn(b"0 requests answered, 12 failed", result.stdout)
        self.assertIn(b"error: status 503: full", result.stdout)

    def test_refuses_what_it_cannot_ask(self):
        for url, code, words in (
            ("http://127.0.0.1:1", 5, b"cannot connect to 127.0.0.1 port 1"),
            ("https://127.0.0.1", 3, b"https is not measured"),
            ("ftp://127.0.0.1", 2, b"expected http://HOST[:PORT]"),
        ):
            result = self.bench(url=url)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertIn(words, result.stderr)
        result = self.bench("--rate", "1", "--clients", "2")
        self.assertEqual(result.returncode, 2)


if __name__ == "__main__":
    unittest.main()
