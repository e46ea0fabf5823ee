// SPDX-License-Identifier: Apache-2.0
// Conversations as JSON: an array of {"role", "content"}, as OpenAI's interface and the chat
// templates take it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/json.h"

namespace minimax::apps {

/// The array of messages in JSON text: the text is that array, or an object with "messages".
/// The messages themselves are judged by the chat template.
/// Throws: Error{kCorruptFile} naming `source`.
base::JsonArray parse_messages(std::string_view text, const std::string& source);

base::Json make_message(std::string_view role, std::string_view content);

/// The text of the system message at the head, or an empty text.
std::string system_message(const base::JsonArray& messages);

/// Replaces the system message, or puts one in front; an empty text removes it.
void set_system_message(base::JsonArray& messages, std::string_view text);

/// Removes the latest user message and all that follows it. Returns its text.
/// Throws: UsageError where there is none.
std::string remove_latest_exchange(base::JsonArray& messages);

/// Writes the messages so that `--messages` and /load read them.
/// Throws: Error{kIo}; a file that was there before is then still whole.
void save_messages(const base::JsonArray& messages, const std::filesystem::path& path);

}  // namespace minimax::apps
