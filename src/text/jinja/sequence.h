// SPDX-License-Identifier: Apache-2.0
// Walking, measuring and slicing whatever Python can iterate.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "text/jinja/value.h"

namespace minimax::text::jinja {

/// Gives the elements of a value one after the other: the code points of a string, the keys of a
/// dict. Throws: Error{kInvalidArgument} at construction for what cannot be iterated.
class Cursor {
 public:
  Cursor(Heap& heap, const Value& value);

  /// False at the end.
  bool next(Value& element);

 private:
  Heap* heap_;
  Value source_;
  std::int64_t position_ = 0;
};

bool is_iterable(const Value& value);

/// len(value), where it has one.
std::optional<std::int64_t> find_length(Heap& heap, const Value& value);
/// Throws: Error{kInvalidArgument} where it has none.
std::int64_t length(Heap& heap, const Value& value);

/// list(value).
Values to_vector(Heap& heap, const Value& value);

/// A value that can be walked once and has no length, as Python's generators.
Value make_iterator(Heap& heap, std::span<const Value> items);

struct SliceBounds {
  std::optional<std::int64_t> start;
  std::optional<std::int64_t> stop;
  std::optional<std::int64_t> step;
};

/// value[start:stop:step]. Throws: Error{kInvalidArgument} for what cannot be sliced.
Value slice(Heap& heap, const Value& value, const SliceBounds& bounds);

/// `element in container`.
bool contains(Heap& heap, const Value& container, const Value& element);

}  // namespace minimax::text::jinja
