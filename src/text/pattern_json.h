// SPDX-License-Identifier: Apache-2.0
// What several members of tokenizer.json share: the type of a component, components in a
// sequence, patterns, and the complaint about what is not supported.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "text/split.h"

namespace minimax::text {

/// The "type" of a component. Throws: Error{kCorruptFile}.
const std::string& component_type(const base::JsonView& json);

/// Calls `visit` with the component, or with every component inside it where it is a "Sequence"
/// whose parts are in the member `parts`, in order. Sequences may nest (the JSON depth is
/// limited).
void for_each_component(const base::JsonView& json, const char* parts,
                        const std::function<void(const base::JsonView&)>& visit);

/// Throws Error{kUnsupported}: "tokenizer.json: /decoder: the decoder CTC is not supported".
[[noreturn]] void refuse_type(const base::JsonView& json, const char* kind);

/// {"String": "..."} or {"Regex": "..."}. Throws: as Regex, or Error{kCorruptFile}.
Pattern parse_pattern(const base::JsonView& json);
base::Json to_json(const Pattern& pattern);

SplitBehavior parse_behavior(const base::JsonView& json);
std::string_view behavior_name(SplitBehavior behavior);

/// The member as a boolean, or `fallback` where it is absent or null.
bool bool_or(const base::JsonView& json, const char* key, bool fallback);

/// The member as a string, or `fallback` where it is absent or null.
std::string string_or(const base::JsonView& json, const char* key, std::string_view fallback);

}  // namespace minimax::text
