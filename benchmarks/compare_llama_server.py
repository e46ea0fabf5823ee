#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures `minimax serve` beside a thin HTTP server over llama.cpp, on the same weights, in turns.

    compare_llama_server.py MODEL.gguf --minimax PROGRAM --llama-cpp DIR [--output result.json]

`minimax bench serve` asks both in the same way. The one that is not asked is stopped meanwhile.
Figures are medians over the passes. llama_cpp_server.py needs numpy.
"""

import argparse
import contextlib
import json
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
GOAL, MUST = 3.0, 2.0  # output tokens a second of minimax over those of the peer


class Server:
    """A program that says at which port it listens, and is ready when it answers."""

    def __init__(self, name, command, minimax):
        self.name = name
        self.minimax = minimax
        self.log = tempfile.NamedTemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 300
        while not (found := re.search(r"listening at (http://\S+:\d+)", self.messages())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{name} does not listen: {self.messages()}")
            time.sleep(0.1)
        self.url = found[1]

    def messages(self):
        return pathlib.Path(self.log.name).read_text()

    def measure(self, *arguments):
        command = (self.minimax, "bench", "serve", "--json", "--url", self.url, *arguments)
        while True:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return json.loads(done.stdout)
            if "503" not in done.stderr + done.stdout:
                sys.exit(f"{self.name}: {done.stderr or done.stdout}")
            time.sleep(0.2)  # it is still loading

    @contextlib.contextmanager
    def awake(self):
        self.process.send_signal(signal.SIGCONT)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGSTOP)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def servers_of(options):
    ours = (options.minimax, "serve", options.model, "--port", "0", "--snapshot-memory", "0")
    ours += ("--max-running", str(options.clients), "--threads", str(options.threads))
    shim = (sys.executable, HERE / "llama_cpp_server.py", options.model)
    shim += ("--llama-cpp", options.llama_cpp, "--sequences", str(options.clients))
    shim += ("--threads", str(options.threads), *(["--one-by-one"] * options.one_by_one))
    return [
        Server("minimax", ours, options.minimax),
        Server("llama.cpp", shim, options.minimax),
    ]


def measure(options):
    plan = ("--clients", str(options.clients), "--requests", str(options.requests))
    plan += ("--prompt-tokens", str(options.prompt_tokens))
    plan += ("--max-tokens", str(options.max_tokens))
    servers = servers_of(options)
    results = {server.name: [] for server in servers}
    try:
        for server in servers:  # the first requests touch all weights
            server.measure("--clients", "2", "--requests", "2", "--max-tokens", "4")
            server.process.send_signal(signal.SIGSTOP)
        for _ in range(options.passes):
            for server in servers:
                with server.awake():
                    results[server.name].append(server.measure(*plan))
    finally:
        for server in servers:
            server.stop()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--minimax", required=True)
    parser.add_argument("--llama-cpp", required=True)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--prompt-tokens", type=int, default=128)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--one-by-one", action="store_true", help="as in llama_cpp_server.py")
    parser.add_argument("--output")
    options = parser.parse_args()
    results = measure(options)
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(results, indent=1) + "\n")
    speeds = {
        name: statistics.median(each["output_tokens_per_second"] for each in passes)
        for name, passes in results.items()
    }
    for name, speed in speeds.items():
        print(f"{name}: {speed:.1f} output tokens/s with {options.clients} clients")
    ratio = speeds["minimax"] / speeds["llama.cpp"]
    print(f"{ratio:.2f}x (goal {GOAL:g}x, must {MUST:g}x)")
    sys.exit(ratio < MUST)


if __name__ == "__main__":
    main()
