#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A thin HTTP server over a prebuilt llama.cpp with several sequences, as a peer to measure against.

    llama_cpp_server.py MODEL.gguf --llama-cpp DIR [--sequences 16] [--threads 2] [--port 0]

It completes prompts of token ids greedily and streams them, which is what `minimax bench serve`
asks for. In every step the next tokens of all answers and as much of the waiting prompts as fits
run as one batch. Release 0.5.0 aborts in such batches where its weights are repacked for the
processor, so they are not; with --one-by-one they are, and every sequence has steps of its own.
Needs numpy. DIR is what llama_cpp.py takes.
"""

import argparse
import asyncio
import collections
import ctypes
import json
import threading

import llama_cpp
import numpy
from llama_cpp import C_BOOL, C_I32, C_PTR

MOST_TOKENS = 2048  # of a step, as llama.cpp's own server has it


class Answer:
    def __init__(self, prompt, max_tokens, tell):
        self.unread = collections.deque(prompt)
        self.left = max_tokens
        self.position = 0
        self.tell = tell  # with a token, or None at the end
        self.is_cancelled = False


class Sequences(llama_cpp.Model):
    """A model with a context for several sequences, and what runs in them."""

    def __init__(self, library, path, *, sequences, context, threads, one_by_one):
        self.count = sequences
        self.one_by_one = one_by_one
        super().__init__(library, path, context=context, threads=threads, repacks=one_by_one)
        self.api.llama_memory_seq_rm.restype = C_BOOL
        self.api.llama_memory_seq_rm.argtypes = [C_PTR, C_I32, C_I32, C_I32]
        self.memory = self.api.llama_get_memory(self.context)
        self.running = [None] * sequences
        self.ids = [(C_I32 * 1)(i) for i in range(sequences)]
        self.arrays = (
            (C_I32 * MOST_TOKENS)(),
            (C_I32 * MOST_TOKENS)(),
            (C_I32 * MOST_TOKENS)(*[1] * MOST_TOKENS),
            (C_PTR * MOST_TOKENS)(),
            (ctypes.c_int8 * MOST_TOKENS)(),
        )

    def _context_params(self, options):
        params = super()._context_params(options)
        params.n_seq_max = self.count
        params.n_ctx = params.n_ctx * self.count
        params.n_outputs_max = self.count
        return params

    def let_in(self, waiting):
        for index in range(self.count):
            answer = self.running[index]
            if answer and (answer.left == 0 or answer.is_cancelled):
                self.api.llama_memory_seq_rm(self.memory, index, -1, -1)
                self.running[index] = None
            if self.running[index] is None and waiting:
                self.running[index] = waiting.popleft()

    def fill(self, indices):
        """Fills the arrays. Returns the number of tokens, and which sequence wants which row."""
        tokens, places, _, sequences, wanted = self.arrays
        rows = []
        count = 0
        for index in indices:
            answer = self.running[index]
            while answer and answer.unread and count < MOST_TOKENS:
                tokens[count] = answer.unread.popleft()
                places[count] = answer.position
                sequences[count] = ctypes.addressof(self.ids[index])
                wanted[count] = not answer.unread
                if not answer.unread:
                    rows.append((index, count))
                answer.position += 1
                count += 1
        return count, rows

    def unread_tokens(self, index):
        answer = self.running[index]
        return len(answer.unread) if answer else 0

    def step(self):
        # Answers have one unread token; prompts come behind them.
        indices = sorted(range(self.count), key=self.unread_tokens)
        for part in [[index] for index in indices] if self.one_by_one else [indices]:
            self.run(part)

    def run(self, indices):
        count, rows = self.fill(indices)
        if count == 0:
            return
        addresses = (ctypes.addressof(array) for array in self.arrays)
        token, place, lengths, sequences, wanted = addresses
        batch = llama_cpp.Batch(count, token, None, place, lengths, sequences, wanted)
        if self.api.llama_decode(self.context, batch) != 0:
            raise llama_cpp.PeerError("llama_decode failed")
        for index, row in rows:
            address = self.api.llama_get_logits_ith(self.context, row)
            logits = (ctypes.c_float * self.vocab_size).from_address(address)
            token = int(numpy.frombuffer(logits, numpy.float32).argmax())
            answer = self.running[index]
            answer.left -= 1
            answer.unread.append(token)
            answer.tell(token)


class Engine:
    """Runs the sequences in a thread."""

    def __init__(self, sequences):
        self.sequences = sequences
        self.waiting = collections.deque()
        self.has_news = threading.Event()
        threading.Thread(target=self._work, daemon=True).start()

    def ask(self, answer):
        self.waiting.append(answer)
        self.has_news.set()

    def _work(self):
        while True:
            self.sequences.let_in(self.waiting)
            if any(self.sequences.running):
                self.sequences.step()
            else:
                self.has_news.wait()
                self.has_news.clear()


def chunk_of(text):
    return f"{len(text):x}\r\n{text}\r\n".encode()


def event_of(fields):
    return chunk_of(f"data: {json.dumps(fields)}\n\n")


async def complete(engine, body, writer):
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue()
    prompt, most = body["prompt"], body["max_tokens"]
    answer = Answer(prompt, most, lambda t: loop.call_soon_threadsafe(queue.put_nowait, t))
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    engine.ask(answer)
    try:
        for _ in range(most):
            token = await queue.get()
            writer.write(event_of({"choices": [{"index": 0, "text": f" {token}"}]}))
            await writer.drain()
        usage = {"prompt_tokens": len(prompt), "completion_tokens": most}
        writer.write(event_of({"choices": [], "usage": usage}))
        writer.write(chunk_of("data: [DONE]\n\n") + chunk_of(""))
        await writer.drain()
    finally:
        answer.is_cancelled = True


async def serve_one(engine, reader, writer):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if head.startswith("GET /v1/models"):
            meta = {"vocab_size": engine.sequences.vocab_size}
            text = json.dumps({"data": [{"id": "llama.cpp", "meta": meta}]}).encode()
            kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
            writer.write(kind + text)
            await writer.drain()
        else:
            lengths = [line for line in head.lower().split("\r\n") if "content-length:" in line]
            body = await reader.readexactly(int(lengths[0].split(":")[1]))
            await complete(engine, json.loads(body), writer)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def serve(engine, port):
    server = await asyncio.start_server(
        lambda reader, writer: serve_one(engine, reader, writer), "127.0.0.1", port
    )
    port = server.sockets[0].getsockname()[1]
    print(f"listening at http://127.0.0.1:{port}", flush=True)
    await server.serve_forever()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--llama-cpp", required=True)
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--context", type=int, default=1024, help="tokens of one sequence")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one-by-one", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    sequences = Sequences(
        llama_cpp.Library(options.llama_cpp),
        options.model,
        sequences=options.sequences,
        context=options.context,
        threads=options.threads,
        one_by_one=options.one_by_one,
    )
    asyncio.run(serve(Engine(sequences), options.port))


if __name__ == "__main__":
    main()
