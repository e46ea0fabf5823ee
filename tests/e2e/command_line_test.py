#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Help, mistakes on the command line, environment variables and standard streams."""

import os
import re
import resource
import subprocess
import tempfile
import unittest

import program

COMMANDS = [
    "chat",
    "generate",
    "tokenize",
    "detokenize",
    "apply-template",
    "inspect",
    "logits",
    "perplexity",
    "bench",
    "completion",
]


class Help(program.TestCase):
    def test_of_the_program_names_every_command(self):
        text = self.succeed("--help")
        for command in COMMANDS:
            self.assertRegex(text, rf"(?m)^  {command} +[A-Z]")
        self.assertIn("Examples:", text)

    def test_and_the_manual_page_have_the_same_commands(self):
        commands = re.findall(r"(?m)^  ([a-z][a-z-]+) +[A-Z]", self.succeed("--help"))
        page = (program.SOURCE / "packaging" / "minimax.1").read_text().replace("\\-", "-")
        for command in commands:
            self.assertRegex(page, rf"(?m)^\.(B|BR|TP).*\b{command}\b", command)

    def test_of_every_command_has_examples(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                text = self.succeed(command, "--help")
                self.assertIn("Usage: minimax " + command, text)
                self.assertIn("Examples:", text)
                self.assertIn("minimax " + command, text.split("Examples:")[1])
                self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_comes_even_where_other_flags_are_wrong(self):
        self.assertIn("Usage:", self.succeed("generate", "--help", env={"MINIMAX_THREADS": "abc"}))

    def test_version_is_one_line(self):
        self.assertRegex(self.succeed("--version"), r"^minimax \d+\.\d+\.\d+\n$")

    def test_without_arguments_is_a_mistake_that_shows_the_help(self):
        result = program.run()
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stdout, b"")
        self.assertIn(b"Usage:", result.stderr)


class Mistake(program.TestCase):
    def test_gets_a_suggestion(self):
        for arguments, suggestion in [
            (["generate", "--prompt", "x", "--temprature", "1"], "--temperature"),
            (["generate", "--promt", "x"], "--prompt"),
            (["generate", "--prompt", "x", "--max-new-token=3"], "--max-new-tokens"),
            (["generate", "--prompt", "x", "--device", "cpo"], "cpu"),
            (["tokenize", "--jsn"], "--json"),
            (["genrate"], "generate"),
            (["--vresion"], "--version"),
        ]:
            with self.subTest(arguments=arguments):
                self.assertIn(f"did you mean {suggestion}?", self.fail_with(2, *arguments))

    def test_far_from_every_flag_gets_no_suggestion(self):
        message = self.fail_with(2, "generate", "--prompt", "x", "--frobnicate")
        self.assertIn("unknown flag --frobnicate", message)
        self.assertNotIn("did you mean", message)

    def test_names_the_flag_and_what_it_takes(self):
        for arguments, words in [
            (["--threads", "0"], ["--threads", "from 1 to 1024", "found 0"]),
            (["--threads", "-1"], ["--threads", "from 1 to 1024", "found -1"]),
            (["--threads", "1000000"], ["--threads", "found 1000000"]),
            (["--threads", "2x"], ["--threads", "found 2x"]),
            (["--temperature", "-1"], ["--temperature", "found -1"]),
            (["--temperature", "nan"], ["--temperature", "found nan"]),
            (["--temperature", "hot"], ["--temperature", "found hot"]),
            (["--top-p", "2"], ["--top-p", "found 2"]),
            (["--top-p", "0"], ["--top-p", "found 0"]),
            (["--top-k", "1.5"], ["--top-k", "found 1.5"]),
            (["--min-p", "1"], ["--min-p", "below 1"]),
            (["--repetition-penalty", "0"], ["--repetition-penalty", "above 0"]),
            (["--seed", "-1"], ["--seed", "found -1"]),
            (["--seed", "18446744073709551616"], ["--seed"]),
            (["--max-new-tokens", "0"], ["--max-new-tokens", "from 1"]),
            (["--max-new-tokens"], ["--max-new-tokens", "missing"]),
            (["--dtype", "float8"], ["--dtype", "bfloat16"]),
            (["--logit-bias", "5"], ["--logit-bias", "ID=BIAS", "found 5"]),
            (["--presence-penalty", "3"], ["--presence-penalty", "at most 2"]),
        ]:
            with self.subTest(arguments=arguments):
                message = self.fail_with(2, "generate", "--prompt", "x", *arguments)
                for word in words:
                    self.assertIn(word, message)

    def test_in_what_must_be_given(self):
        self.assertIn("--prompt", self.fail_with(2, "generate"))
        self.assertIn("--messages", self.fail_with(2, "apply-template"))
        self.assertIn("--tokens", self.fail_with(2, "logits", "--output", "x.safetensors"))
        self.assertIn("--output", self.fail_with(2, "logits", "--tokens", "1"))

    def test_of_two_flags_that_exclude_each_other(self):
        self.fail_with(2, "generate", "--prompt", "x", "--messages", "y")
        self.fail_with(2, "generate", "--prompt", "x", "--json", "--stream")
        self.fail_with(2, "tokenize", "--text", "x", "--file", "y")

    def test_shows_control_characters_escaped(self):
        message = self.fail_with(2, "--\x1b[31mred")
        self.assertNotIn("\x1b", message)
        self.assertIn("\\x1b", message)


