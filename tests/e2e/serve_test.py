#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax serve with the demonstration model: what clients with no library of their own see."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import warnings

import program
import server

CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
CAPITAL_ANSWER = "The capital of France is Paris."
STORY = [{"role": "user", "content": "Tell me a story."}]


class Serve(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server()
        cls.addClassCleanup(cls.server.stop)

    def ask(self, path, body=None, **options):
        return self.server.ask(path, body, **options)

    def chat(self, messages, **fields):
        status, answer = self.ask("/v1/chat/completions", {"messages": messages, **fields})
        self.assertEqual(status, 200, answer)
        return answer

    def test_answers_word_for_word(self):
        answer = self.chat(CAPITAL, temperature=0)
        self.assertEqual(answer["choices"][0]["message"]["content"], CAPITAL_ANSWER)
        self.assertEqual(answer["choices"][0]["finish_reason"], "stop")
        usage = answer["usage"]
        self.assertEqual(usage["total_tokens"], usage["prompt_tokens"] + usage["completion_tokens"])

    def test_streams_what_it_answers(self):
        for messages in (CAPITAL, STORY):
            fields = {"messages": messages, "seed": 3, "max_tokens": 60, "stop": ["."]}
            whole = self.chat(**fields)["choices"][0]
            text = ""
            chunks = self.server.stream("/v1/chat/completions", {**fields, "stream": True})
            for chunk in chunks:
                text += chunk["choices"][0]["delta"].get("content", "")
            self.assertEqual(text, whole["message"]["content"])
            self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], whole["finish_reason"])

    def test_gives_the_same_answer_for_a_seed_in_company(self):
        fields = {"messages": STORY, "seed": 5, "max_tokens": 24}
        alone = self.chat(**fields)["choices"][0]["message"]["content"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.chat(**fields), range(8)))
        for answer in answers:
            self.assertEqual(answer["choices"][0]["message"]["content"], alone)

    def test_tells_how_much_of_a_prompt_is_read(self):
        for path, prompt in (
            ("/v1/chat/completions", {"messages": CAPITAL}),
            ("/v1/completions", {"prompt": "The capital of France"}),
        ):
            fields = {"stream": True, "return_progress": True, "max_tokens": 4}
            chunks = self.server.stream(path, {**prompt, **fields})
            told = [chunk["prompt_progress"] for chunk in chunks if "prompt_progress" in chunk]
            self.assertGreater(len(told), 0, path)
            self.assertEqual(told[-1]["processed"], told[-1]["total"])
            self.assertGreater(told[-1]["total"], 3)

    def test_gives_several_answers(self):
        answer = self.chat(STORY, n=3, max_tokens=8, seed=1)
        self.assertEqual([choice["index"] for choice in answer["choices"]], [0, 1, 2])
        self.assertGreater(len({choice["message"]["content"] for choice in answer["choices"]}), 1)

    def test_gives_probabilities(self):
        answer = self.chat(CAPITAL, temperature=0, logprobs=True, top_logprobs=3, max_tokens=4)
        content = answer["choices"][0]["logprobs"]["content"]
        self.assertEqual(len(content), 4)
        for entry in content:
            self.assertEqual(len(entry["top_logprobs"]), 3)
            self.assertEqual(entry["logprob"], entry["top_logprobs"][0]["logprob"])
            self.assertEqual(bytes(entry["bytes"]).decode(), entry["token"])

    def test_echoes_the_prompt_with_its_probabilities(self):
        ids = self.ask("/tokenize", {"prompt": "Once upon a time, there was"})[1]["tokens"]
        body = {"prompt": [ids, ids[:4]], "echo": True, "logprobs": 1, "max_tokens": 1}
        body.update(temperature=0, seed=1234)
        status, answer = self.ask("/v1/completions", body)
        self.assertEqual(status, 200, answer)
        longer, shorter = answer["choices"]
        self.assertEqual(longer["text"][:27], "Once upon a time, there was")
        for choice, count in ((longer, len(ids)), (shorter, 4)):
            logprobs = choice["logprobs"]
            self.assertEqual(len(logprobs["tokens"]), count + 1)
            self.assertIsNone(logprobs["token_logprobs"][0])
            self.assertEqual(
                logprobs["token_logprobs"][-1], max(logprobs["top_logprobs"][-1].values())
            )
        for i in range(1, 4):
            self.assertAlmostEqual(
                longer["logprobs"]["token_logprobs"][i],
                shorter["logprobs"]["token_logprobs"][i],
                delta=1e-4,  # the two prompts run in steps of different sizes
            )

    def test_keeps_to_schemas(self):
        schema = {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 10},
                "age": {"type": "integer", "minimum": 0, "maximum": 99},
            },
            "required": ["name", "age"],
            "additionalProperties": False,
        }
        answer = self.chat(
            STORY,
            response_format={"type": "json_schema", "json_schema": {"name": "p", "schema": schema}},
            max_tokens=120,
            seed=2,
        )
        found = json.loads(answer["choices"][0]["message"]["content"])
        self.assertEqual(set(found), {"name", "age"})
        answer = self.chat(STORY, structured_outputs={"choice": ["yes", "no"]}, max_tokens=20)
        self.assertIn(answer["choices"][0]["message"]["content"], ("yes", "no"))

    def test_biases_tokens(self):
        ids = self.ask("/tokenize", {"prompt": "The"})[1]["tokens"]
        answer = self.chat(CAPITAL, temperature=0, logit_bias={str(ids[0]): -100})
        self.assertFalse(answer["choices"][0]["message"]["content"].startswith("The"))

    def test_embeds(self):
        vectors = []
        for body in ({"input": "Once"}, {"input": ["Once", "upon"], "pooling": "last"}):
            status, answer = self.ask("/v1/embeddings", body)
            self.assertEqual(status, 200, answer)
            vectors += [entry["embedding"] for entry in answer["data"]]
        self.assertEqual(len(vectors), 3)
        for vector in vectors:
            self.assertAlmostEqual(sum(x * x for x in vector), 1, delta=1e-5)  # float32

    def test_takes_a_conversation_that_goes_on(self):
        turns = [*CAPITAL, {"role": "assistant", "content": CAPITAL_ANSWER}, *CAPITAL]
        first = self.chat(CAPITAL, temperature=0, cache_salt="turns")
        second = self.chat(turns, temperature=0, cache_salt="turns")
        self.assertEqual(first["usage"]["prompt_tokens_details"]["cached_tokens"], 0)
        self.assertGreater(second["usage"]["prompt_tokens"], first["usage"]["prompt_tokens"])

    def test_cancels_when_its_client_leaves(self):
        before = self.server.metric("minimax_requests_cancelled_total")
        for _ in range(5):
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
            body = {"messages": STORY, "stream": True, "ignore_eos": True, "max_tokens": 200000}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), server.JSON)
            connection.getresponse().read(300)
            connection.sock.close()
            connection.close()
        program.wait_for(
            lambda: self.server.metric("minimax_requests_cancelled_total") == before + 5,
            "five cancelled requests",
        )
        program.wait_for(
            lambda: self.server.metric("minimax_sequences_running") == 0, "no sequences"
        )

    def test_answers_health_while_it_works(self):
        body = {"messages": STORY, "stream": True, "ignore_eos": True, "max_tokens": 3000, "n": 8}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.request("POST", "/v1/chat/completions", json.dumps(body), server.JSON)
        connection.getresponse().read(300)
        times = []
        for _ in range(30):
            start = time.monotonic()
            self.assertEqual(self.ask("/health")[0], 200)
            times.append(time.monotonic() - start)
        connection.close()
        self.assertLess(sorted(times)[15], 0.25)

    def test_survives_nonsense_beside_a_stream(self):
        """A canary whose stream must end well, whatever others send."""
        body = {"messages": STORY, "seed": 1, "max_tokens": 100, "ignore_eos": True}
        expected = self.chat(**body)["choices"][0]["message"]["content"]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            canary = pool.submit(
                self.server.stream, "/v1/chat/completions", {**body, "stream": True}
            )
            for text in ("", "[", "{}", '{"messages":[{}]}', '{"n":-1}', "[" * 100000):
                for route in ("chat/completions", "completions", "messages", "responses"):
                    path = f"/v1/{route}"
                    status, _ = self.ask(path, text)
                    self.assertEqual(status, 400, (path, text[:20]))
            chunks = canary.result()
        found = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        self.assertEqual(found, expected)

    def test_counts_for_prometheus(self):
        self.chat(CAPITAL, temperature=0)
        self.assertGreater(self.server.metric("minimax_generation_tokens_total"), 0)


