// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/sequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "text/jinja/runtime.h"
#include "text/jinja/search.h"
#include "text/jinja/unicode.h"

namespace minimax::text::jinja {
namespace {

// Python's rules for slices: negative counts from the end, and everything is clamped.
struct Resolved {
  std::int64_t start = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
};

Resolved resolve(const SliceBounds& bounds, std::int64_t size) {
  Resolved result{.step = bounds.step.value_or(1)};
  if (result.step == 0) {
    fail("slice step cannot be zero");
  }
  const bool forward = result.step > 0;
  const std::int64_t low = forward ? 0 : -1;
  const std::int64_t high = forward ? size : size - 1;
  const auto clamp = [&](std::optional<std::int64_t> bound, std::int64_t fallback) {
    if (!bound) {
      return fallback;
    }
    const std::int64_t place = *bound < 0 ? *bound + size : *bound;
    return std::clamp(place, low, high);
  };
  result.start = clamp(bounds.start, forward ? low : high);
  const std::int64_t stop = clamp(bounds.stop, forward ? high : low);
  result.count = Range{result.start, stop, result.step}.size();
  return result;
}

Value slice_text(Heap& heap, const Text& text, const SliceBounds& bounds) {
  heap.spend_bytes(size_of(text));
  const Resolved part = resolve(bounds, count_code_points(text.bytes));
  if (part.count == 0) {
    return slice_bytes(heap, text, 0, 0);
  }
  if (part.step == 1) {
    const std::int64_t begin = byte_offset(text.bytes, part.start);
    const auto rest = text.bytes.substr(static_cast<std::size_t>(begin));
    return slice_bytes(heap, text, begin, begin + byte_offset(rest, part.count));
  }
  TextBuilder builder(heap);
  std::pmr::vector<std::int64_t> offsets(heap.scratch());
  for (std::int64_t at = 0; at < size_of(text); at += code_point_length(text.bytes, at)) {
    offsets.push_back(at);
  }
  heap.spend_steps(static_cast<std::int64_t>(offsets.size() >> 2));
  for (std::int64_t i = 0; i < part.count; ++i) {
    const std::int64_t at = offsets[static_cast<std::size_t>(part.start + i * part.step)];
    builder.append(*slice_bytes(heap, text, at, at + code_point_length(text.bytes, at)));
  }
  return builder.finish();
}

Value slice_list(Heap& heap, const List& list, const SliceBounds& bounds) {
  const Resolved part = resolve(bounds, list.size);
  if (part.step == 1) {
    List result = list;
    result.begin += part.start;
    result.size = part.count;
    return heap.make<List>(result);
  }
  Values items(heap.scratch());
  heap.spend_steps(part.count >> 4);
  for (std::int64_t i = 0; i < part.count; ++i) {
    items.push_back(list.view()[static_cast<std::size_t>(part.start + i * part.step)]);
  }
  return make_list(heap, items, list.kind);
}

}  // namespace

bool is_iterable(const Value& value) {
  return is_text(value) || is_list(value) || is_dict(value) || is_undefined(value) ||
         is<const Range*>(value) || is<Iterator*>(value);
}

Cursor::Cursor(Heap& heap, const Value& value) : heap_(&heap), source_(value) {
  if (is_undefined(value)) {
    source_ = make_list(heap, {});
  } else if (!is_iterable(value)) {
    fail(fmt::format("'{}' object is not iterable", type_name(value)));
  }
}

bool Cursor::next(Value& element) {
  if (is_text(source_)) {
    const Text& text = as_text(source_);
    if (position_ >= size_of(text)) {
      return false;
    }
    const std::int64_t end = position_ + code_point_length(text.bytes, position_);
    element = slice_bytes(*heap_, text, position_, end);
    position_ = end;
    return true;
  }
  if (is<Iterator*>(source_)) {
    Iterator& iterator = *std::get<Iterator*>(source_);
    if (iterator.position >= iterator.list->size) {
      return false;
    }
    element = iterator.list->view()[static_cast<std::size_t>(iterator.position++)];
    return true;
  }
  if (position_ >= find_length(*heap_, source_).value_or(0)) {
    return false;
  }
  const auto index = static_cast<std::size_t>(position_);
  if (is_list(source_)) {
    element = as_list(source_).view()[index];
  } else if (is_dict(source_)) {
    element = as_dict(source_).entries[index].first;
  } else {
    element = std::get<const Range*>(source_)->at(position_);
  }
  ++position_;
  return true;
}

std::optional<std::int64_t> find_length(Heap& heap, const Value& value) {
  if (is_text(value)) {
    heap.spend_bytes(size_of(as_text(value)));
    return count_code_points(as_text(value).bytes);
  }
  if (is_list(value)) {
    return as_list(value).size;
  }
  if (is_dict(value)) {
    return static_cast<std::int64_t>(as_dict(value).entries.size());
  }
  if (is<const Range*>(value)) {
    return std::get<const Range*>(value)->size();
  }
  if (is_undefined(value)) {
    return 0;
  }
  return std::nullopt;
}

std::int64_t length(Heap& heap, const Value& value) {
  const std::optional<std::int64_t> found = find_length(heap, value);
  if (!found) {
    fail(fmt::format("object of type '{}' has no len()", type_name(value)));
  }
  return *found;
}

Values to_vector(Heap& heap, const Value& value) {
  Values items(heap.scratch());
  if (is_list(value)) {
    items.reserve(static_cast<std::size_t>(as_list(value).size));
  }
  Cursor cursor(heap, value);
  Value element;
  while (cursor.next(element)) {
    heap.spend_steps(is_list(value) ? 0 : 1);
    items.push_back(element);
  }
  heap.spend_steps(static_cast<std::int64_t>(items.size() >> 3));
  return items;
}

Value make_iterator(Heap& heap, std::span<const Value> items) {
  return heap.make<Iterator>(Iterator{make_list(heap, items), 0});
}

Value slice(Heap& heap, const Value& value, const SliceBounds& bounds) {
  if (is_undefined(value)) {
    fail_undefined(std::get<Undefined>(value));
  }
  if (is_text(value)) {
    return slice_text(heap, as_text(value), bounds);
  }
  if (is_list(value) && !as_list(value).is_view()) {
    return slice_list(heap, as_list(value), bounds);
  }
  if (is<const Range*>(value)) {
    const Range& range = *std::get<const Range*>(value);
    const Resolved part = resolve(bounds, range.size());
    const std::int64_t start = range.at(part.start);
    const std::int64_t step = range.step * part.step;
    return heap.make<Range>(Range{start, start + part.count * step, step});
  }
  fail(fmt::format("'{}' object cannot be sliced", type_name(value)));
}

bool contains(Heap& heap, const Value& container, const Value& element) {
  if (is_text(container)) {
    if (!is_text(element)) {
      fail(fmt::format("'in <string>' requires a string as left operand, found {}",
                       type_name(element)));
    }
    return find_bytes(heap, as_text(container).bytes, as_text(element).bytes) >= 0;
  }
  if (is_dict(container)) {
    return find(heap, as_dict(container), element) != nullptr;
  }
  if (!is_iterable(container)) {
    fail(fmt::format("argument of type '{}' is not iterable", type_name(container)));
  }
  Cursor cursor(heap, container);
  Value candidate;
  std::int64_t count = 0;
  while (cursor.next(candidate)) {
    heap.spend_steps((++count & 7) == 0 ? 1 : 0);
    if (equal(heap, candidate, element)) {
      return true;
    }
  }
  return false;
}

}  // namespace minimax::text::jinja
