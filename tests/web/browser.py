# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium for the tests of the page. Ends the test as skipped where there is none."""

import shutil
import sys
import unittest

SKIPPED = 77

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    print("skipped: Python has no playwright (pip install playwright)")
    sys.exit(SKIPPED)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    print("skipped: there is no chromium (apt install chromium)")
    sys.exit(SKIPPED)

__all__ = ["PageTest", "expect"]


class PageTest(unittest.TestCase):
    """Every test gets a page of a fresh profile. It must not ask anybody but its server, and must
    leave no error."""

    url = None  # of the server; set by subclasses

    @classmethod
    def setUpClass(cls):
        manager = sync_playwright()
        cls.playwright = manager.__enter__()
        cls.addClassCleanup(manager.__exit__, None, None, None)
        # The sandbox needs rights that containers do not give.
        cls.browser = cls.playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        cls.addClassCleanup(cls.browser.close)

    def open(self, **options):
        settings = {"viewport": {"width": 1280, "height": 800}, **options}
        self.context = self.browser.new_context(**settings)
        self.context.set_default_timeout(20_000)
        self.addCleanup(self.context.close)
        self.requests = []
        self.errors = []
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self.note_console)
        self.page.on("dialog", self.note_dialog)
        self.page.goto(self.url)
        self.wait_until_ready()
        return self.page

    def wait_until_ready(self):
        """After a page was loaded: keys mean something from now on."""
        self.page.locator("[data-toggle=sidebar][aria-expanded]").wait_for()

    def note_console(self, message):
        # Refusals of the server are told on the page; the browser tells them here as well.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def note_dialog(self, dialog):
        self.errors.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def tearDown(self):
        self.assertEqual(self.errors, [])
        # What the browser made itself stays in it.
        kinds = (self.url, "blob:", "data:")
        self.assertEqual([url for url in self.requests if not url.startswith(kinds)], [])

    def reload(self):
        self.page.reload()
        self.wait_until_ready()

    def send(self, text):
        self.page.fill("#prompt", text)
        self.page.press("#prompt", "Enter")

    def ask(self, text):
        """Sends a message and returns the answer's element once it has ended."""
        self.send(text)
        answer = self.page.locator("article.assistant").last
        expect(answer).to_have_attribute("aria-busy", "false")
        return answer
