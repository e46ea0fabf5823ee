#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chat page that `minimax serve` shows, with the demonstration model behind it."""

import pathlib
import sys
import unittest
import urllib.error
import urllib.request

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import browser
import server
import stub_server
from browser import expect

# Short prompts are not worth a snapshot.
LONG_QUESTION = "Once upon a time there was a little cat. " * 40 + "What is the capital of France?"


class ServedPage(browser.PageTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = server.Server("--max-running", "4")
        cls.addClassCleanup(cls.server.stop)
        cls.url = cls.server.url + "/"

    def test_comes_with_headers_that_keep_it_safe(self):
        self.open()
        with urllib.request.urlopen(self.url) as reply:
            self.assertIn("default-src 'self'", reply.headers["Content-Security-Policy"])
            self.assertEqual(reply.headers["X-Content-Type-Options"], "nosniff")
            etag = reply.headers["ETag"]
        request = urllib.request.Request(self.url, headers={"If-None-Match": etag})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request)
        self.assertEqual(caught.exception.code, 304)
        caught.exception.close()

    def test_is_made_of_the_files_of_its_folder(self):
        self.open()
        for path in (stub_server.ROOT / "web").iterdir():
            with urllib.request.urlopen(f"{self.url}web/{path.name}") as reply:
                self.assertEqual(reply.read(), path.read_bytes(), path.name)

    def test_answers_and_shows_what_the_cache_gave(self):
        page = self.open()
        page.keyboard.press("Alt+KeyS")
        page.fill("[name=temperature]", "0")
        answer = self.ask("What is the capital of France?")
        expect(answer.locator(".body")).to_have_text("The capital of France is Paris.")
        self.ask(LONG_QUESTION)
        page.keyboard.press("Alt+KeyR")
        expect(page.locator(".versions")).to_contain_text("2 / 2")
        answer = page.locator("article.assistant").last
        expect(answer).to_have_attribute("aria-busy", "false")
        expect(answer.locator(".stats")).to_contain_text("tokens")
        expect(answer.locator(".stats")).not_to_contain_text(", 0 % from")

    def test_stop_stops_the_engine(self):
        page = self.open()
        page.keyboard.press("Alt+KeyS")
        page.fill("[name=temperature]", "50")  # hardly ever ends by itself
        cancelled = self.server.metric("minimax_requests_cancelled_total")
        self.send("Tell me a long story.")
        answer = page.locator("article.assistant").last
        expect(answer.locator(".body")).not_to_be_empty()
        page.keyboard.press("Escape")
        expect(answer.locator(".note")).to_have_text("Stopped.")
        self.wait_for(lambda: self.server.metric("minimax_sequences_running") == 0)
        self.assertEqual(self.server.metric("minimax_requests_cancelled_total"), cancelled + 1)

    def wait_for(self, condition):
        for _ in range(100):
            if condition():
                return
            self.page.wait_for_timeout(100)
        self.fail("it did not happen within 10 s")

    def test_shows_the_engine(self):
        page = self.open()
        self.ask("What is the capital of France?")
        page.keyboard.press("Alt+KeyV")
        expect(page.locator("#monitor-state")).to_have_text("live")
        expect(page.locator("#figures")).to_contain_text("0 of 4")

    def test_tells_what_the_server_refuses(self):
        page = self.open()
        page.keyboard.press("Alt+KeyS")
        page.fill("[name=top_p]", "2")
        answer = self.ask("Hello")
        expect(answer.locator(".note")).to_contain_text("top_p")


if __name__ == "__main__":
    unittest.main()
