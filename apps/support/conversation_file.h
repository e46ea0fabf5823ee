// SPDX-License-Identifier: Apache-2.0
// A conversation that came from a file, on its way through the chat template: what is wrong with
// it is the file's fault and reported with the file's name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "minimax/tokenizer.h"

namespace minimax::apps {

struct ConversationFile {
  std::string source;         // the file's name, for messages
  std::string messages_json;  // a JSON array
  std::string tools_json;     // a JSON array, or empty
};

/// Reads an array of messages, or an object with "messages" and "tools"; `tools_file`, where not
/// empty, holds an array of tools that replaces the latter. "-" is standard input.
/// Throws: Error{kCorruptFile, kIo}.
ConversationFile read_conversation(const std::string& messages_file,
                                   const std::string& tools_file = "");

// The tokenizer's apply_chat_template and encode_chat. Of `options`, tools_json is set here.
// Throws: Error{kCorruptFile} naming file, message and field.
std::string render(const Tokenizer& tokenizer, const ConversationFile& conversation,
                   Tokenizer::ChatTemplateOptions options);
std::vector<std::int32_t> encode(const Tokenizer& tokenizer, const ConversationFile& conversation,
                                 Tokenizer::ChatTemplateOptions options);

}  // namespace minimax::apps
