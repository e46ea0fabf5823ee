// SPDX-License-Identifier: Apache-2.0
// Any bytes as a chat template, run on a conversation with tools: refused with an Error, or a
// prompt whose segments alternate, within the budgets.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "minimax/error.h"
#include "text/jinja/analysis.h"
#include "text/jinja/from_json.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace {

namespace jinja = minimax::text::jinja;

// Small, so that the fuzzer gets through many inputs; what exceeds them is an ordinary Error.
constexpr jinja::Limits kLimits{.steps = 20'000, .memory_bytes = 8 << 20, .depth = 100};

constexpr const char* kVariables = R"({
  "messages": [{"role": "system", "content": "Be \"kind\".\n"},
               {"role": "user", "content": [{"type": "text", "text": " <s>\u00fcn\u00ef \ud83d\ude00 "}]},
               {"role": "assistant", "content": null, "tool_calls":
                  [{"id": "1", "function": {"name": "f", "arguments": {"a": [1, 2.5, true]}}}]},
               {"role": "tool", "name": "f", "content": "{}"}],
  "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
  "add_generation_prompt": true, "bos_token": "<s>"})";

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void check_segments(const jinja::Text& text) {
  const std::vector<minimax::text::TextSegment> segments = jinja::to_segments(text);
  std::string joined;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    require(!segments[i].text.empty());
    require(i == 0 || segments[i].allow_special != segments[i - 1].allow_special);
    joined += segments[i].text;
  }
  require(joined == text.bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const minimax::base::Json variables = minimax::base::parse_json(kVariables, "variables");
  const std::string source(reinterpret_cast<const char*>(data), size);
  try {
    const jinja::Ast ast = jinja::parse(source);
    require(jinja::analyse(ast).strings.size() <= source.size());
    jinja::Interpreter interpreter(ast, kLimits, std::tm{});
    for (const auto& [name, value] : variables.object()) {
      interpreter.define(name, jinja::from_json(interpreter.heap(), value));
    }
    check_segments(interpreter.render());
  } catch (const minimax::Error&) {
    return 0;
  }
  return 0;
}
