// SPDX-License-Identifier: Apache-2.0
#include "support/conversation_file.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "minimax/error.h"
#include "support/text_input.h"

namespace minimax::apps {
namespace {

std::string name_of(const std::string& file) {
  return file == "-" ? "standard input" : base::printable(file);
}

std::string array_text(const base::JsonView& view) {
  if (!view.value().is_array()) {
    view.fail_expected("an array");
  }
  return base::write_json(view.value());
}

// Runs `work` and lets what is wrong with the messages count as a damaged file.
template <class Work>
auto blame_file(const ConversationFile& conversation, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) {
      throw;
    }
    throw Error(ErrorCode::kCorruptFile, fmt::format("{}: {}", conversation.source, error.what()));
  }
}

}  // namespace

ConversationFile read_conversation(const std::string& messages_file,
                                   const std::string& tools_file) {
  ConversationFile conversation;
  conversation.source = name_of(messages_file);
  const base::Json json = base::parse_json(read_text(messages_file), conversation.source);
  const base::JsonView root(json, conversation.source);
  conversation.messages_json = array_text(json.is_object() ? root.require("messages") : root);
  if (const auto tools = json.is_object() ? root.get("tools") : std::nullopt) {
    conversation.tools_json = array_text(*tools);
  }
  if (!tools_file.empty()) {
    const base::Json tools = base::parse_json(read_text(tools_file), name_of(tools_file));
    conversation.tools_json = array_text(base::JsonView(tools, name_of(tools_file)));
  }
  return conversation;
}

std::string render(const Tokenizer& tokenizer, const ConversationFile& conversation,
                   Tokenizer::ChatTemplateOptions options) {
  options.tools_json = conversation.tools_json;
  return blame_file(conversation, [&] {
    return tokenizer.apply_chat_template(conversation.messages_json, options);
  });
}

std::vector<std::int32_t> encode(const Tokenizer& tokenizer, const ConversationFile& conversation,
                                 Tokenizer::ChatTemplateOptions options) {
  options.tools_json = conversation.tools_json;
  return blame_file(conversation,
                    [&] { return tokenizer.encode_chat(conversation.messages_json, options); });
}

}  // namespace minimax::apps
