// SPDX-License-Identifier: Apache-2.0
// Checks a conversation and brings it into the form that a template takes. The rules are:
// - `role` is system, user, assistant or tool; `developer` becomes system and `function` tool
//   unless the template knows them, and a role that only the template knows is accepted.
// - `content` is a string or an array of parts. An array becomes one string (texts joined by
//   newlines) for templates that take strings only, and a string one part for templates that take
//   parts only. It may be null or absent in an assistant's message with tool_calls.
// - Parts are {"type": "text", "text": string}, and images for templates that know images.
// - `arguments` of a tool call that are JSON text become an object for templates that take objects.
// - The `name` of a tool's result is filled in from the call that its tool_call_id names.
#pragma once

#include <set>
#include <string>

#include "base/json.h"

namespace minimax::text {

struct ConversationRules {
  bool takes_strings = true;
  bool takes_parts = true;
  bool takes_null = false;  // as content; else it becomes an empty string
  bool takes_argument_objects = true;
  /// The strings that the template names. Must outlive the call.
  const std::set<std::string, std::less<>>* known_strings = nullptr;
};

/// Throws: Error{kInvalidArgument} "messages[2].content: expected ..., found ...".
base::Json normalize_conversation(const base::Json& messages, const ConversationRules& rules);

}  // namespace minimax::text
