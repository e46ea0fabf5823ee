// SPDX-License-Identifier: Apache-2.0
// The values of a template, with the meaning that Python gives to them. A Value is a small copyable
// handle; what it points to lives in the heap of the rendering and, but for namespaces and
// iterators, never changes.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/marked_text.h"

namespace minimax::text::jinja {

struct List;
struct Dict;
struct Range;
struct Iterator;
struct Namespace;
struct Callable;
struct Loop;
struct UndefinedInfo;

struct Undefined {
  const UndefinedInfo* info = nullptr;
};
struct None {};

using Value =
    std::variant<Undefined, None, bool, std::int64_t, double, const Text*, const List*, const Dict*,
                 const Range*, Iterator*, Namespace*, const Callable*, Loop*>;

/// Values that are held while a builtin runs. Make it with heap.scratch(), so that it counts.
using Values = std::pmr::vector<Value>;

/// Why a value is missing, for the message when it is used.
struct UndefinedInfo {
  std::string_view name;
  std::string_view owner;   // the type of the object that lacks it; empty for a variable
  bool is_refused = false;  // it exists in Python, but the sandbox does not give it out
};

enum class ListKind { kList, kTuple, kKeys, kValues, kItems };

/// A range of a buffer that only grows, so that `list = list + [x]` in a loop stays linear.
struct List {
  Values* items = nullptr;
  std::int64_t begin = 0;
  std::int64_t size = 0;
  ListKind kind = ListKind::kList;

  /// What keys(), values() and items() give: it has a length, but no index and no operators.
  bool is_view() const { return kind != ListKind::kList && kind != ListKind::kTuple; }

  std::span<const Value> view() const {
    return std::span<const Value>(*items).subspan(static_cast<std::size_t>(begin),
                                                  static_cast<std::size_t>(size));
  }
};

using DictEntry = std::pair<Value, Value>;

/// Keys in the order of insertion. Keys are strings, numbers, booleans, None or tuples of them.
struct Dict {
  explicit Dict(Heap& heap) : entries(&heap) {}
  std::pmr::vector<DictEntry> entries;
};

struct Range {
  std::int64_t start = 0;
  std::int64_t stop = 0;
  std::int64_t step = 1;

  std::int64_t size() const;
  std::int64_t at(std::int64_t index) const { return start + index * step; }
};

/// What filters such as `map` give: can be walked once, and has neither length nor items.
struct Iterator {
  const List* list = nullptr;
  std::int64_t position = 0;
};

/// The one object that a template may change: `set ns.name = ...`.
struct Namespace {
  explicit Namespace(Heap& heap) : entries(&heap) {}
  std::pmr::vector<std::pair<std::string_view, Value>> entries;

  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
};

template <class T>
bool is(const Value& value) {
  return std::holds_alternative<T>(value);
}
inline bool is_undefined(const Value& value) { return is<Undefined>(value); }
inline bool is_none(const Value& value) { return is<None>(value); }
inline bool is_text(const Value& value) { return is<const Text*>(value); }
inline bool is_list(const Value& value) { return is<const List*>(value); }
inline bool is_dict(const Value& value) { return is<const Dict*>(value); }
/// int or bool, which Python counts as an int.
inline bool is_integral(const Value& value) { return is<std::int64_t>(value) || is<bool>(value); }
inline bool is_number(const Value& value) { return is_integral(value) || is<double>(value); }

inline const Text& as_text(const Value& value) { return *std::get<const Text*>(value); }
inline const List& as_list(const Value& value) { return *std::get<const List*>(value); }
inline const Dict& as_dict(const Value& value) { return *std::get<const Dict*>(value); }
/// Requires: is_integral(value).
std::int64_t as_integer(const Value& value);
/// Requires: is_number(value).
double as_double(const Value& value);

/// The name of the type as Python says it: "str", "int", "NoneType" ...
std::string_view type_name(const Value& value);

bool truthy(const Value& value);

/// `left == right`.
bool equal(Heap& heap, const Value& left, const Value& right);

/// Negative, zero or positive as `left` is less, equal or greater.
/// Throws: Error{kInvalidArgument} where Python has no order for the two types.
int compare(Heap& heap, const Value& left, const Value& right);

/// The value of that key, or null.
const Value* find(Heap& heap, const Dict& dict, const Value& key);
const Value* find(Heap& heap, const Dict& dict, std::string_view key);
/// Throws: Error{kInvalidArgument} for what cannot be a key: lists and dicts, also within tuples.
void check_hashable(Heap& heap, const Value& key);
/// Adds or replaces an entry. Throws: Error{kInvalidArgument} for a key that cannot be hashed.
void insert(Heap& heap, Dict& dict, const Value& key, const Value& value);

const List* make_list(Heap& heap, std::span<const Value> items, ListKind kind = ListKind::kList);
/// The items of both; `left` is extended in place where possible.
const List* concatenate(Heap& heap, const List& left, const List& right);

/// Throws Error{kInvalidArgument}; the interpreter adds the line.
[[noreturn]] void fail(const std::string& message);

}  // namespace minimax::text::jinja
