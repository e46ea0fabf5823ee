#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the checks themselves: each must be able to complain."""

import json
import pathlib
import re
import subprocess
import tempfile
import unittest

import check_docs
import check_isa
import check_layers
import check_rules
import cpp_text

LAYERS = check_layers.Layers(
    {
        "order": [["base"], ["io", "text"], ["model"]],
        "top": ["apps"],
        "public": {"minimax/error.h": "base", "default": "model"},
    }
)


def by_name(text):
    return {function.name: function for function in cpp_text.functions(text)}


class CppTextTest(unittest.TestCase):
    def test_counts_lines_from_brace_to_brace(self):
        found = by_name("int f(int a,\n      int b) {\n  return a;\n}\nint g() { return 1; }\n")
        self.assertEqual((found["f"].lines, found["g"].lines), (3, 1))

    def test_counts_nested_blocks_but_not_initializers(self):
        text = "void f() {\n  A a{1};\n  if (a) {\n    for (;;) {\n      g({.x = {}});\n    }\n  }\n}\n"
        self.assertEqual(by_name(text)["f"].nesting, 2)

    def test_a_lambda_is_a_function_of_its_own(self):
        text = "void f() {\n  run([&](int i) {\n    if (i) {\n    }\n  });\n}\n"
        found = by_name(text)
        self.assertEqual((found["f"].nesting, found["lambda"].nesting), (0, 1))
        self.assertEqual(found["lambda"].lines, 4)

    def test_constructors_with_initializer_lists_are_functions(self):
        text = "struct A {\n  A() : x_{1}, y_(2) {\n    f();\n  }\n  int x_{0};\n};\n"
        self.assertEqual(list(by_name(text)), ["A"])

    def test_braces_in_strings_and_comments_do_not_count(self):
        text = 'void f() {\n  g("}{", R"x(}})x", \'{\');  // {\n  /* { */\n}\nvoid h() {}\n'
        self.assertEqual(by_name(text)["f"].lines, 4)
        self.assertIn("h", by_name(text))

    def test_types_and_namespaces_are_no_functions(self):
        text = "namespace a {\nenum class E { kA };\nstruct B {};\nint t[] = {1, 2};\n}\n"
        self.assertEqual(by_name(text), {})


class LayersTest(unittest.TestCase):
    def test_lower_layers_may_be_used_and_others_not(self):
        self.assertTrue(LAYERS.may_use("model", "io"))
        self.assertTrue(LAYERS.may_use("apps", "model"))
        self.assertFalse(LAYERS.may_use("io", "text"))
        self.assertFalse(LAYERS.may_use("base", "io"))
        self.assertFalse(LAYERS.may_use("model", "apps"))

    def test_public_headers_have_a_layer(self):
        self.assertEqual(LAYERS.of_header("minimax/error.h"), "base")
        self.assertEqual(LAYERS.of_header("minimax/model.h"), "model")
        self.assertIsNone(LAYERS.of_header("fmt/format.h"))


class RulesTest(unittest.TestCase):
    def complaints(self, path, code):
        path = pathlib.Path(path)
        return [
            rule.message
            for rule in check_rules.RULES
            if rule.applies(path) and re.search(rule.pattern, code, re.MULTILINE)
        ]

    def test_each_rule_finds_its_breach(self):
        for code in (
            "#ifdef X\n",
            "#define MAX(a, b) a\n",
            "using namespace std;\n",
            'auto x = std::getenv("X");\n',
            "std::cout << 1;\n",
            "std::shared_ptr<int> p;\n",
            "// TODO\n",
            "// caf\u00e9\n",
        ):
            self.assertEqual(len(self.complaints("src/io/a.cc", code)), 1, code)

    def test_programs_may_print_and_read_the_environment(self):
        self.assertEqual(self.complaints("apps/main.cc", 'std::cout << std::getenv("X");\n'), [])


class DocsTest(unittest.TestCase):
    def test_links_to_missing_files_and_headings_are_found(self):
        path = pathlib.Path("README.md")
        self.assertIsNone(check_docs.link_complaint(path, "LICENSE"))
        self.assertIsNone(check_docs.link_complaint(path, "https://example.org"))
        self.assertIn("no such file", check_docs.link_complaint(path, "docs/absent.md"))
        self.assertIn("no such heading", check_docs.link_complaint(path, "models/tiny-minimax/README.md#absent"))


ISA_SOURCE = """
namespace minimax::cpu { enum class Isa { kScalar, kAvx2 }; }
inline float shared(const float* x) { float s = 0; for (int i = 0; i < 64; ++i) s += x[i] * 2.0f; return s; }
namespace { float hidden(const float* x) { return x[0] + x[1]; } }
namespace minimax::ops {
template <cpu::Isa isa> float kernel(const float* x) { return hidden(x) + CALL; }
template float kernel<cpu::Isa::kAvx2>(const float*);
}
"""
MAIN_SOURCE = """
namespace minimax::cpu { enum class Isa { kScalar, kAvx2 }; }
namespace minimax::ops { template <cpu::Isa isa> float kernel(const float* x); }
int main() { float x[64] = {}; return static_cast<int>(minimax::ops::kernel<minimax::cpu::Isa::kAvx2>(x)); }
"""


class IsaTest(unittest.TestCase):
    def findings(self, call):
        """What the check says about a program whose AVX2 kernel evaluates `call`."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "kernel.cc").write_text(ISA_SOURCE.replace("CALL", call), encoding="utf-8")
            (folder / "main.cc").write_text(MAIN_SOURCE, encoding="utf-8")
            command = "c++ -std=c++20 -O1 -fno-inline -mavx2 -o kernel.o -c kernel.cc"
            subprocess.run(command.split(), cwd=folder, check=True)
            subprocess.run("c++ -std=c++20 -o program main.cc kernel.o".split(), cwd=folder, check=True)
            (folder / "compile_commands.json").write_text(
                json.dumps([{"directory": name, "command": command, "file": "kernel.cc"}]),
                encoding="utf-8",
            )
            ((_, path),) = check_isa.isa_objects(folder)
            exported = list(check_isa.exported_without_isa(path))
            unguarded = list(check_isa.unguarded_functions(folder / "program", {"kernel.cc"}))
            return exported, unguarded

    def test_helpers_in_anonymous_namespaces_pass(self):
        self.assertEqual(self.findings("0"), ([], []))

    def test_a_shared_inline_function_is_found_in_object_and_program(self):
        exported, unguarded = self.findings("shared(x)")
        self.assertEqual(exported, ["_Z6sharedPKf"])
        self.assertEqual([symbol for symbol, _ in unguarded], ["_Z6sharedPKf"])


if __name__ == "__main__":
    unittest.main()