class EnvironmentVariable(program.TestCase):
    def test_with_a_bad_value_is_named(self):
        for variable, value in [
            ("MINIMAX_THREADS", "abc"),
            ("MINIMAX_TEMPERATURE", "-3"),
            ("MINIMAX_DEVICE", "tpu"),
        ]:
            message = self.fail_with(2, "generate", "--prompt", "x", env={variable: value})
            self.assertIn(variable, message)
            self.assertIn(value, message)

    def test_gives_way_to_the_flag(self):
        answer = ("generate", "--prompt", "Once", "--max-new-tokens", "1", "--temperature", "0")
        self.succeed(*answer, "--threads", "1", env={"MINIMAX_THREADS": "abc"})

    def test_sets_what_the_flag_sets(self):
        text = ("generate", "--prompt", "Once upon a time", "--temperature", "0", "--json")
        short = self.succeed_json(*text, env={"MINIMAX_MAX_NEW_TOKENS": "3"})
        self.assertEqual(len(short["tokens"]), 3)

    def test_of_another_command_is_not_read(self):
        self.succeed("tokenize", "x", env={"MINIMAX_TEMPERATURE": "hot"})


class StandardStream(program.TestCase):
    def test_output_that_nobody_reads_ends_the_program_quietly(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        for arguments in (["--help"], ["tokenize", "x"], ["inspect"]):
            with self.subTest(arguments=arguments):
                child = program.start(*arguments, stdout=write_end)
                _, stderr = child.communicate(timeout=program.TIMEOUT_S)
                self.assertEqual((child.returncode, stderr), (0, b""))
        os.close(write_end)

    def test_output_that_is_closed_is_an_error(self):
        result = subprocess.run(
            ["/bin/sh", "-c", '"$0" tokenize x >&-', program.PROGRAM],
            capture_output=True,
            env=program.environment(),
            timeout=program.TIMEOUT_S,
            check=False,
        )
        self.assertEqual(result.returncode, 5, result.stderr)

    def test_on_a_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            child = program.start("tokenize", "x", stdout=full)
            _, stderr = child.communicate(timeout=program.TIMEOUT_S)
        self.assertEqual(child.returncode, 5)
        self.assertIn(b"standard output", stderr)

    def test_errors_have_colour_on_a_terminal_only(self):
        self.assertNotIn("\x1b", self.fail_with(2, "--wrong"))
        with program.Terminal("--wrong") as terminal:
            terminal.expect("\x1b\\[31merror:\x1b\\[0m")
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            with program.Terminal("--wrong", env=env) as terminal:
                self.assertNotIn("\x1b", terminal.expect("error:.*\n").string)


class Memory(program.TestCase):
    def test_that_is_short_is_said_with_its_arithmetic(self):
        def limit(megabytes):
            size = megabytes << 20
            return lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size))

        def starts_within(megabytes):
            return program.start("--version", preexec_fn=limit(megabytes)).wait() == 0

        # The shared libraries of the program differ between machines and builds.
        enough = next(megabytes for megabytes in range(8, 256, 8) if starts_within(megabytes))
        messages = []
        for megabytes in range(enough + 8, enough + 56, 8):
            child = program.start(
                *("generate", "--prompt", "x", "--max-new-tokens", "1", "--threads", "2"),
                *("--expert-memory", "1GiB"),  # all experts, so that nothing is read on demand
                preexec_fn=limit(megabytes),
            )
            _, stderr = child.communicate(timeout=program.TIMEOUT_S)
            self.assertIn(child.returncode, (0, 4), (megabytes, stderr))
            messages.append(stderr.decode())
        self.assertRegex(messages[0], r"the weights need [\d.]+ MiB of memory, [\d.]+ MiB are")


class DeviceMap(program.TestCase):
    def test_is_refused_without_a_gpu_to_map_to(self):
        generate = ("generate", "--prompt", "x", "--max-new-tokens", "1")
        message = self.fail_with(2, *generate, "--device-map", "auto")
        self.assertIn("device_map: expected a GPU as the device", message)
        self.assertIn("gpu_memory", self.fail_with(2, *generate, "--gpu-memory", "1GiB"))

    def test_that_cannot_be_read_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "map.json")
            generate = ("generate", "--prompt", "x", "--device-map", path)
            self.assertIn(path, self.fail_with(5, *generate))
            with open(path, "w", encoding="utf-8") as file:
                file.write('{"lm_head": [0]}')
            self.assertIn("/lm_head", self.fail_with(3, *generate))


class Completion(program.TestCase):
    def test_scripts_know_commands_and_flags(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.succeed("completion", shell)
            for word in ("generate", "max-new-tokens", "apply-template", "no-generation-prompt"):
                self.assertIn(word, script)

    def test_of_bash_completes(self):
        check = (
            "source /dev/stdin; COMP_WORDS=(minimax generate --temp); COMP_CWORD=2; _minimax; "
            'echo "${COMPREPLY[@]}"'
        )
        result = subprocess.run(
            ["bash", "-c", check],
            input=self.succeed("completion", "bash").encode(),
            capture_output=True,
            check=True,
        )
        self.assertEqual(result.stdout.split(), [b"--temperature"])

    def test_of_an_unknown_shell_is_refused(self):
        self.assertIn("did you mean bash?", self.fail_with(2, "completion", "bsh"))


if __name__ == "__main__":
    unittest.main()
