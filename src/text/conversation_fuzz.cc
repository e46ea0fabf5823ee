// SPDX-License-Identifier: Apache-2.0
// Any bytes as the messages of a request: refused with an Error, or rendered by all of our own
// templates.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "minimax/error.h"
#include "text/chat_template.h"

namespace {

using minimax::text::BuiltinFormat;
using minimax::text::ChatTemplate;

std::vector<ChatTemplate> load_templates() {
  std::vector<ChatTemplate> templates;
  for (const BuiltinFormat format :
       {BuiltinFormat::kText01, BuiltinFormat::kM1, BuiltinFormat::kVl01}) {
    templates.push_back(ChatTemplate::from_source(minimax::text::builtin_template(format)));
  }
  return templates;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<ChatTemplate> templates = load_templates();
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const minimax::base::Json messages = minimax::base::parse_json(text, "fuzz");
    for (const ChatTemplate& chat : templates) {
      chat.render(messages, {.tools = &messages});
    }
  } catch (const minimax::Error&) {
    return 0;
  }
  return 0;
}