class Ending(unittest.TestCase):
    def test_lets_answers_end(self):
        running = server.Server("--drain-timeout", "30")
        self.addCleanup(running.stop)
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        body = {"messages": STORY, "stream": True, "ignore_eos": True, "max_tokens": 500}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), server.JSON)
        response = connection.getresponse()
        response.read(300)
        running.process.send_signal(signal.SIGTERM)
        program.wait_for(lambda: running.ask("/ready")[0] == 503, "the end to begin")
        self.assertEqual(running.ask("/v1/chat/completions", {"messages": STORY})[0], 503)
        self.assertTrue(response.read().endswith(b"data: [DONE]\n\n"))
        self.assertEqual(running.process.wait(60), 0)

    def test_tells_answers_that_cannot_end(self):
        running = server.Server("--drain-timeout", "0.2")
        self.addCleanup(running.stop)
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        body = {"messages": STORY, "stream": True, "ignore_eos": True, "max_tokens": 200000}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), server.JSON)
        response = connection.getresponse()
        response.read(300)
        running.process.send_signal(signal.SIGTERM)
        text = response.read()
        self.assertIn(b"shutting down", text)
        self.assertNotIn(b"[DONE]", text)
        self.assertEqual(running.process.wait(60), 0)


class Access(program.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_refuses_an_open_address_without_a_key(self):
        message = self.fail_with(2, "serve", "--host", "0.0.0.0", "--port", "0")
        self.assertIn("--host 0.0.0.0", message)
        self.assertIn("--insecure", message)

    def test_names_the_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            self.assertIn(port, self.fail_with(5, "serve", "--port", port))

    def test_wants_a_key_of_the_file(self):
        keys = self.folder / "keys"
        keys.write_text("# ours\nsecret\n\nother\n")
        keys.chmod(0o600)
        running = server.Server("--api-key-file", str(keys))
        self.addCleanup(running.stop)
        self.assertEqual(running.ask("/v1/models")[0], 401)
        self.assertEqual(
            running.ask("/v1/models", headers={"Authorization": "Bearer other"})[0], 200
        )

    @unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificates")
    def test_serves_tls_and_reads_a_new_certificate(self):
        def make_certificate(name):
            arguments = (
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                f"-subj /CN={name} -addext subjectAltName=DNS:localhost "
                f"-keyout {self.folder}/key.pem -out {self.folder}/cert.pem"
            )
            subprocess.run(["openssl", *arguments.split()], check=True, capture_output=True)

        def subject():
            context = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
            plain = socket.create_connection(("127.0.0.1", running.port), 30)
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(b"200 OK", secure.recv(1000))
                return secure.getpeercert()["subject"][0][0][1]

        make_certificate("first")
        running = server.Server(
            *("--tls-cert", str(self.folder / "cert.pem")),
            *("--tls-key", str(self.folder / "key.pem")),
            scheme="https",
            cafile=self.folder / "cert.pem",
        )
        self.addCleanup(running.stop)
        self.assertEqual(subject(), "first")
        connection = running.connect()
        for fields in ({}, {"stream": True}, {}):
            body = {"messages": CAPITAL, "temperature": 0, **fields}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), server.JSON)
            self.assertIn(b"Paris", connection.getresponse().read())
        connection.close()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname = False
        old.verify_mode = ssl.CERT_NONE
        with warnings.catch_warnings(action="ignore"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        plain = socket.create_connection(("127.0.0.1", running.port), 30)
        with plain, self.assertRaises(ssl.SSLError):
            old.wrap_socket(plain)
        make_certificate("second")
        os.kill(running.process.pid, signal.SIGHUP)
        program.wait_for(lambda: self.subject_or_none(subject) == "second", "the new certificate")

    @staticmethod
    def subject_or_none(subject):
        try:
            return subject()
        except ssl.SSLError:
            return None


if __name__ == "__main__":
    unittest.main()
