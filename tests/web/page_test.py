#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The chat page in a browser, with a model that says what each test needs."""

import json
import pathlib
import threading
import unittest

import browser
import stub_server
from browser import expect

WEB = stub_server.ROOT / "web"


class Page(browser.PageTest):
    def setUp(self):
        self.server = stub_server.StubServer()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.script = self.server.script
        self.url = self.server.url
        self.errors = []
        self.requests = []

    def answers(self):
        return self.page.locator("article.assistant .body")

    def test_is_small(self):
        size = sum(path.stat().st_size for path in WEB.iterdir())
        self.assertLess(size, 200_000)
        for path in WEB.glob("*.js"):
            self.assertNotRegex(path.read_text(), r"innerHTML|outerHTML|insertAdjacentHTML|eval\(")

    def test_streams_an_answer(self):
        self.script.pieces = ["The capital", " is **Paris**", "."]
        self.script.gate = threading.Event()
        page = self.open()
        self.send("What is the capital of France?")
        expect(self.answers()).to_have_text("The capital")
        expect(page.locator("#send")).to_have_attribute("aria-label", "Stop")
        self.script.gate.set()
        expect(self.answers()).to_have_text("The capital is Paris.")
        expect(self.answers().locator("strong")).to_have_text("Paris")
        expect(page.locator(".stats")).to_contain_text("12 tokens")
        expect(page.locator(".stats")).to_contain_text("prompt 40, 75 % from the cache")
        expect(page.locator("#status")).to_contain_text("The capital is")
        request = self.script.requests[0]
        self.assertTrue(request["stream"])
        self.assertEqual(
            request["messages"], [{"role": "user", "content": "What is the capital of France?"}]
        )
        self.assertNotIn("temperature", request)

    def test_stops_and_goes_on(self):
        self.script.pieces = ["One", " two"]
        self.script.gate = threading.Event()
        page = self.open()
        self.send("Count")
        expect(self.answers()).to_have_text("One")
        page.keyboard.press("Escape")
        expect(page.locator("article.assistant .note")).to_have_text("Stopped.")
        self.assertTrue(self.script.left.wait(10), "the server still writes")
        self.script.gate = None
        self.ask("Go on")
        roles = [(each["role"], each["content"]) for each in self.script.requests[1]["messages"]]
        self.assertEqual(roles, [("user", "Count"), ("assistant", "One"), ("user", "Go on")])

    def test_answers_again_and_keeps_both(self):
        page = self.open()
        self.ask("Where?")
        self.script.pieces = ["London."]
        page.locator("article.assistant [data-action=again]").click()
        expect(self.answers()).to_have_text("London.")
        self.assertEqual(self.script.requests[0]["messages"], self.script.requests[1]["messages"])
        expect(page.locator(".versions")).to_contain_text("2 / 2")
        page.locator("[data-action=older]").click()
        expect(self.answers()).to_have_text("Paris.")
        page.locator("[data-action=newer]").click()
        expect(self.answers()).to_have_text("London.")

    def test_edits_a_question(self):
        page = self.open()
        self.ask("First")
        self.ask("Second")
        page.locator("article.user").first.hover()
        page.locator("article.user [data-action=edit]").first.click()
        page.locator(".edit textarea").fill("Other")
        page.locator(".edit .primary").click()
        expect(page.locator("article.user .body")).to_have_text(["Other"])
        expect(self.answers()).to_have_text("Paris.")
        self.assertEqual(
            self.script.requests[-1]["messages"], [{"role": "user", "content": "Other"}]
        )
        page.locator("article.user [data-action=older]").click()
        expect(page.locator("article.user .body")).to_have_text(["First", "Second"])

    def test_keeps_conversations_over_a_reload(self):
        page = self.open()
        self.ask("Question one")
        page.keyboard.press("Alt+KeyN")
        self.ask("Question two")
        self.reload()
        expect(self.answers()).to_have_text("Paris.")
        expect(page.locator("#title")).to_have_text("Question two")
        expect(page.locator("#conversations .open")).to_have_text(["Question two", "Question one"])
        page.locator("#conversations .open", has_text="Question one").click()
        expect(page.locator("article.user .body")).to_have_text("Question one")

    def test_renames_and_deletes(self):
        page = self.open()
        self.ask("Question")
        page.locator("#conversations [aria-label^=Rename]").click()
        page.keyboard.type("Geography")
        page.keyboard.press("Enter")
        expect(page.locator("#title")).to_have_text("Geography")
        self.reload()
        expect(page.locator("#conversations .open")).to_have_text("Geography")
        page.locator("#conversations [aria-label^=Delete]").click()
        page.locator("#confirm button[value=no]").click()
        expect(page.locator("#conversations .open")).to_have_count(1)
        page.locator("#conversations [aria-label^=Delete]").click()
        page.locator("#confirm button[value=yes]").click()
        expect(page.locator("#conversations .open")).to_have_count(0)
        self.reload()
        expect(page.locator("#empty")).to_be_visible()

    def test_exports_what_it_imports(self):
        page = self.open()
        self.ask("Question")
        with page.expect_download() as download:
            page.locator("#export").click()
        path = pathlib.Path(download.value.path())
        exported = json.loads(path.read_text())
        self.assertEqual(exported["conversations"][0]["title"], "Question")
        self.open()
        expect(self.page.locator("#conversations .open")).to_have_count(0)
        payload = {"name": "x.json", "mimeType": "application/json", "buffer": path.read_bytes()}
        self.page.set_input_files("#import-file", payload)
        expect(self.answers()).to_have_text("Paris.")

    def test_refuses_files_that_are_no_export(self):
        page = self.open()
        for text in ("{", "[]", '{"conversations": [{"id": 1}]}'):
            payload = {"name": "x.json", "mimeType": "application/json", "buffer": text.encode()}
            page.set_input_files("#import-file", payload)
            expect(page.locator("#toast")).to_contain_text("x.json: ")
            page.evaluate("document.getElementById('toast').hidden = true")
        expect(page.locator("#conversations .open")).to_have_count(0)

    def test_sends_the_settings(self):
        page = self.open()
        expect(page.locator("[name=temperature]")).to_have_attribute("placeholder", "0.7")
        page.keyboard.press("Alt+KeyS")
        page.fill("[name=system]", "Be brief.")
        values = {
            "temperature": 0,
            "top_p": 0.5,
            "top_k": 7,
            "min_p": 0.1,
            "max_tokens": 9,
            "seed": 3,
        }
        for name, value in values.items():
            page.fill(f"[name={name}]", str(value))
        page.fill("[name=stop]", "END\nSTOP")
        self.reload()
        self.ask("Hi")
        request = self.script.requests[0]
        self.assertEqual(request["messages"][0], {"role": "system", "content": "Be brief."})
        self.assertEqual({name: request[name] for name in values}, values)
        self.assertEqual(request["stop"], ["END", "STOP"])

    def test_asks_for_a_key_and_forgets_it_with_the_tab(self):
        self.script.key = "secret"
        page = self.open()
        expect(page.locator("#toast")).to_have_text("Incorrect API key provided.")
        expect(page.locator("#settings")).to_be_visible()
        page.fill("[name=key]", "secret")
        expect(page.locator("#model")).to_have_text("stub")
        self.ask("Hi")
        kept = page.evaluate("JSON.stringify(localStorage)")
        self.assertNotIn("secret", kept)
        other = self.context.new_page()
        other.goto(self.url)
        expect(other.locator("[name=key]")).to_have_value("")

    def test_tells_what_the_server_refuses(self):
        self.script.error = (400, "max_tokens: expected at least 1, found <b>0</b>")
        self.open()
        answer = self.ask("Hi")
        expect(answer.locator(".note")).to_have_text(self.script.error[1])

    def test_tells_that_an_answer_broke_off(self):
        self.script.breaks_off = True
        self.open()
        answer = self.ask("Hi")
        expect(answer.locator(".body")).to_have_text("Paris.")
        expect(answer.locator(".note")).to_contain_text("ended before the answer")

    def test_folds_reasoning_away(self):
        self.script.reasoning = ["I think ", "of *Paris*."]
        self.open()
        answer = self.ask("Where?")
        expect(answer.locator(".reasoning-text")).to_be_hidden()
        answer.locator("summary").click()
        expect(answer.locator(".reasoning-text")).to_have_text("I think of Paris.")
        expect(answer.locator(".body")).to_have_text("Paris.")

    def test_shows_calls_of_tools(self):
        tools = [{"type": "function", "function": {"name": "weather"}}]
        begun = {"index": 0, "id": "c0", "type": "function"}
        self.script.pieces = []
        self.script.gate = threading.Event()
        self.script.calls = [
            {**begun, "function": {"name": "weather", "arguments": ""}},
            {"index": 0, "function": {"arguments": '{"city": "<b>Pa'}},
            {"index": 0, "function": {"arguments": 'ris", "days": 2}'}},
            {"index": 1, "id": "c1", "function": {"name": "broken", "arguments": '{"a"'}},
        ]
        page = self.open()
        page.keyboard.press("Alt+KeyS")
        page.fill("[name=tools]", "[weather")
        expect(page.locator("#tools-note")).to_be_visible()
        page.fill("[name=tools]", json.dumps(tools))
        expect(page.locator("#tools-note")).to_be_hidden()
        self.send("What is the weather?")
        calls = page.locator("article.assistant .call")
        expect(calls.locator("summary")).to_have_text(["Calling weather"])
        self.script.gate.set()
        expect(calls.locator("summary")).to_have_text(["Called weather", "Called broken"])
        expect(calls.locator("pre").first).to_be_hidden()
        calls.locator("summary").first.focus()
        page.keyboard.press("Enter")
        expect(calls.locator("pre").first).to_have_text('{ "city": "<b>Paris", "days": 2 }')
        self.assertEqual(calls.locator("b").count(), 0)
        self.assertEqual(self.script.requests[0]["tools"], tools)
        # They are kept, and what is JSON is part of the conversation.
        self.reload()
        expect(calls.locator("pre").nth(1)).to_have_text('{"a"')
        self.script.calls = []
        self.script.pieces = ["Sunny."]
        self.send("And?")
        expect(self.answers().last).to_have_text("Sunny.")
        repeated = self.script.requests[1]["messages"][1]["tool_calls"]
        self.assertEqual([call["id"] for call in repeated], ["c0"])
        self.assertEqual(repeated[0]["function"]["name"], "weather")

    def test_runs_nothing_that_a_model_writes(self):
        attacks = [
            "<img src=x onerror=alert(1)>",
            "<script>alert(1)</script>",
            "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](java\tscript:alert(1))",
            "[d](data:text/html,<script>alert(1)</script>) [e](vbscript:x) [f](//evil.example)",
            "<javascript:alert(1)> ![g](http://evil.example/x.png) [h](javascript&colon;alert(1))",
            '```"><img src=x onerror=alert(1)>\n<svg onload=alert(1)>\n```',
            "| <img src=x onerror=alert(1)> | b |\n|---|---|\n| <iframe src=//evil.example> | c |",
            '[i](http://evil.example/"onmouseover="alert(1))',
        ]
        self.script.pieces = ["\n\n".join(attacks)]
        self.script.reasoning = [attacks[0]]
        page = self.open()
        answer = self.ask("<img src=x onerror=alert(2)>")
        answer.locator("summary").click()
        inside = page.locator("#messages")
        for name in ("img", "script", "iframe", "[onerror]", "[onload]", "[onmouseover]", "style"):
            self.assertEqual(inside.locator(name).count(), 0, name)
        expect(page.locator("article.user .body")).to_have_text("<img src=x onerror=alert(2)>")
        self.assertIn(attacks[0], answer.locator(".body").inner_text())
        for link in inside.locator("a").all():
            self.assertRegex(link.get_attribute("href"), r"^(https?:|mailto:)")
            self.assertIn("noopener", link.get_attribute("rel"))
        # The title came from the question.
        self.assertEqual(page.locator("#conversations img").count(), 0)
        page.wait_for_timeout(300)

    def test_needs_no_mouse(self):
        page = self.open()
        focus = page.locator(":focus")
        for _ in range(20):
            page.keyboard.press("Tab")
            if focus.get_attribute("id") == "prompt":
                break
        page.keyboard.type("Hello")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("there")
        page.keyboard.press("Enter")
        expect(self.answers()).to_have_text("Paris.")
        self.assertEqual(self.script.requests[0]["messages"][0]["content"], "Hello\nthere")
        page.keyboard.press("Alt+KeyE")
        page.keyboard.press("Control+A")
        page.keyboard.type("Again")
        page.keyboard.press("Enter")
        expect(page.locator("article.user .body")).to_have_text("Again")
        expect(self.answers()).to_have_text("Paris.")
        page.keyboard.press("Alt+KeyR")
        expect(page.locator("article.assistant .versions")).to_contain_text("2 / 2")
        expect(self.answers()).to_have_text("Paris.")
        page.keyboard.press("Alt+KeyV")
        expect(page.locator("#monitor")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#monitor")).to_be_hidden()
        expect(page.locator("#prompt")).to_be_focused()
        page.locator("#title").click()
        page.keyboard.press("?")
        expect(page.locator("#shortcuts")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#shortcuts")).to_be_hidden()

    def test_names_everything_for_screen_readers(self):
        page = self.open()
        self.ask("Hi")
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("button, input, textarea, canvas")].filter((e) =>
                 !e.hidden && !(e.getAttribute("aria-label") || e.textContent.trim() ||
                 e.labels?.length)).map((e) => e.outerHTML)"""
        )
        self.assertEqual(nameless, [])

    def test_fits_a_phone(self):
        page = self.open(viewport={"width": 360, "height": 640})
        self.script.pieces = ["word" * 200 + "\n\n```\n" + "x" * 300 + "\n```\n\n|" + "a|" * 40]
        self.ask("Hi" * 200)
        for panel in (None, "sidebar", "settings", "monitor"):
            if panel:
                page.locator(f"[data-toggle={panel}]").click()
                expect(page.locator(f"#{panel}")).to_be_visible()
            width = page.evaluate("document.scrollingElement.scrollWidth")
            self.assertEqual(width, 360, panel)
            send = page.locator("#send").bounding_box()
            self.assertLessEqual(send["x"] + send["width"], 360)
            if panel:
                page.locator(f"#{panel} [data-close]").click()
                expect(page.locator(f"#{panel}")).to_be_hidden()

    def test_shows_the_server_while_it_is_seen(self):
        page = self.open()
        asked = lambda: sum(url.endswith("/metrics") for url in self.requests)  # noqa: E731
        page.wait_for_timeout(1200)
        self.assertEqual(asked(), 0)
        page.keyboard.press("Alt+KeyV")
        expect(page.locator("#figures")).to_contain_text("1 of 2")
        expect(page.locator("#monitor-state")).to_have_text("live")
        painted = page.evaluate(
            """() => [...document.querySelectorAll("canvas")].every((canvas) => {
                 const { data } = canvas.getContext("2d")
                   .getImageData(0, 0, canvas.width, canvas.height);
                 return data.some((value) => value > 0);
               })"""
        )
        self.assertTrue(painted)
        page.wait_for_timeout(2500)
        self.assertGreaterEqual(asked(), 3)
        page.keyboard.press("Alt+KeyV")
        before = asked()
        page.wait_for_timeout(1500)
        self.assertLessEqual(asked(), before + 1)

    def test_is_light_or_dark(self):
        colour = "getComputedStyle(document.body).backgroundColor"
        light = self.open(color_scheme="light").evaluate(colour)
        dark = self.open(color_scheme="dark").evaluate(colour)
        self.assertNotEqual(light, dark)
        self.page.locator("#theme").click()
        self.assertEqual(self.page.evaluate(colour), light)
        self.reload()
        self.assertEqual(self.page.evaluate(colour), light)


if __name__ == "__main__":
    unittest.main()
