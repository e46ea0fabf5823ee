# SPDX-License-Identifier: Apache-2.0
"""Runs `minimax serve` for the tests in this folder."""

import http.client
import json
import pathlib
import re
import signal
import ssl
import subprocess
import tempfile

import program

JSON = {"Content-Type": "application/json"}


class Server:
    """A server with the demonstration model at a free port, once it is ready."""

    def __init__(self, *arguments, scheme="http", cafile=None):
        self.log = tempfile.NamedTemporaryFile()  # noqa: SIM115
        self.process = program.start(
            *("serve", "--port", "0", *arguments), stdin=subprocess.DEVNULL, stderr=self.log
        )
        self.context = None
        if scheme == "https":
            self.context = ssl.create_default_context(cafile=str(cafile))
            self.context.check_hostname = False
        try:
            program.wait_for(self._find_port, "the server to listen")
            program.wait_for(lambda: self.ask("/ready")[0] == 200, "the server to be ready")
        except BaseException:
            self.stop()
            raise

    def _find_port(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended: {self.messages()}")
        match = re.search(r"listening at https?://[^ ]*:(\d+)\n", self.messages())
        self.port = int(match[1]) if match else None
        return match is not None

    def messages(self):
        """What the server wrote to standard error."""
        return pathlib.Path(self.log.name).read_text()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def connect(self):
        if self.context:
            return http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=60, context=self.context
            )
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, path, body=None, headers=None):
        """Sends a body (a string, or what becomes JSON), or asks without one. Returns the status
        and the body of the response, as JSON where it is that."""
        connection = self.connect()
        method = "GET" if body is None else "POST"
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        kind = JSON if body is not None else {}
        connection.request(method, path, body, {**kind, **(headers or {})})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        is_json = response.getheader("Content-Type") == "application/json"
        return response.status, json.loads(text) if is_json else text

    def stream(self, path, body):
        """The chunks of a stream that ends as streams do."""
        status, text = self.ask(path, body)
        if status != 200 or not text.endswith("\n\ndata: [DONE]\n\n"):
            raise AssertionError(f"{status}: {text}")
        events = text.split("\n\n")[:-2]
        return [json.loads(event.removeprefix("data: ")) for event in events if event[0] != ":"]

    def metric(self, name):
        """The sum of a metric over its labels."""
        text = self.ask("/metrics")[1]
        return sum(float(value) for value in re.findall(rf"(?m)^{name}\{{.*\}} (\S+)$", text))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
