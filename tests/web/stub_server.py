# SPDX-License-Identifier: Apache-2.0
"""Serves the chat page as `minimax serve` does, with a model that says what a test tells it to."""

import http.server
import json
import pathlib
import re
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def content_security_policy():
    """The header as the program sends it."""
    source = (ROOT / "src/server/web_handlers.cc").read_text()
    literals = re.search(r'kContentSecurityPolicy =\s*((?:"[^"]*"\s*)+);', source)[1]
    return "".join(re.findall(r'"([^"]*)"', literals))


class Script:
    """What the model answers, and what it was asked."""

    def __init__(self):
        self.pieces = ["Paris."]
        self.reasoning = []
        self.calls = []  # pieces of tool_calls, after the text
        self.error = None  # (status, message)
        self.breaks_off = False
        self.key = None
        self.gate = None  # an Event to wait for after the first piece
        self.requests = []
        self.left = threading.Event()  # a client went away


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    @property
    def script(self):
        return self.server.script

    def reply(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", self.server.policy)
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, value, status=200):
        self.reply(status, "application/json", json.dumps(value).encode())

    def refuse(self, status, message):
        self.reply_json({"error": {"message": message, "type": "test", "code": "test"}}, status)

    def has_key(self):
        wanted = f"Bearer {self.script.key}" if self.script.key else None
        return wanted is None or self.headers["Authorization"] == wanted

    def do_GET(self):
        name = "index.html" if self.path == "/" else self.path.removeprefix("/web/")
        path = ROOT / "web" / name
        if self.path == "/" or (self.path.startswith("/web/") and path.is_file()):
            self.reply(200, TYPES[path.suffix], path.read_bytes())
        elif not self.has_key():
            self.refuse(401, "Incorrect API key provided.")
        elif self.path == "/props":
            params = {"temperature": 0.7, "top_p": 0.95, "top_k": 0, "min_p": 0.0}
            settings = {"n_ctx": 4096, "params": params}
            self.reply_json({"model_alias": "stub", "default_generation_settings": settings})
        elif self.path == "/slots":
            self.reply_json([{"id": 0, "is_processing": True, "phase": "decode"}, {"id": 1}])
        elif self.path == "/metrics":
            values = {"sequences_running": 1, "slots": 2, "requests_waiting": 3}
            lines = [
                f'minimax_{name}{{model_name="a b"}} {value}' for name, value in values.items()
            ]
            self.reply(200, "text/plain; version=0.0.4", "\n".join(lines).encode())
        else:
            self.refuse(404, "There is none.")

    def event(self, value):
        text = value if isinstance(value, str) else json.dumps(value)
        self.wfile.write(f"data: {text}\n\n".encode())
        self.wfile.flush()

    def delta(self, finish=None, **fields):
        self.event({"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.has_key():
            self.refuse(401, "Incorrect API key provided.")
            return
        self.script.requests.append(body)
        if self.script.error:
            self.refuse(*self.script.error)
            return
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            self.stream()
        except (BrokenPipeError, ConnectionResetError):
            self.script.left.set()

    def wait_at(self, index):
        while index == 0 and self.script.gate and not self.script.gate.wait(0.05):
            self.wfile.write(b": ping\n\n")

    def stream(self):
        self.delta(role="assistant", content="")
        for text in self.script.reasoning:
            self.delta(reasoning_content=text)
        for index, text in enumerate(self.script.pieces):
            self.delta(content=text)
            self.wait_at(index)
        for index, call in enumerate(self.script.calls, len(self.script.pieces)):
            self.delta(tool_calls=[call])
            self.wait_at(index)
        if self.script.breaks_off:
            return
        self.delta(finish="tool_calls" if self.script.calls else "stop")
        details = {"cached_tokens": 30}
        usage = {"prompt_tokens": 40, "completion_tokens": 12, "prompt_tokens_details": details}
        self.event({"choices": [], "usage": usage})
        self.event("[DONE]")


class StubServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.policy = content_security_policy()
        self.script = Script()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"
