// SPDX-License-Identifier: Apache-2.0
// Looking builtins up by name, the functions, and the methods of dict and list.
#include "text/jinja/builtins.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "minimax/error.h"
#include "text/jinja/format.h"
#include "text/jinja/sequence.h"

namespace minimax::text::jinja {
namespace {

Builtin find_in(std::span<const NamedBuiltin> table, std::string_view name) {
  const auto it = std::ranges::find(table, name, &NamedBuiltin::name);
  return it == table.end() ? nullptr : it->function;
}

Value range_function(Runtime& runtime, const Value&, const Arguments& arguments) {
  constexpr std::int64_t kMaxRange = 100'000;  // as the sandbox of Jinja
  const Bound bound("range", arguments, {"start", "stop", "step"});
  const std::int64_t first = expect_integer(bound.require(0), "range()");
  Range range{0, first, bound.integer_or(2, 1)};
  if (bound.get(1) != nullptr) {
    range.start = first;
    range.stop = bound.integer_or(1, 0);
  }
  if (range.step == 0) {
    fail("range(): the step must not be zero");
  }
  const double size = (static_cast<double>(range.stop) - static_cast<double>(range.start)) /
                      static_cast<double>(range.step);
  if (size > kMaxRange) {
    fail(fmt::format("range(): expected at most {} numbers, found more", kMaxRange));
  }
  return runtime.heap().make<Range>(range);
}

// dict(mapping, key=value, ...)
Value dict_function(Runtime& runtime, const Value&, const Arguments& arguments) {
  Heap& heap = runtime.heap();
  auto* dict = heap.make<Dict>(heap);
  for (const Value& source : arguments.positional) {
    if (is_dict(source)) {
      dict->entries = as_dict(source).entries;
      continue;
    }
    for (const Value& entry : to_vector(heap, source)) {
      const Values pair = to_vector(heap, entry);
      if (pair.size() != 2) {
        fail("dict(): expected pairs of key and value");
      }
      insert(heap, *dict, pair[0], pair[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) {
    insert(heap, *dict, make_text(heap, name), value);
  }
  return dict;
}

Value namespace_function(Runtime& runtime, const Value&, const Arguments& arguments) {
  Heap& heap = runtime.heap();
  auto* names = heap.make<Namespace>(heap);
  for (const Value& source : arguments.positional) {
    if (!is_dict(source)) {
      fail(fmt::format("namespace(): expected a dict, found {}", type_name(source)));
    }
    for (const auto& [key, value] : as_dict(source).entries) {
      heap.spend_steps(1 + static_cast<std::int64_t>(names->entries.size() >> 4));
      names->set(expect_text(key, "namespace()").bytes, value);
    }
  }
  for (const auto& [name, value] : arguments.named) {
    names->set(make_text(heap, name)->bytes, value);
  }
  return names;
}

Value raise_exception_function(Runtime& runtime, const Value&, const Arguments& arguments) {
  const Bound bound("raise_exception", arguments, {"message"});
  throw RaisedError(std::string(to_text(runtime.heap(), bound.require(0))->bytes));
}

Value strftime_now_function(Runtime& runtime, const Value&, const Arguments& arguments) {
  const Text& format = Bound("strftime_now", arguments, {"format"}).require_text(0);
  if (format.bytes.empty()) {
    return &format;
  }
  std::array<char, 1024> buffer{};
  const std::string terminated(format.bytes);
  const std::size_t length =
      std::strftime(buffer.data(), buffer.size(), terminated.c_str(), &runtime.now());
  if (length == 0) {
    fail("strftime_now(): the format gives nothing or too much");
  }
  return make_text(runtime.heap(), std::string_view(buffer.data(), length), mark_of(format));
}

constexpr NamedBuiltin kFunctions[] = {
    {"dict", dict_function},
    {"namespace", namespace_function},
    {"raise_exception", raise_exception_function},
    {"range", range_function},
    {"strftime_now", strftime_now_function},
};

template <ListKind kind>
Value dict_view(Runtime& runtime, const Value& self, const Arguments&) {
  Heap& heap = runtime.heap();
  Values items(heap.scratch());
  for (const auto& [key, value] : as_dict(self).entries) {
    heap.spend_steps();
    if (kind == ListKind::kItems) {
      const Value both[] = {key, value};
      items.emplace_back(make_list(heap, both, ListKind::kTuple));
    } else {
      items.push_back(kind == ListKind::kKeys ? key : value);
    }
  }
  return make_list(heap, items, kind);
}

Value dict_get(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("get", arguments, {"key", "default"});
  const Value* found = find(runtime.heap(), as_dict(self), bound.require(0));
  return found != nullptr ? *found : bound.get_or(1, None{});
}

Value copy_method(Runtime&, const Value& self, const Arguments&) { return self; }

Value list_index(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("index", arguments, {"value"});
  std::int64_t index = 0;
  for (const Value& item : as_list(self).view()) {
    runtime.heap().spend_steps();
    if (equal(runtime.heap(), item, bound.require(0))) {
      return index;
    }
    ++index;
  }
  fail("index(): the value is not in the list");
}

Value list_count(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("count", arguments, {"value"});
  std::int64_t count = 0;
  for (const Value& item : as_list(self).view()) {
    runtime.heap().spend_steps();
    count += equal(runtime.heap(), item, bound.require(0)) ? 1 : 0;
  }
  return count;
}

constexpr NamedBuiltin kDictMethods[] = {
    {"copy", copy_method},
    {"get", dict_get},
    {"items", dict_view<ListKind::kItems>},
    {"keys", dict_view<ListKind::kKeys>},
    {"values", dict_view<ListKind::kValues>},
};
constexpr std::string_view kRefusedDictMethods[] = {"clear", "pop", "popitem", "setdefault",
                                                    "update"};

constexpr NamedBuiltin kListMethods[] = {
    {"copy", copy_method},
    {"count", list_count},
    {"index", list_index},
};
constexpr std::string_view kRefusedListMethods[] = {"append", "clear",  "extend",  "insert",
                                                    "pop",    "remove", "reverse", "sort"};

bool is_in(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

Builtin find_filter(std::string_view name) {
  for (const auto& table :
       {text_filters(), sequence_filters(), selection_filters(), number_filters()}) {
    if (const Builtin found = find_in(table, name); found != nullptr) {
      return found;
    }
  }
  return nullptr;
}

Builtin find_function(std::string_view name) { return find_in(kFunctions, name); }

Method find_method(const Value& object, std::string_view name) {
  if (is_dict(object)) {
    return {find_in(kDictMethods, name), is_in(kRefusedDictMethods, name)};
  }
  if (is_list(object) && !as_list(object).is_view()) {
    const bool is_list_itself = as_list(object).kind == ListKind::kList;
    return {find_in(kListMethods, name), is_list_itself && is_in(kRefusedListMethods, name)};
  }
  if (!is_text(object)) {
    return {};
  }
  for (const auto& table : {string_methods(), string_search_methods(), string_class_methods()}) {
    if (const Builtin found = find_in(table, name); found != nullptr) {
      return {found, false};
    }
  }
  return {};
}

}  // namespace minimax::text::jinja
