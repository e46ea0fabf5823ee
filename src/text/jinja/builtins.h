// SPDX-License-Identifier: Apache-2.0
// The names that every template can use: filters, tests, functions, and the methods of values.
// There is nothing else to reach: no object of the host program has a name here.
#pragma once

#include <span>
#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace minimax::text::jinja {

struct NamedBuiltin {
  std::string_view name;
  Builtin function;
};

/// Null where there is none of that name.
Builtin find_filter(std::string_view name);
Builtin find_test(std::string_view name);
Builtin find_function(std::string_view name);

/// A method of a value. `is_refused`: Python has it, but it would change the value.
struct Method {
  Builtin function = nullptr;
  bool is_refused = false;
};
Method find_method(const Value& object, std::string_view name);

/// item[path], where a string is a path such as "function.name" or "parts.0". Where a step finds
/// nothing, `fallback` takes its place unless it is null.
Value attribute_path(Runtime& runtime, const Value& item, const Value& path,
                     const Value* fallback = nullptr);

// The tables behind these, each in the file of its subject.
std::span<const NamedBuiltin> text_filters();
std::span<const NamedBuiltin> sequence_filters();
std::span<const NamedBuiltin> selection_filters();
std::span<const NamedBuiltin> number_filters();
std::span<const NamedBuiltin> string_methods();
std::span<const NamedBuiltin> string_search_methods();
std::span<const NamedBuiltin> string_class_methods();

}  // namespace minimax::text::jinja
