// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/runtime.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "text/jinja/builtins.h"
#include "text/jinja/sequence.h"
#include "text/jinja/unicode.h"

namespace minimax::text::jinja {
namespace {

Value undefined(Heap& heap, std::string_view name, const Value& owner) {
  return Undefined{heap.make<UndefinedInfo>(UndefinedInfo{name, type_name(owner), false})};
}

const Value* find_item(Heap& heap, const Value& object, const Value& key) {
  if (is_dict(object)) {
    return is_list(key) && as_list(key).kind != ListKind::kTuple ? nullptr
                                                                 : find(heap, as_dict(object), key);
  }
  const bool is_indexable = is_list(object) && !as_list(object).is_view();
  if (!is_indexable || !is_integral(key)) {
    return nullptr;
  }
  const List& list = as_list(object);
  const std::int64_t index = as_integer(key) + (as_integer(key) < 0 ? list.size : 0);
  const bool is_inside = index >= 0 && index < list.size;
  return is_inside ? &list.view()[static_cast<std::size_t>(index)] : nullptr;
}

// The code point of that index, or undefined.
Value character(Heap& heap, const Text& text, std::int64_t index, const Value& object) {
  heap.spend_bytes(size_of(text));
  const std::int64_t count = count_code_points(text.bytes);
  const std::int64_t place = index + (index < 0 ? count : 0);
  if (place < 0 || place >= count) {
    return undefined(heap, "", object);
  }
  const std::int64_t begin = byte_offset(text.bytes, place);
  return slice_bytes(heap, text, begin, begin + code_point_length(text.bytes, begin));
}

}  // namespace

Value Runtime::method_or_undefined(const Value& object, std::string_view name) {
  const Method method = find_method(object, name);
  if (method.is_refused || name.starts_with("__")) {
    return Undefined{heap_.make<UndefinedInfo>(UndefinedInfo{name, type_name(object), true})};
  }
  if (method.function == nullptr) {
    return undefined(heap_, name, object);
  }
  return heap_.make<Callable>(Callable{name, method.function, object, nullptr, nullptr});
}

Value Runtime::attribute(const Value& object, const Text& name) {
  if (is_undefined(object)) {
    fail_undefined(std::get<Undefined>(object));
  }
  if (is<Namespace*>(object)) {
    const Value* found = std::get<Namespace*>(object)->find(name.bytes);
    return found != nullptr ? *found : undefined(heap_, name.bytes, object);
  }
  if (is<Loop*>(object)) {
    return loop_attribute(*std::get<Loop*>(object), name.bytes);
  }
  const Value method = method_or_undefined(object, name.bytes);
  const bool is_method = !is_undefined(method) || find_method(object, name.bytes).is_refused;
  if (is_method || !is_dict(object)) {
    return method;
  }
  const Value* found = find(heap_, as_dict(object), name.bytes);
  return found != nullptr ? *found : method;
}

Value Runtime::item(const Value& object, const Value& key) {
  if (is_undefined(object)) {
    fail_undefined(std::get<Undefined>(object));
  }
  if (const Value* found = find_item(heap_, object, key); found != nullptr) {
    return *found;
  }
  if (is_text(object) && is_integral(key)) {
    return character(heap_, as_text(object), as_integer(key), object);
  }
  if (is<const Range*>(object) && is_integral(key)) {
    const Range& range = *std::get<const Range*>(object);
    const std::int64_t index = as_integer(key) + (as_integer(key) < 0 ? range.size() : 0);
    return index >= 0 && index < range.size() ? Value(range.at(index))
                                              : undefined(heap_, "", object);
  }
  if (is_text(key)) {
    return is<Namespace*>(object) || is<Loop*>(object)
               ? attribute(object, as_text(key))
               : method_or_undefined(object, as_text(key).bytes);
  }
  return undefined(heap_, "", object);
}

Bound::Bound(std::string_view function, const Arguments& arguments,
             std::initializer_list<std::string_view> parameters)
    : function_(function), parameters_(parameters), values_(parameters.size(), nullptr) {
  if (arguments.positional.size() > parameters_.size()) {
    fail(fmt::format("{}() takes at most {} arguments, found {}", function, parameters_.size(),
                     arguments.positional.size()));
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) {
    values_[i] = &arguments.positional[i];
  }
  for (const auto& [name, value] : arguments.named) {
    const auto it = std::ranges::find(parameters_, name);
    if (it == parameters_.end()) {
      fail(fmt::format("{}() has no argument '{}'", function, base::printable(name, 40)));
    }
    values_[static_cast<std::size_t>(it - parameters_.begin())] = &value;
  }
}

const Value& Bound::require(std::size_t index) const {
  if (values_[index] == nullptr) {
    fail(fmt::format("{}() needs an argument '{}'", function_, parameters_[index]));
  }
  return *values_[index];
}

Value Bound::get_or(std::size_t index, Value fallback) const {
  return values_[index] == nullptr ? fallback : *values_[index];
}

bool Bound::truthy_or(std::size_t index, bool fallback) const {
  return values_[index] == nullptr ? fallback : truthy(*values_[index]);
}

std::int64_t Bound::integer_or(std::size_t index, std::int64_t fallback) const {
  return values_[index] == nullptr
             ? fallback
             : expect_integer(*values_[index],
                              fmt::format("{}(): {}", function_, parameters_[index]));
}

const Text& Bound::require_text(std::size_t index) const {
  return expect_text(require(index), fmt::format("{}(): {}", function_, parameters_[index]));
}

const Text* Bound::get_text(std::size_t index) const {
  const bool is_absent = values_[index] == nullptr || is_none(*values_[index]);
  return is_absent ? nullptr : &require_text(index);
}

const Text& expect_text(const Value& value, std::string_view what) {
  if (is_undefined(value)) {
    fail_undefined(std::get<Undefined>(value));
  }
  if (!is_text(value)) {
    fail(fmt::format("{}: expected a string, found {}", what, type_name(value)));
  }
  return as_text(value);
}

std::int64_t expect_integer(const Value& value, std::string_view what) {
  if (is_undefined(value)) {
    fail_undefined(std::get<Undefined>(value));
  }
  if (!is_integral(value)) {
    fail(fmt::format("{}: expected an integer, found {}", what, type_name(value)));
  }
  return as_integer(value);
}

void fail_undefined(const Undefined& undefined) {
  if (undefined.info == nullptr) {
    fail("a value is undefined");
  }
  const UndefinedInfo& info = *undefined.info;
  const std::string name = base::printable(info.name, 80);
  if (info.is_refused) {
    fail(fmt::format("access to attribute '{}' of '{}' is refused", name, info.owner));
  }
  if (info.owner.empty()) {
    fail(fmt::format("'{}' is undefined", name));
  }
  if (info.name.empty()) {
    fail(fmt::format("an index or key is not in the '{}'", info.owner));
  }
  fail(fmt::format("'{} object' has no attribute '{}'", info.owner, name));
}

}  // namespace minimax::text::jinja
