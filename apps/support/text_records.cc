// SPDX-License-Identifier: Apache-2.0
#include "support/text_records.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "support/text_input.h"

namespace minimax::apps {
namespace {

std::string name_of(const std::string& file, std::size_t index) {
  return fmt::format("{}, record {}", file == "-" ? "standard input" : file, index + 1);
}

}  // namespace

std::vector<base::Json> read_json_lines(const std::string& file) {
  const std::string all = read_text(file);
  std::vector<base::Json> records;
  std::size_t begin = 0;
  while (begin < all.size()) {
    const std::size_t end = std::min(all.find('\n', begin), all.size());
    const std::string line = all.substr(begin, end - begin);
    if (line.find_first_not_of(" \t\r") != std::string::npos) {
      records.push_back(base::parse_json(line, name_of(file, records.size())));
    }
    begin = end + 1;
  }
  return records;
}

std::string text_member(const base::Json& record, const std::string& file, std::size_t index,
                        const std::string& key) {
  return base::JsonView(record, name_of(file, index)).require(key).as_string();
}

void add_text_options(CLI::App& command, TextOptions& options) {
  const std::string group = "Input (default: standard input)";
  command.add_option("--text", options.texts, "A text; may be given several times")
      ->type_name("TEXT")
      ->group(group);
  command.add_option("--file", options.files, "A file that is one text; -: standard input")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--jsonl", options.json_lines,
                  "A file with an object {\"text\": ...} on each line; -: standard input")
      ->type_name("FILE")
      ->group(group);
}

std::vector<std::string> read_texts(const TextOptions& options) {
  std::vector<std::string> texts = options.texts;
  for (const std::string& file : options.files) {
    texts.push_back(read_text(file));
  }
  if (!options.json_lines.empty()) {
    const std::vector<base::Json> records = read_json_lines(options.json_lines);
    for (std::size_t i = 0; i < records.size(); ++i) {
      texts.push_back(text_member(records[i], options.json_lines, i, "text"));
    }
  } else if (texts.empty()) {
    texts.push_back(read_text("-"));
  }
  return texts;
}

}  // namespace minimax::apps
