// SPDX-License-Identifier: Apache-2.0
// Texts that a user hands over one by one, as files or as JSON lines.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "support/cli11_fwd.h"

namespace minimax::apps {

/// The objects of a file with one JSON object a line; empty lines are skipped, "-" is standard
/// input. Throws: Error{kCorruptFile} naming file and line; Error{kIo}.
std::vector<base::Json> read_json_lines(const std::string& file);

/// The string member `key` of a line. Throws: Error{kCorruptFile} naming file, line and member.
std::string text_member(const base::Json& record, const std::string& file, std::size_t index,
                        const std::string& key);

struct TextOptions {
  std::vector<std::string> texts;
  std::vector<std::string> files;
  std::string json_lines;  // empty: none
};

/// Adds --text, --file and --jsonl.
void add_text_options(CLI::App& command, TextOptions& options);

/// All texts, in the order of the options above; standard input where none is given.
/// Throws: as read_json_lines; Error{kIo}.
std::vector<std::string> read_texts(const TextOptions& options);

}  // namespace minimax::apps
