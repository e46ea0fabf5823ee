// SPDX-License-Identifier: Apache-2.0
// The filters that apply other filters and tests to every item: map, select, reject and theirs by
// attribute.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "text/jinja/builtins.h"
#include "text/jinja/sequence.h"

namespace minimax::text::jinja {
namespace {

bool is_index(std::string_view part) {
  return !part.empty() && part.size() < 10 &&
         std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
}

// The arguments from `count` on.
Arguments without_first(Heap& heap, const Arguments& arguments, std::size_t count) {
  Arguments rest(heap);
  const auto dropped = static_cast<std::ptrdiff_t>(std::min(count, arguments.positional.size()));
  rest.positional.assign(arguments.positional.begin() + dropped, arguments.positional.end());
  rest.named.assign(arguments.named.begin(), arguments.named.end());
  return rest;
}

Builtin require_builtin(Builtin (*find)(std::string_view), const Value& name,
                        std::string_view kind) {
  const Text& text = expect_text(name, kind);
  const Builtin found = find(text.bytes);
  if (found == nullptr) {
    fail(fmt::format("unknown {} '{}'", kind, base::printable(text.bytes, 40)));
  }
  return found;
}

const Value* find_named(const Arguments& arguments, std::string_view name) {
  const auto it =
      std::ranges::find(arguments.named, name, &std::pair<std::string_view, Value>::first);
  return it == arguments.named.end() ? nullptr : &it->second;
}

Value map_attribute(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Value* fallback = find_named(arguments, "default");
  Values results(runtime.heap().scratch());
  for (const Value& item : to_vector(runtime.heap(), subject)) {
    runtime.heap().spend_steps();
    results.push_back(attribute_path(runtime, item, *find_named(arguments, "attribute"), fallback));
  }
  return make_iterator(runtime.heap(), results);
}

Value map_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  if (!truthy(subject)) {
    return make_iterator(runtime.heap(), {});  // None and the like, too
  }
  if (arguments.positional.empty() && find_named(arguments, "attribute") != nullptr) {
    return map_attribute(runtime, subject, arguments);
  }
  if (arguments.positional.empty()) {
    fail("map: expected the name of a filter");
  }
  const Builtin filter = require_builtin(find_filter, arguments.positional[0], "filter");
  const Arguments rest = without_first(runtime.heap(), arguments, 1);
  const DepthGuard guard(runtime.heap());
  Values results(runtime.heap().scratch());
  for (const Value& item : to_vector(runtime.heap(), subject)) {
    runtime.heap().spend_steps();
    results.push_back(filter(runtime, item, rest));
  }
  return make_iterator(runtime.heap(), results);
}

// select, reject (attributes: 0) and selectattr, rejectattr (1).
template <std::size_t attributes, bool wanted>
Value select_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  if (!truthy(subject)) {
    return make_iterator(runtime.heap(), {});
  }
  if (arguments.positional.size() < attributes) {
    fail("selectattr or rejectattr: expected the name of an attribute");
  }
  const bool has_test = arguments.positional.size() > attributes;
  const Builtin test =
      has_test ? require_builtin(find_test, arguments.positional[attributes], "test") : nullptr;
  const Arguments rest = without_first(runtime.heap(), arguments, attributes + 1);
  const DepthGuard guard(runtime.heap());
  Values kept(runtime.heap().scratch());
  for (const Value& item : to_vector(runtime.heap(), subject)) {
    runtime.heap().spend_steps();
    const Value value =
        attributes == 0 ? item : attribute_path(runtime, item, arguments.positional[0]);
    if (truthy(has_test ? test(runtime, value, rest) : value) == wanted) {
      kept.push_back(item);
    }
  }
  return make_iterator(runtime.heap(), kept);
}

constexpr NamedBuiltin kFilters[] = {
    {"map", map_filter},
    {"reject", select_filter<0, false>},
    {"rejectattr", select_filter<1, false>},
    {"select", select_filter<0, true>},
    {"selectattr", select_filter<1, true>},
};

}  // namespace

Value attribute_path(Runtime& runtime, const Value& item, const Value& path,
                     const Value* fallback) {
  if (!is_text(path)) {
    return runtime.item(item, path);
  }
  Value value = item;
  std::string_view rest = as_text(path).bytes;
  while (true) {
    const std::size_t dot = std::min(rest.find('.'), rest.size());
    const std::string_view part = rest.substr(0, dot);
    std::int64_t index = 0;
    std::from_chars(part.data(), part.data() + part.size(), index);
    value = is_index(part) ? runtime.item(value, index)
                           : runtime.item(value, view_text(runtime.heap(), part, Mark::kTemplate));
    if (is_undefined(value) && fallback != nullptr && !is_none(*fallback)) {
      value = *fallback;
    }
    if (dot == rest.size()) {
      return value;
    }
    rest.remove_prefix(dot + 1);
  }
}

std::span<const NamedBuiltin> selection_filters() { return kFilters; }

}  // namespace minimax::text::jinja
