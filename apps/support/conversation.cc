// SPDX-License-Identifier: Apache-2.0
#include "support/conversation.h"

#include <utility>

#include "base/file.h"
#include "support/exit_code.h"
#include "text/utf8.h"

namespace minimax::apps {
namespace {

bool has_role(const base::Json& message, std::string_view role) {
  const base::Json* found = message.is_object() ? message.find("role") : nullptr;
  return found != nullptr && found->is_string() && found->string() == role;
}

// The text of a content that is a string or a list of parts.
std::string text_of(const base::Json& message) {
  const base::Json* content = message.find("content");
  if (content == nullptr) {
    return "";
  }
  if (content->is_string()) {
    return content->string();
  }
  std::string text;
  if (content->is_array()) {
    for (const base::Json& part : content->array()) {
      const base::Json* part_text = part.is_object() ? part.find("text") : nullptr;
      text += part_text != nullptr && part_text->is_string() ? part_text->string() : "";
    }
  }
  return text;
}

}  // namespace

base::JsonArray parse_messages(std::string_view text, const std::string& source) {
  base::Json json = base::parse_json(text, source);
  if (json.is_object()) {
    base::Json messages = base::JsonView(json, source).require("messages").value();
    json = std::move(messages);
  }
  if (!json.is_array()) {
    base::JsonView(json, source).fail_expected("an array of messages");
  }
  return std::move(json.array());
}

base::Json make_message(std::string_view role, std::string_view content) {
  return base::JsonObject{{"role", std::string(role)},
                          {"content", text::replace_invalid_utf8(content)}};
}

std::string system_message(const base::JsonArray& messages) {
  return !messages.empty() && has_role(messages.front(), "system") ? text_of(messages.front()) : "";
}

void set_system_message(base::JsonArray& messages, std::string_view text) {
  if (!messages.empty() && has_role(messages.front(), "system")) {
    messages.erase(messages.begin());
  }
  if (!text.empty()) {
    messages.insert(messages.begin(), make_message("system", text));
  }
}

std::string remove_latest_exchange(base::JsonArray& messages) {
  for (std::size_t i = messages.size(); i > 0; --i) {
    if (has_role(messages[i - 1], "user")) {
      std::string text = text_of(messages[i - 1]);
      messages.resize(i - 1);
      return text;
    }
  }
  throw UsageError("there is no message yet");
}

void save_messages(const base::JsonArray& messages, const std::filesystem::path& path) {
  base::write_file_atomically(path, base::write_json(messages, base::JsonStyle::kIndented) + "\n");
}

}  // namespace minimax::apps
