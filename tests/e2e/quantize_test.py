#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""minimax quantize and minimax verify. MINIMAX_TEST_KILLS says how often a run is killed."""

import json
import os
import pathlib
import random
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import program

KILLS = int(os.environ.get("MINIMAX_TEST_KILLS", "6"))
EXPERT = "model.layers.0.block_sparse_moe.experts.0.w1.weight"
SMALL_SHARDS = ("--shard-size", "1")


def read_header(path):
    """The header of a safetensors file and where its data begins."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), 8 + length


def all_headers(folder):
    """The tensors and the metadata of all shards."""
    tensors, metadata = {}, {}
    for path in sorted(folder.glob("*.safetensors")):
        header, _ = read_header(path)
        metadata.update(header.pop("__metadata__"))
        tensors.update(header)
    return tensors, metadata


def contents(folder):
    """The bytes of every file."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class Quantize(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"

    def quantize(self, *arguments, model=program.MODEL):
        return self.succeed("quantize", str(model), str(self.out), *arguments)

    def test_writes_blocks_that_the_manifest_describes(self):
        report = json.loads(self.quantize("--format", "int4_g32", "--json"))
        tensors, metadata = all_headers(self.out)
        self.assertEqual(tensors[EXPERT]["dtype"], "U8")
        self.assertEqual(tensors[EXPERT]["shape"], [192, 256 // 32 * 18])
        self.assertEqual(metadata["minimax.format:" + EXPERT], "int4_g32")
        for name in ("lm_head.weight", "model.embed_tokens.weight", "model.norm.weight"):
            self.assertIn(tensors[name]["dtype"], ("BF16", "F32"))
            self.assertNotIn("minimax.format:" + name, metadata)
        config = json.loads((self.out / "config.json").read_text())
        self.assertEqual(config["quantization_config"]["quant_method"], "minimax")
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            self.assertEqual(
                (self.out / name).read_bytes(), (program.MODEL / name).read_bytes(), name
            )
        sizes = [t["data_offsets"][1] - t["data_offsets"][0] for t in tensors.values()]
        self.assertEqual(report["bytes"], sum(sizes))
        listed = json.loads((self.out / "manifest.json").read_text())["tensors"]
        self.assertEqual({tensor["name"] for tensor in listed}, set(tensors))
        self.assertIn("as written", self.succeed("verify", str(self.out)))

    def test_takes_a_gguf_file(self):
        gguf = self.folder / "demo.gguf"
        self.succeed("convert", str(program.MODEL), str(gguf))
        from_gguf = self.folder / "from_gguf"
        self.succeed("quantize", str(gguf), str(from_gguf), "--format", "int8_g32")
        self.assertIn("as written", self.succeed("verify", str(from_gguf)))
        again = self.succeed(
            "quantize", str(gguf), str(from_gguf), "--format", "int8_g32", "--resume"
        )
        self.assertIn("from an earlier run", again)
        self.quantize("--format", "int8_g32")
        prompt = ("--prompt", "Once upon a time", "--temperature", "0", "--max-new-tokens", "12")
        self.assertEqual(
            self.succeed("generate", str(from_gguf), *prompt),
            self.succeed("generate", str(self.out), *prompt),
        )

    def test_reports_what_lies_in_the_files(self):
        for layout in ("blocks", "bitsandbytes", "bitsandbytes-full"):
            out = self.folder / layout
            arguments = ("--format", "nf4", "--layout", layout, "--json")
            command = ("quantize", str(program.MODEL), str(out), *arguments)
            plan = json.loads(self.succeed(*command, "--dry-run"))
            report = json.loads(self.succeed(*command))
            tensors, _ = all_headers(out)
            sizes = [t["data_offsets"][1] - t["data_offsets"][0] for t in tensors.values()]
            self.assertEqual(report["bytes"], sum(sizes), layout)
            self.assertEqual(plan["bytes"], sum(sizes), layout)
            self.assertEqual(sum(t["bytes"] for t in plan["tensors"]), sum(sizes), layout)

    def test_reports_a_gguf_file_as_json(self):
        gguf = self.folder / "demo.gguf"
        out = self.succeed(
            "quantize", str(program.MODEL), str(gguf), "--format", "q8_0", "--json"
        )
        report = json.loads(out)
        self.assertEqual((report["file"], report["tensors"]), (str(gguf), 83))

    def test_keeps_what_rules_name(self):
        self.quantize(
            "--format", "q4_k", "--keep", "*.experts.?.w2.weight=q5_1", "--keep",
            "lm_head.weight=q6_k", "--keep", "*layers.3.*=stored",
        )  # fmt: skip
        listed = json.loads((self.out / "manifest.json").read_text())["tensors"]
        formats = {tensor["name"]: tensor["format"] for tensor in listed}
        self.assertEqual(formats[EXPERT], "q4_k")
        self.assertEqual(formats[EXPERT.replace("w1", "w2")], "q5_1")
        self.assertEqual(formats[EXPERT.replace("layers.0", "layers.3")], "BF16")
        self.assertEqual(formats["lm_head.weight"], "q6_k")

    def test_shows_fallbacks_and_writes_nothing_in_a_dry_run(self):
        text = self.quantize("--format", "q4_k", "--dry-run")
        # Rows of 192 elements are no whole blocks of 256.
        self.assertRegex(text, r"experts\.0\.w2\.weight +\[256, 192\] +q5_0 instead of q4_k: rows of 192")
        plan = json.loads(self.quantize("--format", "q4_k", "--dry-run", "--json"))
        self.assertEqual(sum(tensor["bytes"] for tensor in plan["tensors"]), plan["bytes"])
        self.assertFalse(any(self.folder.iterdir()))

    def test_gives_a_model_that_generates(self):
        for format_name in ("int4_g32", "nf4", "q6_k", "int8_g64"):
            with self.subTest(format=format_name):
                out = self.folder / format_name
                self.succeed("quantize", str(program.MODEL), str(out), "--format", format_name)
                answer = self.succeed(
                    "generate", str(out), "--prompt", "Once upon a time", "--max-new-tokens", "12",
                    "--temperature", "0",
                )  # fmt: skip
                self.assertRegex(answer, "[a-z]{3}")

    def test_meets_a_number_of_bits(self):
        plan = json.loads(self.quantize("--target-bits", "6", "--dry-run", "--json"))
        self.assertLessEqual(plan["bits_per_parameter"], 6)
        self.assertGreater(plan["bits_per_parameter"], 5.95)
        self.assertGreater(len({tensor["format"] for tensor in plan["tensors"]}), 3)
        out = (str(self.out), "--target-bits", "2")
        self.assertIn("at least", self.fail_with(2, "quantize", str(program.MODEL), *out))

    def test_weights_errors_by_an_importance_matrix(self):
        text = self.folder / "text.txt"
        text.write_text("Once upon a time there was a child named Vera. " * 20)
        matrix = self.folder / "matrix"
        self.succeed("imatrix", str(program.MODEL), str(text), str(matrix))
        self.quantize("--format", "q4_0")
        plain = contents(self.out)["model.safetensors"]
        shutil.rmtree(self.out)
        self.quantize("--format", "q4_0", "--imatrix", str(matrix))
        self.assertNotEqual(contents(self.out)["model.safetensors"], plain)
        other = str(program.GOLDEN / "lightning_first")
        message = self.fail_with(
            3, "quantize", other, str(self.folder / "other"), "--imatrix", str(matrix)
        )
        self.assertIn("another model", message)

    def test_refuses_what_makes_no_sense(self):
        model, out = str(program.MODEL), str(self.out)
        cases = [
            ((model, out, "--format", "int5"), "int5"),
            ((model, out, "--keep", "nothing"), "PATTERN=FORMAT"),
            ((model, out, "--keep", "no.such.tensor=q8_0"), "no.such.tensor"),
            ((model, out, "--keep", "model.norm.weight=q8_0"), "model.norm.weight"),
            ((model, model), "nothing is yet"),
        ]
        for arguments, words in cases:
            with self.subTest(words=words):
                self.assertIn(words, self.fail_with(2, "quantize", *arguments))
        self.assertFalse(any(self.folder.iterdir()))

    def test_quantizes_a_second_time_only_when_asked(self):
        self.quantize("--format", "q8_0")
        again = (str(self.out), str(self.folder / "again"), "--format", "q4_0")
        self.assertIn("q8_0", self.fail_with(2, "quantize", *again))
        self.succeed("quantize", *again, "--requantize")

    def test_reports_a_weight_that_is_not_finite(self):
        model = self.folder / "model"
        shutil.copytree(program.GOLDEN / "lightning_first", model)
        path = model / "model.safetensors"
        header, begin = read_header(path)
        data = bytearray(path.read_bytes())
        at = begin + header[EXPERT]["data_offsets"][0]
        data[at : at + 4] = b"\xff\xff\xff\xff"
        path.write_bytes(data)
        message = self.fail_with(3, "quantize", str(model), str(self.out), "--format", "q8_0")
        self.assertIn(EXPERT, message)
        self.assertIn("row 0", message)
        self.assertFalse(self.out.exists())

    def test_leaves_no_result_on_a_full_disk(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

        process = program.start(
            "quantize", str(program.MODEL), str(self.out), preexec_fn=limit
        )
        _, message = process.communicate(timeout=program.TIMEOUT_S)
        self.assertEqual(process.returncode, 5, message)
        self.assertFalse(self.out.exists())
        self.assertFalse(list(self.folder.rglob("*.safetensors*")))

    def test_needs_leave_to_go_on(self):
        (self.folder / "out.partial").mkdir()
        arguments = ("quantize", str(program.MODEL), str(self.out), "--format", "q8_0")
        self.assertIn("resume", self.fail_with(2, *arguments))
        self.succeed(*arguments, "--resume")
        self.assertIn("earlier run", self.succeed(*arguments, "--resume"))

    def test_goes_on_only_with_what_the_same_command_began(self):
        arguments = ("quantize", str(program.MODEL), str(self.out), *SMALL_SHARDS)
        process = program.start(*arguments, "--threads", "1")
        program.wait_for(
            lambda: (self.folder / "out.partial" / "manifest.json").exists(), "a first shard"
        )
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, 130)
        self.assertIn("option", self.fail_with(2, *arguments, "--format", "q8_0", "--resume"))
        self.assertIn("earlier run", self.succeed(*arguments, "--resume"))

    def test_survives_being_killed(self):
        arguments = ("quantize", str(program.MODEL), str(self.out), *SMALL_SHARDS)
        begin = time.monotonic()
        self.succeed(*arguments)
        duration = time.monotonic() - begin
        expected = contents(self.out)
        shutil.rmtree(self.out)
        random.seed(5)
        finished = 0
        for _ in range(KILLS):
            process = program.start(*arguments, "--resume", stdout=subprocess.DEVNULL)
            time.sleep(random.uniform(0, 0.6 * duration))
            process.kill()
            process.communicate()
            if self.out.exists():
                self.assertEqual(contents(self.out), expected)
                shutil.rmtree(self.out)
                finished += 1
        self.succeed(*arguments, "--resume")
        self.assertEqual(contents(self.out), expected)
        self.assertEqual(list(self.folder.iterdir()), [self.out])


class Verify(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"
        model = program.GOLDEN / "lightning_first"
        self.succeed("quantize", str(model), str(self.out), "--format", "int8_g32")

    def damages(self):
        result = program.run("verify", str(self.out), "--json")
        self.assertEqual(result.returncode, 3, result.stderr)
        return json.loads(result.stdout)["damages"]

    def test_finds_a_flipped_bit_anywhere(self):
        random.seed(3)
        for path in sorted(self.out.iterdir()):
            if path.name == "manifest.json":
                continue
            whole = path.read_bytes()
            for _ in range(10):
                data = bytearray(whole)
                bit = random.randrange(8 * len(data))
                data[bit // 8] ^= 1 << bit % 8
                path.write_bytes(data)
                self.assertEqual(len(self.damages()), 1, (path, bit))
            path.write_bytes(whole)
        self.succeed("verify", str(self.out))

    def test_finds_files_that_are_short_or_missing(self):
        path = self.out / "model.safetensors"
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        self.assertIn("bytes", self.damages()[0]["what"])
        path.unlink()
        self.assertIn("found none", self.damages()[0]["what"])

    def test_refuses_a_manifest_that_leads_elsewhere(self):
        path = self.out / "manifest.json"
        manifest = json.loads(path.read_text())
        manifest["files"][0]["name"] = "../model.safetensors"
        path.write_text(json.dumps(manifest))
        self.assertIn("/files/0/name", self.fail_with(3, "verify", str(self.out)))
        manifest["version"] = 2
        path.write_text(json.dumps(manifest))
        self.assertIn("/version", self.fail_with(3, "verify", str(self.out)))
        path.unlink()
        self.assertIn("manifest.json", self.fail_with(3, "verify", str(self.out)))


if __name__ == "__main__":
    unittest.main()
