#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which model a name means: the default, directories and the Hugging Face cache."""

import os
import pathlib
import shutil
import tempfile
import unittest

import program


class Model(program.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def copy_as(self, name):
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(program.MODEL, target)
        return str(target)

    def test_left_out_is_the_demonstration_model_from_any_directory(self):
        self.assertTrue(self.succeed("tokenize", "Hello", cwd="/"))
        self.assertTrue(self.succeed("tokenize", "Hello", cwd=self.folder))

    def test_may_have_a_path_with_odd_characters(self):
        for name in ("with space", "with\nnewline", "\u00fcmlaut", "-dash"):
            with self.subTest(name=name):
                model = self.copy_as(name)
                self.assertEqual(
                    self.succeed("tokenize", model, "Hello"), self.succeed("tokenize", "Hello")
                )

    def test_may_have_a_path_that_is_not_utf8(self):
        os.symlink(program.MODEL, os.fsencode(self.folder) + b"/\xff\xfe")
        result = program.run("tokenize", os.fsencode(self.folder) + b"/\xff\xfe", "Hello")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_that_is_not_there_is_a_bad_file(self):
        for name in ("./nothing-here", "/nothing/here", "org/name", "a" * 4000 + "/b"):
            with self.subTest(name=name[:20]):
                result = program.run("tokenize", name, "Hello")
                self.assertIn(result.returncode, (3, 5))
                self.assertIn(b"minimax: error: ", result.stderr)

    def test_that_is_an_empty_directory_is_a_bad_file(self):
        result = program.run("inspect", str(self.folder))
        self.assertIn(result.returncode, (3, 5), result.stderr)
        self.assertIn(b"config.json", result.stderr)

    def test_in_the_environment_is_the_default(self):
        message = self.fail_with(3, "tokenize", "Hello", env={"MINIMAX_MODEL": "./nothing-here"})
        self.assertIn("nothing-here", message)
        self.succeed(
            "tokenize", str(program.MODEL), "Hello", env={"MINIMAX_MODEL": "./nothing-here"}
        )

    def make_cache(self, hub):
        repository = hub / "models--org--tiny"
        snapshot = repository / "snapshots" / "0123abcd"
        blobs = repository / "blobs"
        snapshot.mkdir(parents=True)
        blobs.mkdir()
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0123abcd")
        for number, file in enumerate(sorted(program.MODEL.iterdir())):
            shutil.copy(file, blobs / str(number))
            os.symlink(f"../../blobs/{number}", snapshot / file.name)
        return snapshot

    def test_of_the_hugging_face_cache_is_read_in_place(self):
        self.make_cache(self.folder / "hub")
        hub = str(self.folder / "hub")
        for env in (
            {"HF_HUB_CACHE": hub},
            {"HF_HOME": str(self.folder)},
            {"HF_HOME": str(self.folder), "HF_HUB_OFFLINE": "1"},
        ):
            with self.subTest(env=env):
                json = self.succeed_json("inspect", "org/tiny", "--json", env=env)
                self.assertEqual(json["config"]["num_hidden_layers"], 8)

    def test_of_the_cache_that_is_incomplete_is_refused(self):
        snapshot = self.make_cache(self.folder / "hub")
        (snapshot / "model-00002-of-00004.safetensors").resolve().unlink()
        message = self.fail_with(
            3, "inspect", "org/tiny", env={"HF_HUB_CACHE": str(self.folder / "hub")}
        )
        self.assertIn("incomplete", message)
        self.assertIn("model-00002-of-00004.safetensors", message)


if __name__ == "__main__":
    unittest.main()
