#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The clients that people use against `minimax serve`: openai, anthropic and langchain-openai from
PyPI, and curl. Each is left out where it is not installed: run this file with the Python of a
virtual environment that has them, or name it to CMake as MINIMAX_CLIENTS_PYTHON."""

import json
import shutil
import subprocess
import unittest

import server

try:
    import openai
except ImportError:
    openai = None
try:
    import anthropic
except ImportError:
    anthropic = None
try:
    import langchain_openai
except ImportError:
    langchain_openai = None

CAPITAL = [{"role": "user", "content": "What is the capital of France?"}]
CAPITAL_ANSWER = "The capital of France is Paris."
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"unit": {"enum": ["C", "F"]}},
        "required": ["unit"],
        "additionalProperties": False,
    },
}


class ClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server.Server("--served-model-name", "tiny-minimax")
        cls.addClassCleanup(cls.server.stop)


@unittest.skipUnless(openai, "needs openai from PyPI")
class OpenAi(ClientTest):
    def setUp(self):
        self.client = openai.OpenAI(base_url=f"{self.server.url}/v1", api_key="any", max_retries=0)
        self.addCleanup(self.client.close)

    def create(self, **options):
        fields = {"model": "tiny-minimax", "messages": CAPITAL, "temperature": 0, **options}
        return self.client.chat.completions.create(**fields)

    def test_chats(self):
        answer = self.create()
        self.assertEqual(answer.choices[0].message.content, CAPITAL_ANSWER)
        self.assertEqual(answer.usage.prompt_tokens_details.cached_tokens, 0)

    def test_streams(self):
        chunks = list(self.create(stream=True, stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, CAPITAL_ANSWER)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)
        self.assertEqual(chunks[-1].usage.completion_tokens, 8)

    def test_calls_a_tool_that_it_must_call(self):
        tools = [{"type": "function", "function": WEATHER}]
        for stream in (False, True):
            choice = {"type": "function", "function": {"name": "get_weather"}}
            answer = self.create(tools=tools, tool_choice=choice, max_tokens=200, stream=stream)
            if stream:
                deltas = [chunk.choices[0].delta for chunk in answer]
                calls = [call for delta in deltas for call in delta.tool_calls or []]
                self.assertEqual({call.index for call in calls}, {0})
                name = calls[0].function.name
                arguments = "".join(call.function.arguments for call in calls)
            else:
                call = answer.choices[0].message.tool_calls[0]
                self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
                name, arguments = call.function.name, call.function.arguments
            self.assertEqual(name, "get_weather")
            self.assertIn(json.loads(arguments)["unit"], ("C", "F"))

    def test_streams_the_arguments_of_a_call_that_it_may_make(self):
        call = r'\{"name": "get_weather", "arguments": \{"unit": "[CF]{40}"\}\}'
        regex = rf"<tool_calls>\n{call}\n</tool_calls>"
        chunks = self.create(
            tools=[{"type": "function", "function": WEATHER}],
            tool_choice="auto",
            max_tokens=200,
            stream=True,
            extra_body={"structured_outputs": {"regex": regex}},
        )
        choices = [chunk.choices[0] for chunk in chunks]
        calls = [call for choice in choices for call in choice.delta.tool_calls or []]
        self.assertEqual(calls[0].function.name, "get_weather")
        pieces = [call.function.arguments for call in calls[1:]]
        self.assertGreater(len(pieces), 5)
        self.assertRegex(json.loads("".join(pieces))["unit"], "^[CF]{40}$")
        self.assertEqual(choices[-1].finish_reason, "tool_calls")

    def test_parses_into_a_schema(self):
        schema = {**WEATHER["parameters"]}
        response_format = {
            "type": "json_schema",
            "json_schema": {"name": "unit", "schema": schema, "strict": True},
        }
        answer = self.create(response_format=response_format, max_tokens=200)
        self.assertIn(json.loads(answer.choices[0].message.content)["unit"], ("C", "F"))

    def test_completes(self):
        answer = self.client.completions.create(
            model="tiny-minimax", prompt="Once upon", max_tokens=5, temperature=0, logprobs=2
        )
        self.assertEqual(answer.choices[0].text, " a time, there was")
        self.assertEqual(len(answer.choices[0].logprobs.tokens), 5)

    def test_responds(self):
        fields = {"model": "tiny-minimax", "input": CAPITAL[0]["content"], "temperature": 0}
        answer = self.client.responses.create(**fields)
        self.assertEqual(answer.output_text, CAPITAL_ANSWER)
        self.assertEqual(answer.status, "completed")
        events = list(self.client.responses.create(**fields, stream=True))
        text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
        self.assertEqual(text, CAPITAL_ANSWER)
        self.assertEqual([e.sequence_number for e in events], list(range(len(events))))
        self.assertEqual(events[-1].type, "response.completed")
        self.assertEqual(events[-1].response.output_text, CAPITAL_ANSWER)

    def test_responds_with_a_call_in_pieces(self):
        fields = {
            "model": "tiny-minimax",
            "input": CAPITAL[0]["content"],
            "temperature": 0,
            "tools": [{"type": "function", **WEATHER}],
            "tool_choice": "required",
        }
        events = list(self.client.responses.create(**fields, stream=True))
        kind = "response.function_call_arguments"
        pieces = [event.delta for event in events if event.type == f"{kind}.delta"]
        done = next(event for event in events if event.type == f"{kind}.done")
        self.assertGreater(len(pieces), 1)
        self.assertEqual("".join(pieces), done.arguments)
        call = events[-1].response.output[0]
        self.assertEqual((call.name, call.arguments), ("get_weather", done.arguments))
        self.assertIn(json.loads(call.arguments)["unit"], ("C", "F"))
        self.assertEqual(self.client.responses.create(**fields).output[0].name, "get_weather")

    def test_embeds(self):
        answer = self.client.embeddings.create(model="tiny-minimax", input=["Once", "upon"])
        self.assertEqual(len(answer.data), 2)
        self.assertEqual(len(answer.data[0].embedding), 256)

    def test_lists_models(self):
        self.assertEqual([model.id for model in self.client.models.list()], ["tiny-minimax"])
        self.assertEqual(self.client.models.retrieve("tiny-minimax").id, "tiny-minimax")

    def test_learns_what_was_wrong(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.create(temperature=-1)
        self.assertEqual(caught.exception.param, "temperature")
        with self.assertRaises(openai.NotFoundError) as caught:
            self.create(model="other")
        self.assertEqual(caught.exception.code, "model_not_found")


@unittest.skipUnless(anthropic, "needs anthropic from PyPI")
class Anthropic(ClientTest):
    def setUp(self):
        self.client = anthropic.Anthropic(base_url=self.server.url, api_key="any", max_retries=0)
        self.addCleanup(self.client.close)
        self.fields = {
            "model": "tiny-minimax",
            "max_tokens": 200,
            "messages": CAPITAL,
            "extra_body": {"temperature": 0},  # which newer versions of the client do not know
        }

    def test_sends_messages(self):
        answer = self.client.messages.create(**self.fields)
        self.assertEqual(answer.content[0].text, CAPITAL_ANSWER)
        self.assertEqual(answer.stop_reason, "end_turn")
        self.assertEqual(answer.usage.output_tokens, 8)

    def test_streams(self):
        with self.client.messages.stream(**self.fields) as stream:
            self.assertEqual("".join(stream.text_stream), CAPITAL_ANSWER)
            message = stream.get_final_message()
        self.assertEqual(message.stop_reason, "end_turn")
        self.assertEqual(message.usage.output_tokens, 8)

    def test_calls_a_tool_that_it_must_call(self):
        tool = {"name": WEATHER["name"], "input_schema": WEATHER["parameters"]}
        fields = {**self.fields, "tools": [tool], "tool_choice": {"type": "any"}}
        answer = self.client.messages.create(**fields)
        self.assertEqual(answer.stop_reason, "tool_use")
        self.assertEqual(answer.content[0].name, "get_weather")
        self.assertIn(answer.content[0].input["unit"], ("C", "F"))
        with self.client.messages.stream(**fields) as stream:
            message = stream.get_final_message()
        self.assertIn(message.content[0].input["unit"], ("C", "F"))

    def test_counts_tokens(self):
        fields = {"model": "tiny-minimax", "messages": CAPITAL}
        counted = self.client.messages.count_tokens(**fields).input_tokens
        usage = self.client.messages.create(**self.fields).usage
        read = usage.input_tokens + (usage.cache_read_input_tokens or 0)
        self.assertEqual(counted, read)

    def test_learns_what_was_wrong(self):
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.client.messages.create(**{**self.fields, "messages": []})
        self.assertEqual(caught.exception.body["error"]["type"], "invalid_request_error")


@unittest.skipUnless(langchain_openai, "needs langchain-openai from PyPI")
class LangChain(ClientTest):
    def test_chats_and_streams(self):
        chat = langchain_openai.ChatOpenAI(
            model="tiny-minimax", base_url=f"{self.server.url}/v1", api_key="any", temperature=0
        )
        question = CAPITAL[0]["content"]
        self.assertEqual(chat.invoke(question).content, CAPITAL_ANSWER)
        text = "".join(chunk.content for chunk in chat.stream(question))
        self.assertEqual(text, CAPITAL_ANSWER)

    def test_embeds_texts_sent_as_they_are(self):
        embeddings = langchain_openai.OpenAIEmbeddings(
            model="tiny-minimax",
            base_url=f"{self.server.url}/v1",
            api_key="any",
            check_embedding_ctx_length=False,
        )
        self.assertEqual(len(embeddings.embed_query("Once upon a time")), 256)


@unittest.skipUnless(shutil.which("curl"), "needs curl")
class Curl(ClientTest):
    def curl(self, *arguments):
        return subprocess.run(
            ["curl", "--silent", "--show-error", *arguments], capture_output=True, check=True
        ).stdout

    def test_chats(self):
        body = json.dumps({"messages": CAPITAL, "temperature": 0})
        text = self.curl(
            f"{self.server.url}/v1/chat/completions",
            *("--header", "Content-Type: application/json", "--data", body),
        )
        self.assertEqual(json.loads(text)["choices"][0]["message"]["content"], CAPITAL_ANSWER)

    def test_streams(self):
        body = json.dumps({"messages": CAPITAL, "temperature": 0, "stream": True})
        text = self.curl(
            f"{self.server.url}/v1/chat/completions",
            *("--no-buffer", "--header", "Content-Type: application/json", "--data", body),
        )
        self.assertTrue(text.endswith(b"data: [DONE]\n\n"))


if __name__ == "__main__":
    unittest.main()
