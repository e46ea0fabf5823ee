// SPDX-License-Identifier: Apache-2.0
// Finds the chat templates and special tokens among the files of a model directory.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "text/chat_template.h"

namespace minimax::text {

struct NamedTemplate {
  std::string name;    // "default" for the only one
  std::string origin;  // the file, for messages
  std::string source;
};

struct TemplateFiles {
  std::vector<NamedTemplate> templates;
  ChatTemplate::Variables special_tokens;  // bos_token ...
  std::vector<std::string> problems;       // why a file was not used
};

/// Throws: Error{kCorruptFile} for a tokenizer_config.json or special_tokens_map.json that is no
/// JSON object.
TemplateFiles find_templates(const std::filesystem::path& directory);

/// The MiniMax format that config.json stands for; Text-01 where it tells nothing.
BuiltinFormat guess_format(const std::filesystem::path& directory);

}  // namespace minimax::text
