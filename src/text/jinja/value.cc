// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "minimax/error.h"

namespace minimax::text::jinja {
namespace {

template <class T>
int order(T left, T right) {
  return left < right ? -1 : (right < left ? 1 : 0);
}

bool equal_lists(Heap& heap, const List& left, const List& right) {
  if (left.size != right.size || left.kind != right.kind) {
    return false;
  }
  const DepthGuard guard(heap);
  for (std::size_t i = 0; i < left.view().size(); ++i) {
    heap.spend_steps();
    if (!equal(heap, left.view()[i], right.view()[i])) {
      return false;
    }
  }
  return true;
}

bool equal_dicts(Heap& heap, const Dict& left, const Dict& right) {
  if (left.entries.size() != right.entries.size()) {
    return false;
  }
  const DepthGuard guard(heap);
  for (const auto& [key, value] : left.entries) {
    const Value* other = find(heap, right, key);
    if (other == nullptr || !equal(heap, value, *other)) {
      return false;
    }
  }
  return true;
}

bool equal_numbers(const Value& left, const Value& right) {
  if (is_integral(left) && is_integral(right)) {
    return as_integer(left) == as_integer(right);
  }
  return as_double(left) == as_double(right);
}

int compare_lists(Heap& heap, const List& left, const List& right) {
  const DepthGuard guard(heap);
  const auto shared = static_cast<std::size_t>(std::min(left.size, right.size));
  for (std::size_t i = 0; i < shared; ++i) {
    heap.spend_steps();
    if (!equal(heap, left.view()[i], right.view()[i])) {
      return compare(heap, left.view()[i], right.view()[i]);
    }
  }
  return order(left.size, right.size);
}

bool is_same_object(const Value& left, const Value& right) {
  return std::visit(
      [&]<class T>(T pointer) {
        if constexpr (std::is_pointer_v<T>) {
          return pointer == std::get<T>(right);
        } else {
          return false;
        }
      },
      left);
}

// The place of a key in the entries, or their number.
std::size_t index_of(Heap& heap, const Dict& dict, std::string_view key) {
  heap.spend_steps(static_cast<std::int64_t>(dict.entries.size() >> 4));
  const auto it = std::ranges::find_if(dict.entries, [&](const DictEntry& entry) {
    if (!is_text(entry.first) || as_text(entry.first).bytes.size() != key.size()) {
      return false;
    }
    heap.spend_bytes(static_cast<std::int64_t>(key.size()));
    return as_text(entry.first).bytes == key;
  });
  return static_cast<std::size_t>(it - dict.entries.begin());
}

std::size_t index_of(Heap& heap, const Dict& dict, const Value& key) {
  if (is_text(key)) {
    return index_of(heap, dict, as_text(key).bytes);
  }
  check_hashable(heap, key);
  heap.spend_steps(static_cast<std::int64_t>(dict.entries.size() >> 2));
  const auto it = std::ranges::find_if(
      dict.entries, [&](const DictEntry& entry) { return equal(heap, entry.first, key); });
  return static_cast<std::size_t>(it - dict.entries.begin());
}

struct TypeNames {
  std::string_view operator()(Undefined) const { return "Undefined"; }
  std::string_view operator()(None) const { return "NoneType"; }
  std::string_view operator()(bool) const { return "bool"; }
  std::string_view operator()(std::int64_t) const { return "int"; }
  std::string_view operator()(double) const { return "float"; }
  std::string_view operator()(const Text*) const { return "str"; }
  std::string_view operator()(const List* list) const {
    switch (list->kind) {
      case ListKind::kList:
        return "list";
      case ListKind::kTuple:
        return "tuple";
      case ListKind::kKeys:
        return "dict_keys";
      case ListKind::kValues:
        return "dict_values";
      case ListKind::kItems:
        return "dict_items";
    }
    return "list";
  }
  std::string_view operator()(const Dict*) const { return "dict"; }
  std::string_view operator()(const Range*) const { return "range"; }
  std::string_view operator()(Iterator*) const { return "generator"; }
  std::string_view operator()(Namespace*) const { return "Namespace"; }
  std::string_view operator()(const Callable*) const { return "function"; }
  std::string_view operator()(Loop*) const { return "LoopContext"; }
};

}  // namespace

void check_hashable(Heap& heap, const Value& key) {
  if (is_list(key) && as_list(key).kind == ListKind::kTuple) {
    const DepthGuard guard(heap);
    for (const Value& item : as_list(key).view()) {
      heap.spend_steps();
      check_hashable(heap, item);
    }
    return;
  }
  if (is_list(key) || is_dict(key)) {
    fail(fmt::format("unhashable type: '{}'", type_name(key)));
  }
}

void fail(const std::string& message) { throw Error(ErrorCode::kInvalidArgument, message); }

std::int64_t Range::size() const {
  if (step > 0) {
    return start < stop ? (stop - start - 1) / step + 1 : 0;
  }
  return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

const Value* Namespace::find(std::string_view name) const {
  const auto it = std::ranges::find(entries, name, &std::pair<std::string_view, Value>::first);
  return it == entries.end() ? nullptr : &it->second;
}

void Namespace::set(std::string_view name, Value value) {
  const auto it = std::ranges::find(entries, name, &std::pair<std::string_view, Value>::first);
  if (it == entries.end()) {
    entries.emplace_back(name, value);
  } else {
    it->second = value;
  }
}

std::int64_t as_integer(const Value& value) {
  return is<bool>(value) ? std::int64_t{std::get<bool>(value)} : std::get<std::int64_t>(value);
}

double as_double(const Value& value) {
  return is<double>(value) ? std::get<double>(value) : static_cast<double>(as_integer(value));
}

std::string_view type_name(const Value& value) { return std::visit(TypeNames{}, value); }

bool truthy(const Value& value) {
  if (is_text(value)) {
    return !as_text(value).bytes.empty();
  }
  if (is_list(value)) {
    return as_list(value).size > 0;
  }
  if (is_dict(value)) {
    return !as_dict(value).entries.empty();
  }
  if (is_number(value)) {
    return as_double(value) != 0;
  }
  if (is<const Range*>(value)) {
    return std::get<const Range*>(value)->size() > 0;
  }
  return !is_undefined(value) && !is_none(value);
}

bool equal(Heap& heap, const Value& left, const Value& right) {
  if (is_number(left) && is_number(right)) {
    return equal_numbers(left, right);
  }
  if (left.index() != right.index()) {
    return false;
  }
  if (is_text(left)) {
    heap.spend_bytes(std::min(size_of(as_text(left)), size_of(as_text(right))));
    return as_text(left).bytes == as_text(right).bytes;
  }
  if (is_list(left)) {
    return equal_lists(heap, as_list(left), as_list(right));
  }
  if (is_dict(left)) {
    return equal_dicts(heap, as_dict(left), as_dict(right));
  }
  if (is_undefined(left) || is_none(left)) {
    return true;
  }
  if (is<const Range*>(left)) {
    const Range& a = *std::get<const Range*>(left);
    const Range& b = *std::get<const Range*>(right);
    return a.size() == b.size() && (a.size() == 0 || (a.start == b.start && a.at(1) == b.at(1)));
  }
  return is_same_object(left, right);
}

int compare(Heap& heap, const Value& left, const Value& right) {
  if (is_integral(left) && is_integral(right)) {
    return order(as_integer(left), as_integer(right));
  }
  if (is_number(left) && is_number(right)) {
    return order(as_double(left), as_double(right));
  }
  if (is_text(left) && is_text(right)) {
    heap.spend_bytes(std::min(size_of(as_text(left)), size_of(as_text(right))));
    return as_text(left).bytes.compare(as_text(right).bytes);
  }
  if (is_list(left) && is_list(right) && as_list(left).kind == as_list(right).kind) {
    return compare_lists(heap, as_list(left), as_list(right));
  }
  fail(
      fmt::format("cannot order values of types '{}' and '{}'", type_name(left), type_name(right)));
}

const Value* find(Heap& heap, const Dict& dict, const Value& key) {
  const std::size_t index = index_of(heap, dict, key);
  return index < dict.entries.size() ? &dict.entries[index].second : nullptr;
}

const Value* find(Heap& heap, const Dict& dict, std::string_view key) {
  const std::size_t index = index_of(heap, dict, key);
  return index < dict.entries.size() ? &dict.entries[index].second : nullptr;
}

void insert(Heap& heap, Dict& dict, const Value& key, const Value& value) {
  const std::size_t index = index_of(heap, dict, key);
  if (index < dict.entries.size()) {
    dict.entries[index].second = value;
  } else {
    dict.entries.emplace_back(key, value);
  }
}

const List* make_list(Heap& heap, std::span<const Value> items, ListKind kind) {
  auto* storage = heap.make<Values>(items.begin(), items.end(), &heap);
  heap.spend_steps(static_cast<std::int64_t>(items.size() >> 4));
  return heap.make<List>(List{storage, 0, static_cast<std::int64_t>(items.size()), kind});
}

const List* concatenate(Heap& heap, const List& left, const List& right) {
  heap.spend_steps(right.size >> 4);
  List result = left;
  const bool ends_the_buffer =
      left.begin + left.size == static_cast<std::int64_t>(left.items->size()) && left.size > 0;
  if (!ends_the_buffer) {
    heap.spend_steps(left.size >> 4);
    result.items = heap.make<Values>(left.view().begin(), left.view().end(), &heap);
    result.begin = 0;
  }
  // `right` may be in the same buffer: look at it again after every step.
  for (std::size_t i = 0; i < static_cast<std::size_t>(right.size); ++i) {
    const Value item = right.view()[i];
    result.items->push_back(item);
  }
  result.size += right.size;
  return heap.make<List>(result);
}

}  // namespace minimax::text::jinja
