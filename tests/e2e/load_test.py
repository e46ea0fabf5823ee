#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax serve with more clients than it has room for, and with clients that leave."""

import asyncio
import json
import os
import pathlib
import random
import re
import resource
import signal
import socket
import statistics
import struct
import threading
import time
import unittest

import program
import server

KIB = 1024
# RST instead of FIN when the socket is closed.
ABORT = struct.pack("ii", 1, 0)


def raw_request(path, body):
    text = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(text) + text


def resident_bytes(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"Rss:\s+(\d+)", text)[1]) * KIB


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class LeavingClients(unittest.TestCase):
    """What is left of requests whose clients went away, at any moment."""

    def setUp(self):
        # Remembered prefixes would fill their budget first, which is growth of another kind.
        self.server = server.Server("--snapshot-memory", "0")
        self.addCleanup(self.server.stop)

    def leave(self, number, generator):
        body = {
            "prompt": [generator.randrange(5, 300) for _ in range(20 + number % 200)],
            "max_tokens": 400,
            "ignore_eos": True,
            "stream": True,
        }
        with socket.create_connection(("127.0.0.1", self.server.port), 60) as client:
            client.sendall(raw_request("/v1/completions", body))
            moment = generator.random()
            if moment > 0.3:
                client.recv(2000)
            if moment > 0.9:
                while b"data:" not in client.recv(2000):
                    pass
            if moment < 0.6:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)

    def leave_many(self, count, seed):
        def work(part):
            generator = random.Random(seed + part)
            for number in range(count // 8):
                self.leave(number, generator)

        threads = [threading.Thread(target=work, args=(part,)) for part in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        program.wait_for(
            lambda: self.server.metric("minimax_sequences_running") == 0
            and self.server.metric("minimax_requests_waiting") == 0,
            "no sequences",
        )

    def test_leave_nothing_behind(self):
        pid = self.server.process.pid
        self.leave_many(4000, 1)
        before, files = resident_bytes(pid), open_files(pid)
        self.leave_many(10000, 100)
        grown = resident_bytes(pid) - before
        print(f"10,000 aborted requests grew the server by {grown / KIB:.0f} KiB")
        self.assertLess(grown, 1024 * KIB)
        self.assertLessEqual(open_files(pid), files)
        self.assertEqual(self.server.metric("minimax_kv_bytes"), 0)
        self.assertEqual(self.server.metric("minimax_requests_failed_total"), 0)


class Crowd(unittest.TestCase):
    CLIENTS = 200
    EACH = 10

    def setUp(self):
        self.server = server.Server("--max-running", "8", "--max-waiting", "1000")
        self.addCleanup(self.server.stop)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))

    async def first_token_of(self, body):
        """Seconds until it comes; the stream is read to its end."""
        begin = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(raw_request("/v1/completions", body))
        text = b""
        first = None
        while not text.endswith(b"0\r\n\r\n"):
            piece = await reader.read(65536)
            if not piece:
                raise AssertionError(f"the stream broke off: {text[-300:]}")
            text += piece
            if first is None and b'"text":' in text:
                first = time.monotonic() - begin
        writer.close()
        if b"data: [DONE]" not in text:
            raise AssertionError(text[-300:])
        return first

    async def ask_again_and_again(self, client):
        generator = random.Random(client)
        waits = []
        for _ in range(self.EACH):
            length = generator.choice((5, 20, 100))
            body = {
                "prompt": [generator.randrange(5, 300) for _ in range(length)],
                "max_tokens": generator.choice((1, 8, 24)),
                "ignore_eos": True,
                "stream": True,
            }
            waits.append(await self.first_token_of(body))
        return waits

    def test_waits_in_turn(self):
        """2,000 requests of all sizes, 200 at a time, for eight places."""

        async def run():
            clients = (self.ask_again_and_again(i) for i in range(self.CLIENTS))
            return await asyncio.gather(*clients)

        all_waits = asyncio.run(run())
        # The first ones find no queue, and while the last ones run there is none any more.
        waits = [wait for waits in all_waits for wait in waits[1:-1]]
        ratio = max(waits) / statistics.median(waits)
        means = [statistics.mean(waits) for waits in all_waits]
        print(f"longest wait over the median: {ratio:.2f}")
        self.assertLess(ratio, 3)
        self.assertLess(max(means) / min(means), 2)
        self.assertEqual(
            self.server.metric("minimax_requests_total"), self.CLIENTS * self.EACH
        )

    def test_lets_fifty_streams_end(self):
        body = {"prompt": "Once", "max_tokens": 60, "ignore_eos": True, "stream": True}

        async def run():
            streams = [asyncio.create_task(self.first_token_of(body)) for _ in range(50)]
            await asyncio.wait(streams, return_when=asyncio.FIRST_COMPLETED)
            self.server.process.send_signal(signal.SIGTERM)
            await asyncio.gather(*streams)

        asyncio.run(run())
        self.assertEqual(self.server.process.wait(60), 0)


if __name__ == "__main__":
    unittest.main()
