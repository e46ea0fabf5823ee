#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives a prebuilt llama.cpp by token ids, as a peer to measure against. Needs only Python.

    llama_cpp.py bench MODEL.gguf --llama-cpp DIR --prompt 512,2048 --depth 512 --threads 2
    llama_cpp.py logits MODEL.gguf --llama-cpp DIR --tokens 1,2,3 --output logits.f32 --exact
    llama_cpp.py quantize MODEL.gguf --llama-cpp DIR --output OUT.gguf --format Q4_0

DIR holds libllama and the libraries of ggml, such as the npm package node-llama-cpp publishes. The
layouts below are those of release v0.5.0; another one is noticed by its default values and refused.
"""

import argparse
import ctypes
import json
import pathlib
import statistics
import sys
import time

C_BOOL, C_FLOAT, C_I32, C_U32, C_PTR, C_SIZE = (
    ctypes.c_bool,
    ctypes.c_float,
    ctypes.c_int32,
    ctypes.c_uint32,
    ctypes.c_void_p,
    ctypes.c_size_t,
)

# The numbers of llama.cpp for cache types and for the formats of its quantizer, whose `pure` form
# puts every matrix into the one format.
BFLOAT16 = 30
CACHE_TYPES = {"f32": 0, "f16": 1, "bf16": BFLOAT16}
FILE_TYPES = {
    "F32": 0,
    "F16": 1,
    "Q4_0": 2,
    "Q4_1": 3,
    "Q8_0": 7,
    "Q5_0": 8,
    "Q5_1": 9,
    "Q2_K": 10,
    "Q3_K": 11,
    "Q4_K": 14,
    "Q5_K": 16,
    "Q6_K": 18,
    "IQ4_NL": 25,
    "IQ4_XS": 30,
    "BF16": 32,
}


def structure(name, *fields):
    """A class for a C structure; each field is (type, "name other_name ...")."""
    pairs = [(part, kind) for kind, names in fields for part in names.split()]
    return type(name, (ctypes.Structure,), {"_fields_": pairs})


ModelParams = structure(
    "ModelParams",
    (C_PTR, "devices buffer_types"),
    (C_I32, "n_gpu_layers split_mode load_mode lazy_mode main_gpu"),
    (C_PTR, "tensor_split progress progress_data kv_overrides"),
    (C_BOOL, "vocab_only check_tensors use_extra_bufts no_host no_alloc load_mtp"),
)
ContextParams = structure(
    "ContextParams",
    (C_U32, "n_ctx n_batch n_ubatch n_seq_max n_rs_seq n_outputs_max n_outputs_max_per_seq"),
    (C_I32, "n_threads n_threads_batch ctx_type rope_scaling_type pooling_type attention_type"),
    (C_I32, "flash_attn_type"),
    (C_FLOAT, "rope_freq_base rope_freq_scale yarn_ext_factor yarn_attn_factor"),
    (C_FLOAT, "yarn_beta_fast yarn_beta_slow"),
    (C_U32, "yarn_orig_ctx"),
    (C_FLOAT, "defrag_thold"),
    (C_PTR, "cb_eval cb_eval_data"),
    (C_I32, "type_k type_v"),
    (C_PTR, "abort abort_data"),
    (C_BOOL, "embeddings offload_kqv no_perf op_offload swa_full kv_unified"),
    (C_PTR, "samplers"),
    (C_SIZE, "n_samplers"),
    (C_PTR, "ctx_other"),
)
QuantizeParams = structure(
    "QuantizeParams",
    (C_I32, "nthread ftype output_tensor_type token_embedding_type"),
    (C_BOOL, "allow_requantize quantize_output_tensor only_copy pure keep_split dry_run"),
    (C_PTR, "imatrix kv_overrides tt_overrides prune_layers"),
    (C_SIZE, "max_buf_size"),
)
Batch = structure("Batch", (C_I32, "n_tokens"), (C_PTR, "token embd pos n_seq_id seq_id logits"))
ThreadPoolParams = structure(
    "ThreadPoolParams",
    (C_BOOL * 512, "mask"),
    (C_I32, "n_threads priority"),
    (C_U32, "poll"),
    (C_BOOL, "strict paused"),
)
LogCallback = ctypes.CFUNCTYPE(None, C_I32, ctypes.c_char_p, C_PTR)

FUNCTIONS = {
    "llama_version": (ctypes.c_char_p, []),
    "llama_log_set": (None, [LogCallback, C_PTR]),
    "llama_backend_init": (None, []),
    "llama_model_default_params": (ModelParams, []),
    "llama_context_default_params": (ContextParams, []),
    "llama_model_quantize_default_params": (QuantizeParams, []),
    "llama_model_quantize": (C_U32, [ctypes.c_char_p, ctypes.c_char_p, C_PTR]),
    "llama_model_load_from_file": (C_PTR, [ctypes.c_char_p, ModelParams]),
    "llama_model_get_vocab": (C_PTR, [C_PTR]),
    "llama_model_size": (ctypes.c_uint64, [C_PTR]),
    "llama_vocab_n_tokens": (C_I32, [C_PTR]),
    "llama_init_from_model": (C_PTR, [C_PTR, ContextParams]),
    "llama_attach_threadpool": (None, [C_PTR, C_PTR, C_PTR]),
    "llama_get_memory": (C_PTR, [C_PTR]),
    "llama_memory_clear": (None, [C_PTR, C_BOOL]),
    "llama_decode": (C_I32, [C_PTR, Batch]),
    "llama_synchronize": (None, [C_PTR]),
    "llama_get_logits_ith": (C_PTR, [C_PTR, C_I32]),
    "llama_state_seq_get_size": (C_SIZE, [C_PTR, C_I32]),
    "llama_state_seq_get_data": (C_SIZE, [C_PTR, C_PTR, C_SIZE, C_I32]),
    "llama_state_seq_set_data": (C_SIZE, [C_PTR, C_PTR, C_SIZE, C_I32]),
}
GGML_FUNCTIONS = {
    "ggml_backend_load_all_from_path": (None, [ctypes.c_char_p]),
    "ggml_backend_dev_by_type": (C_PTR, [C_I32]),
    "ggml_backend_dev_backend_reg": (C_PTR, [C_PTR]),
    "ggml_backend_reg_get_proc_address": (C_PTR, [C_PTR, ctypes.c_char_p]),
    "ggml_threadpool_params_default": (ThreadPoolParams, [C_I32]),
}


class PeerError(Exception):
    """llama.cpp could not do what was asked."""


@LogCallback
def _say_nothing(_level, _text, _data):
    pass


def _declare(library, functions):
    for name, (result, arguments) in functions.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


def _find(folder, stem):
    found = sorted(folder.glob(f"{stem}*.so*"))
    if not found:
        raise PeerError(f"{folder}: expected {stem}*.so, found none")
    return ctypes.CDLL(str(found[0]), mode=ctypes.RTLD_GLOBAL)


class Library:
    """The loaded libraries, with one backend for the CPU."""

    def __init__(self, folder):
        folder = pathlib.Path(folder).resolve()
        # In the order of their dependencies, which then need no search path.
        self.base = _find(folder, "libggml-base")
        self.ggml = _find(folder, "libggml.")
        self.llama = _find(folder, "libllama")
        _declare(self.llama, FUNCTIONS)
        for name, signature in GGML_FUNCTIONS.items():
            home = self.ggml if hasattr(self.ggml, name) else self.base
            _declare(home, {name: signature})
            setattr(self, name, getattr(home, name))
        self.llama.llama_log_set(_say_nothing, None)
        self.check_layout()
        self.ggml_backend_load_all_from_path(str(folder).encode())
        self.device = self.ggml_backend_dev_by_type(0)
        if not self.device:
            raise PeerError(f"{folder}: expected a backend for the CPU, found none")
        self.llama.llama_backend_init()

    def check_layout(self):
        """Compares default values with those of the release that the layouts are of."""
        model = self.llama.llama_model_default_params()
        context = self.llama.llama_context_default_params()
        quantize = self.llama.llama_model_quantize_default_params()
        found = (
            (model.n_gpu_layers, model.split_mode, model.load_mode, model.use_extra_bufts),
            (context.n_ctx, context.n_batch, context.n_ubatch, context.n_outputs_max_per_seq),
            (context.flash_attn_type, context.type_k, context.type_v, context.no_perf),
            (quantize.ftype, quantize.quantize_output_tensor, quantize.pure),
        )
        expected = ((-1, 1, -1, True), (512, 2048, 512, 1), (-1, 1, 1, True), (7, True, False))
        if found != expected:
            raise PeerError(f"default values: expected {expected}, found {found}: another release")

    def version(self):
        return self.llama.llama_version().decode()

    def backend(self):
        """The name of the CPU backend that is loaded."""
        maps = pathlib.Path("/proc/self/maps").read_text()
        names = {line.rsplit("/", 1)[-1] for line in maps.splitlines() if "ggml-cpu" in line}
        return ", ".join(sorted(names))

    def quantize(self, source, target, file_type, *, threads, keep_vocabulary=False):
        """Writes `target` with every matrix in one format, where its rows divide into blocks.

        With keep_vocabulary, the embeddings and the head become BF16.
        """
        params = self.llama.llama_model_quantize_default_params()
        params.ftype = FILE_TYPES[file_type]
        params.nthread = threads
        params.pure = True
        if keep_vocabulary:
            params.output_tensor_type = params.token_embedding_type = BFLOAT16
        arguments = (str(source).encode(), str(target).encode(), ctypes.byref(params))
        if self.llama.llama_model_quantize(*arguments) != 0:
            raise PeerError(f"{source}: could not be quantized to {file_type}")


class Model:
    """A model with a context for one sequence."""

    def __init__(self, library, path, **options):
        self.api = library.llama
        params = self.api.llama_model_default_params()
        params.load_mode = {"auto": -1, "read": 0, "mmap": 1}[options.get("load", "read")]
        params.use_extra_bufts = options.get("repacks", True)
        begin = time.perf_counter()
        self.model = self.api.llama_model_load_from_file(str(path).encode(), params)
        self.load_seconds = time.perf_counter() - begin
        if not self.model:
            raise PeerError(f"{path}: could not be loaded")
        self.vocab_size = self.api.llama_vocab_n_tokens(self.api.llama_model_get_vocab(self.model))
        self.context = self.api.llama_init_from_model(self.model, self._context_params(options))
        if not self.context:
            raise PeerError(f"{path}: no context could be made")
        self._attach_threads(library, options["threads"])

    def _context_params(self, options):
        params = self.api.llama_context_default_params()
        params.n_ctx = (options["context"] + 255) // 256 * 256
        params.n_threads = params.n_threads_batch = options["threads"]
        params.type_k = params.type_v = CACHE_TYPES[options.get("cache", "f16")]
        if options.get("flash_attention") is False:
            params.flash_attn_type = 0
        if options.get("all_logits"):
            params.n_outputs_max = params.n_outputs_max_per_seq = 0
        return params

    def _attach_threads(self, library, threads):
        registry = library.ggml_backend_dev_backend_reg(library.device)
        address = library.ggml_backend_reg_get_proc_address(registry, b"ggml_threadpool_new")
        make = ctypes.CFUNCTYPE(C_PTR, C_PTR)(address)
        params = library.ggml_threadpool_params_default(threads)
        self.pool = make(ctypes.byref(params))
        self.api.llama_attach_threadpool(self.context, self.pool, None)

    def read(self, tokens, position, all_logits=False):
        """Reads tokens of the sequence; logits are kept of the last one, or of all."""
        count = len(tokens)
        zero = (C_I32 * 1)(0)
        arrays = (
            (C_I32 * count)(*tokens),
            (C_I32 * count)(*range(position, position + count)),
            (C_I32 * count)(*[1] * count),
            (C_PTR * count)(*[ctypes.addressof(zero)] * count),
            (ctypes.c_int8 * count)(*[int(all_logits)] * count),
        )
        arrays[4][count - 1] = 1
        token, place, lengths, sequences, wanted = (ctypes.addressof(array) for array in arrays)
        batch = Batch(count, token, None, place, lengths, sequences, wanted)
        if self.api.llama_decode(self.context, batch) != 0:
            raise PeerError("llama_decode failed")

    def read_all(self, tokens, position=0):
        """Reads a prompt as the library wants it, in batches, and waits for the end."""
        for begin in range(0, len(tokens), 2048):
            self.read(tokens[begin : begin + 2048], position + begin)
        self.api.llama_synchronize(self.context)

    def logits(self, index):
        """The bytes of one row of float32."""
        address = self.api.llama_get_logits_ith(self.context, index)
        return ctypes.string_at(address, 4 * self.vocab_size)

    def clear(self):
        self.api.llama_memory_clear(self.api.llama_get_memory(self.context), True)

    def save(self):
        size = self.api.llama_state_seq_get_size(self.context, 0)
        state = (ctypes.c_uint8 * size)()
        if self.api.llama_state_seq_get_data(self.context, state, size, 0) == 0:
            raise PeerError("the state could not be saved")
        return state

    def restore(self, state):
        self.clear()
        if self.api.llama_state_seq_set_data(self.context, state, len(state), 0) == 0:
            raise PeerError("the state could not be restored")


def random_tokens(count, vocab_size, seed=1):
    """The same as those of `minimax bench`: splitmix64 over the vocabulary but its last three."""
    mask = (1 << 64) - 1
    tokens, state = [], seed
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        tokens.append((mixed ^ (mixed >> 31)) % (vocab_size - 3))
    return tokens


def status_bytes(field):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def result_of(name, tokens, seconds):
    return {
        "test": name,
        "tokens": tokens,
        "seconds": seconds,
        "tokens_per_second": tokens / statistics.median(seconds),
        "min": tokens / max(seconds),
        "max": tokens / min(seconds),
    }


def time_prompt(model, count, repetitions):
    tokens = random_tokens(count, model.vocab_size)
    seconds = []
    for _ in range(repetitions):
        model.clear()
        begin = time.perf_counter()
        model.read_all(tokens)
        seconds.append(time.perf_counter() - begin)
    return result_of(f"pp{count}", count, seconds)


def time_generation(model, depth, count, repetitions):
    tokens = random_tokens(depth + count, model.vocab_size)
    model.clear()
    if depth:
        model.read_all(tokens[:depth])
    state = model.save() if depth else None
    seconds = []
    for repetition in range(repetitions + 1):
        if state is None:
            model.clear()
        else:
            model.restore(state)
        begin = time.perf_counter()
        for place in range(depth, depth + count):
            model.read(tokens[place : place + 1], place)
            model.api.llama_synchronize(model.context)
        if repetition:  # the first one warms up
            seconds.append(time.perf_counter() - begin)
    return result_of(f"tg@{depth}", count, seconds)


def bench(library, arguments):
    context = max([64, *arguments.prompt, *(d + arguments.generate for d in arguments.depth)])
    model = Model(
        library,
        arguments.model,
        threads=arguments.threads,
        context=context,
        load=arguments.load,
    )
    model.read_all(random_tokens(1, model.vocab_size))  # as short a prompt as ours has there
    first_token = time.perf_counter() - arguments.begin
    model.clear()
    model.read_all(random_tokens(min(512, context), model.vocab_size))  # warms up
    results = [time_prompt(model, n, arguments.repetitions) for n in arguments.prompt if n]
    if arguments.generate:
        for depth in arguments.depth:
            results.append(time_generation(model, depth, arguments.generate, arguments.repetitions))
    return {
        "engine": f"llama.cpp {library.version()}",
        "backend": library.backend(),
        "model": str(arguments.model),
        "threads": arguments.threads,
        "weight_bytes": model.api.llama_model_size(model.model),
        "load_seconds": model.load_seconds,
        "first_token_seconds": first_token,
        "peak_memory_bytes": status_bytes("VmHWM"),
        "results": results,
    }


def write_logits(library, arguments):
    """Writes raw float32 rows, one for each token. Returns what is worth knowing of them."""
    text = arguments.tokens
    if text.startswith("@"):
        text = pathlib.Path(text[1:]).read_text()
    tokens = [int(part) for part in text.replace(",", " ").split()]
    exact = {"cache": "f32", "flash_attention": False} if arguments.exact else {}
    model = Model(
        library,
        arguments.model,
        threads=arguments.threads,
        context=len(tokens) + 8,
        all_logits=True,
        **exact,
    )
    with open(arguments.output, "wb") as file:
        for begin in range(0, len(tokens), 512):
            piece = tokens[begin : begin + 512]
            model.read(piece, begin, all_logits=True)
            for row in range(len(piece)):
                file.write(model.logits(row))
    return {"tokens": len(tokens), "vocab_size": model.vocab_size, "backend": library.backend()}


def write_quantized(library, arguments):
    library.quantize(
        arguments.model,
        arguments.output,
        arguments.format,
        threads=arguments.threads,
        keep_vocabulary=arguments.keep_vocabulary,
    )
    return {"output": str(arguments.output), "bytes": pathlib.Path(arguments.output).stat().st_size}


def numbers(text):
    return [int(part) for part in text.split(",") if part]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)

    def add(name, run):
        command = commands.add_parser(name)
        command.add_argument("model")
        command.add_argument("--llama-cpp", required=True, help="folder with libllama and ggml")
        command.add_argument("--threads", type=int, default=2)
        command.set_defaults(run=run)
        return command

    command = add("bench", bench)
    command.add_argument("--prompt", type=numbers, default=[512])
    command.add_argument("--depth", type=numbers, default=[512])
    command.add_argument("--generate", type=int, default=32)
    command.add_argument("--repetitions", type=int, default=5)
    command.add_argument("--load", choices=("auto", "read", "mmap"), default="read")
    command = add("logits", write_logits)
    command.add_argument("--tokens", required=True, help="ids, or @FILE")
    command.add_argument("--output", required=True)
    command.add_argument("--exact", action="store_true", help="float32 cache, no flash attention")
    command = add("quantize", write_quantized)
    command.add_argument("--output", required=True)
    command.add_argument("--format", choices=sorted(FILE_TYPES), required=True)
    command.add_argument(
        "--keep-vocabulary", action="store_true", help="embeddings and head become BF16"
    )
    return parser.parse_args()


def main():
    begin = time.perf_counter()
    arguments = parse_arguments()
    arguments.begin = begin
    try:
        print(json.dumps(arguments.run(Library(arguments.llama_cpp), arguments), indent=2))
    except PeerError as error:
        sys.exit(f"llama_cpp.py: {error}")


if __name__ == "__main__":
    main()
