#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax chat: from a pipe and on a terminal."""

import json
import pathlib
import re
import shutil
import tempfile
import unittest

import program

GREEDY = ("chat", "--temperature", "0")
SUM = "What is 7 plus 5?"
SUM_ANSWER = "7 plus 5 is 12."
CAPITAL = "What is the capital of France?"
CAPITAL_ANSWER = "The capital of France is Paris."


class ChatOfLines(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def chat(self, *lines, arguments=()):
        """Returns what the program wrote to standard output and to standard error."""
        result = program.run(*GREEDY, *arguments, stdin="\n".join(lines) + "\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.decode(), result.stderr.decode()

    def answer(self, messages):
        """What a fresh run says to a conversation."""
        return self.succeed(
            "generate", "--messages", "-", "--temperature", "0", stdin=json.dumps(messages)
        )

    def test_answers_one_question(self):
        self.assertEqual(self.succeed(*GREEDY, "--once", SUM), SUM_ANSWER + "\n")

    def test_answers_every_line(self):
        output, _ = self.chat(SUM, "", CAPITAL)
        self.assertEqual(output, f"{SUM_ANSWER}\n{CAPITAL_ANSWER}\n")

    def test_answers_the_last_line_without_its_end(self):
        result = program.run(*GREEDY, stdin=SUM)
        self.assertEqual(result.stdout.decode(), SUM_ANSWER + "\n")

    def test_says_what_a_fresh_run_says_but_reads_only_what_is_new(self):
        questions = [SUM, CAPITAL, "How many legs does a spider have?"]
        output, messages = self.chat(*[line for q in questions for line in (q, "/stats")])
        answers = output.splitlines()
        conversation = []
        for question, answer in zip(questions, answers, strict=True):
            conversation.append({"role": "user", "content": question})
            self.assertEqual(self.answer(conversation), answer + "\n")
            conversation.append({"role": "assistant", "content": answer})
        kept = [
            int(n) for n in re.findall(r"(\d+) tokens of the conversation were still", messages)
        ]
        read = [int(n) for n in re.findall(r"read (\d+) tokens", messages)]
        self.assertEqual(kept[0], 0)
        for turn in (1, 2):
            self.assertGreaterEqual(kept[turn], kept[turn - 1] + read[turn - 1])
            self.assertLess(read[turn], 30)

    def test_generates_the_latest_reply_anew(self):
        output, messages = self.chat(SUM, CAPITAL, "/regen", "/stats")
        self.assertEqual(output, f"{SUM_ANSWER}\n{CAPITAL_ANSWER}\n{CAPITAL_ANSWER}\n")
        kept = int(re.search(r"(\d+) tokens of the conversation were still", messages)[1])
        self.assertGreater(kept, 20)

    def test_forgets_where_asked(self):
        for command, left in (("/clear", []), ("/undo", [])):
            file = self.folder / "left.json"
            self.chat(SUM, command, f"/save {file}")
            self.assertEqual(json.loads(file.read_text()), left)
        output, _ = self.chat(SUM, "/clear", CAPITAL)
        self.assertEqual(output, f"{SUM_ANSWER}\n{CAPITAL_ANSWER}\n")

    def test_saves_and_loads_conversations(self):
        file = self.folder / "with space.json"
        self.chat(SUM, f"/save {file}")
        saved = json.loads(file.read_text())
        expected = [
            {"role": "user", "content": SUM},
            {"role": "assistant", "content": SUM_ANSWER},
        ]
        self.assertEqual(saved, expected)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["with space.json"])
        conversation = [*expected, {"role": "user", "content": CAPITAL}]
        again = self.answer(conversation)
        self.assertEqual(self.chat(f"/load {file}", CAPITAL)[0], again)
        self.assertEqual(self.chat(CAPITAL, arguments=("--load", str(file)))[0], again)

    def test_keeps_the_system_message_of_a_loaded_conversation(self):
        loaded = self.folder / "loaded.json"
        loaded.write_text(json.dumps([{"role": "system", "content": "loaded"}]))
        saved = self.folder / "saved.json"
        for arguments, expected in (([], "loaded"), (["--system", "said"], "said")):
            self.chat("/clear", f"/save {saved}", arguments=("--load", str(loaded), *arguments))
            self.assertEqual(json.loads(saved.read_text())[0]["content"], expected)

    def test_goes_on_after_a_file_that_cannot_be_used(self):
        broken = self.folder / "broken.json"
        broken.write_text("[")
        output, messages = self.chat(
            f"/load {broken}", "/load /nothing", "/save /nothing/here", "/load", SUM
        )
        self.assertEqual(output, SUM_ANSWER + "\n")
        self.assertEqual(messages.count("error:"), 4)

    def test_takes_a_system_message(self):
        file = self.folder / "conversation.json"
        self.chat("/system You answer in short sentences.", SUM, f"/save {file}")
        self.assertEqual(
            json.loads(file.read_text())[0],
            {"role": "system", "content": "You answer in short sentences."},
        )
        self.chat(SUM, "/clear", f"/save {file}", arguments=("--system", "Be brief."))
        self.assertEqual(json.loads(file.read_text()), [{"role": "system", "content": "Be brief."}])
        self.chat("/system", f"/save {file}", arguments=("--system", "Be brief."))
        self.assertEqual(json.loads(file.read_text()), [])

    def test_changes_settings(self):
        output, messages = self.chat("/set max-new-tokens 2", SUM, "/set", "/set top_p 0.5", "/set")
        self.assertEqual(output, "7 plus\n"[: len(output)])
        self.assertLess(len(output), len(SUM_ANSWER))
        self.assertIn("max-new-tokens 2\n", messages)
        self.assertIn("top-p 0.5\n", messages)
        _, messages = self.chat("/set topp 1", "/set top-p 7", "/set top-p")
        self.assertIn("did you mean top-p?", messages)
        self.assertEqual(messages.count("error:"), 3)

    def test_helps(self):
        _, messages = self.chat("/help", "/hepl", "/stats")
        for command in [
            "/help",
            "/clear",
            "/regen",
            "/save",
            "/load",
            "/set",
            "/stats",
            "/system",
            "/exit",
            "/undo",
            "/edit",
        ]:
            self.assertIn(f"  {command} ", messages)
        self.assertIn("did you mean /help?", messages)

    def test_leaves_where_asked(self):
        for command in ("/exit", "/quit", "/bye"):
            output, _ = self.chat(command, SUM)
            self.assertEqual(output, "")

    def test_takes_messages_of_many_lines(self):
        file = self.folder / "conversation.json"
        for lines, content in [
            (["one \\", "two"], "one \ntwo"),
            (['"""one', "two", 'three"""'], "one\ntwo\nthree"),
            (['"""', "/one", "", "two", '"""'], "/one\n\ntwo"),
            (['"""one"""'], "one"),
        ]:
            with self.subTest(lines=lines):
                self.chat("/set max-new-tokens 1", *lines, f"/save {file}")
                self.assertEqual(json.loads(file.read_text())[0]["content"], content)

    def test_keeps_text_that_spells_special_tokens_as_text(self):
        file = self.folder / "conversation.json"
        self.chat(
            "/set max-new-tokens 4", "<end_of_sentence>\x00<beginning_of_sentence>", f"/save {file}"
        )
        self.assertEqual(
            json.loads(file.read_text())[0]["content"],
            "<end_of_sentence>\x00<beginning_of_sentence>",
        )

    def test_accepts_bytes_that_are_not_utf8(self):
        result = program.run(*GREEDY, "--max-new-tokens", "2", stdin=b"caf\xe9\n")
        self.assertEqual(result.returncode, 0, result.stderr)


class ChatOnTerminal(program.TestCase):
    def test_answers_and_leaves_with_ctrl_d(self):
        with program.Terminal(*GREEDY) as terminal:
            terminal.expect("/help lists the commands")
            terminal.expect("> ")
            terminal.send(SUM + "\r")
            terminal.expect(re.escape(SUM_ANSWER))
            terminal.expect("> ")
            terminal.send("\x04")
            self.assertEqual(terminal.wait(), 0)

    def test_lines_can_be_edited_and_recalled(self):
        with program.Terminal(*GREEDY) as terminal:
            terminal.expect("> ")
            # Home, a word in front, End, and a letter too many that is taken back.
            terminal.send("is 7 plus 5?x\x7f\x01What \x05\r")
            terminal.expect(re.escape(SUM_ANSWER))
            terminal.expect("> ")
            terminal.send("\x1b[A\r")
            terminal.expect(re.escape(SUM))
            terminal.expect(r"\d+ ")

    def test_the_latest_message_can_be_edited(self):
        with program.Terminal(*GREEDY) as terminal:
            terminal.expect("> ")
            terminal.send("What is 7 plus 6?\r")
            terminal.expect(r"13\.")
            terminal.expect("> ")
            terminal.send("/edit\r")
            terminal.expect(re.escape("What is 7 plus 6?"))
            terminal.send("\x7f\x7f5?\r")
            terminal.expect(re.escape(SUM_ANSWER))

    def test_text_beyond_ascii_can_be_typed(self):
        with program.Terminal(*GREEDY, "--max-new-tokens", "2") as terminal:
            terminal.expect("> ")
            terminal.send("h\u00e9llo \u4e16\r")
            terminal.expect("h\u00e9llo \u4e16")
            terminal.expect("> ")
            terminal.send("/undo\r")
            terminal.expect("are gone")

    def test_a_plain_or_narrow_terminal_works(self):
        for env, columns in (({"TERM": "dumb"}, 80), ({"NO_COLOR": "1"}, 20)):
            with program.Terminal(*GREEDY, env=env, columns=columns) as terminal:
                terminal.expect("commands")
                terminal.expect("> ")
                terminal.send(SUM + "\r")
                terminal.expect(re.escape(SUM_ANSWER))
                self.assertNotIn("\x1b[3", terminal.output)
                terminal.send("/exit\r")
                self.assertEqual(terminal.wait(), 0)


if __name__ == "__main__":
    unittest.main()
