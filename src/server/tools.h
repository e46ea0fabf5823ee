// SPDX-License-Identifier: Apache-2.0
// The tools of a request and whether the model has to call them.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "server/fields.h"
#include "server/limits.h"

namespace minimax::server {

struct ToolChoice {
  enum class Kind { kNone, kAuto, kRequired, kNamed };

  Kind kind = Kind::kAuto;
  std::string name = {};  ///< of kNamed
};

struct Tools {
  /// In the form of OpenAI's chat protocol, {"type": "function", "function": {...}}, which chat
  /// templates are given; empty: none, or none that may be called.
  base::JsonArray definitions;
  ToolChoice choice;
  bool allows_parallel_calls = true;

  bool has_tools() const { return !definitions.empty(); }
};

/// Checks a tool: a name of letters, digits, - and _, and parameters that are an object.
/// Throws: ApiError{400} naming the field below `place`, which is "tools[2]", for one.
void check_tool(const base::Json& tool, const std::string& place);

/// `tools`, `tool_choice` and `parallel_tool_calls` of the chat protocol, and the older
/// `functions` and `function_call`. Throws: ApiError{400} naming the field.
Tools read_tools(const Fields& fields, const RequestLimits& limits);

/// Throws: ApiError{400} for a choice that the tools do not allow.
void check_choice(const Tools& tools);

/// Whether the answer has to be a call.
bool must_call(const Tools& tools);

/// What such an answer begins with, the mark before calls, and what ends it.
inline constexpr std::string_view kCallBeginning = "<tool_calls>\n";
inline constexpr std::string_view kCallEnd = "\n</tool_calls>";

/// A JSON schema of the calls that may stand between. Requires: must_call().
base::Json call_schema(const Tools& tools);

}  // namespace minimax::server
