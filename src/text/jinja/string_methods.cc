// SPDX-License-Identifier: Apache-2.0
// The methods of str that cut, join, pad and change case.
#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/search.h"
#include "text/jinja/sequence.h"
#include "text/jinja/string_format.h"
#include "text/jinja/text_operations.h"
#include "text/jinja/unicode.h"

namespace minimax::text::jinja {
namespace {

const Text& self_text(const Value& self) { return as_text(self); }

template <Sides sides>
Value strip_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("strip", arguments, {"chars"});
  return strip(runtime.heap(), self_text(self), bound.get_text(0), sides);
}

template <Case target>
Value case_method(Runtime& runtime, const Value& self, const Arguments&) {
  return change_case(runtime.heap(), self_text(self), target);
}

template <bool from_right>
Value split_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("split", arguments, {"sep", "maxsplit"});
  const SplitOptions options{bound.get_text(0), bound.integer_or(1, -1), from_right};
  return make_list(runtime.heap(), split(runtime.heap(), self_text(self), options));
}

Value splitlines_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("splitlines", arguments, {"keepends"});
  const LineEnds ends = bound.truthy_or(0, false) ? LineEnds::kKept : LineEnds::kDropped;
  return make_list(runtime.heap(), split_lines(runtime.heap(), self_text(self), ends));
}

template <bool from_right>
Value partition_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Text& separator = Bound("partition", arguments, {"sep"}).require_text(0);
  Heap& heap = runtime.heap();
  const Text& text = self_text(self);
  if (separator.bytes.empty()) {
    fail("partition(): empty separator");
  }
  const std::int64_t at = from_right ? find_last_bytes(heap, text.bytes, separator.bytes)
                                     : find_bytes(heap, text.bytes, separator.bytes);
  const Value empty = view_text(heap, "", Mark::kTemplate);
  if (at < 0) {
    const Value parts[] = {from_right ? empty : self, empty, from_right ? self : empty};
    return make_list(heap, parts, ListKind::kTuple);
  }
  const Value parts[] = {slice_bytes(heap, text, 0, at),
                         slice_bytes(heap, text, at, at + size_of(separator)),
                         slice_bytes(heap, text, at + size_of(separator), size_of(text))};
  return make_list(heap, parts, ListKind::kTuple);
}

Value join_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("join", arguments, {"iterable"});
  Heap& heap = runtime.heap();
  TextBuilder out(heap);
  std::int64_t count = 0;
  for (const Value& piece : to_vector(heap, bound.require(0))) {
    if (count++ > 0) {
      out.append(self_text(self));
    }
    out.append(expect_text(piece, fmt::format("join(): item {}", count - 1)));
  }
  return out.finish();
}

Value replace_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"});
  return replace(runtime.heap(), self_text(self),
                 {bound.require_text(0), bound.require_text(1), bound.integer_or(2, -1)});
}

Value remove_prefix_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Text& prefix = Bound("removeprefix", arguments, {"prefix"}).require_text(0);
  const Text& text = self_text(self);
  runtime.heap().spend_bytes(size_of(prefix));
  return text.bytes.starts_with(prefix.bytes)
             ? slice_bytes(runtime.heap(), text, size_of(prefix), size_of(text))
             : &text;
}

Value remove_suffix_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Text& suffix = Bound("removesuffix", arguments, {"suffix"}).require_text(0);
  const Text& text = self_text(self);
  runtime.heap().spend_bytes(size_of(suffix));
  return text.bytes.ends_with(suffix.bytes)
             ? slice_bytes(runtime.heap(), text, 0, size_of(text) - size_of(suffix))
             : &text;
}

template <char align>
Value justify_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("justify", arguments, {"width", "fillchar"});
  bound.require(0);
  const Text* fill = bound.get_text(1);
  return pad(runtime.heap(), self_text(self),
             {bound.integer_or(0, 0), fill == nullptr ? " " : fill->bytes, align});
}

Value zfill_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("zfill", arguments, {"width"});
  bound.require(0);
  Heap& heap = runtime.heap();
  const Text& text = self_text(self);
  heap.spend_bytes(size_of(text));
  const bool has_sign = text.bytes.starts_with('-') || text.bytes.starts_with('+');
  TextBuilder out(heap);
  out.append(*slice_bytes(heap, text, 0, has_sign ? 1 : 0));
  out.append_repeated('0', bound.integer_or(0, 0) - count_code_points(text.bytes));
  out.append(*slice_bytes(heap, text, has_sign ? 1 : 0, size_of(text)));
  return out.finish();
}

Value expandtabs_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const std::int64_t width = Bound("expandtabs", arguments, {"tabsize"}).integer_or(0, 8);
  Heap& heap = runtime.heap();
  const Text& text = self_text(self);
  TextBuilder out(heap);
  std::int64_t column = 0;
  for (std::int64_t at = 0; at < size_of(text);) {
    const std::int64_t end = at + code_point_length(text.bytes, at);
    const char c = text.bytes[static_cast<std::size_t>(at)];
    heap.spend_steps();
    if (c == '\t') {
      const std::int64_t spaces = width > 0 ? width - column % width : 0;
      out.append_repeated(' ', spaces, text.marks == nullptr ? text.mark : text.marks[at]);
      column += spaces;
    } else {
      out.append(*slice_bytes(heap, text, at, end));
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
    at = end;
  }
  return out.finish();
}

Value format_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return format_braces(runtime, self_text(self), arguments);
}

constexpr NamedBuiltin kMethods[] = {
    {"capitalize", case_method<Case::kCapitalized>},
    {"casefold", case_method<Case::kLower>},
    {"center", justify_method<'^'>},
    {"expandtabs", expandtabs_method},
    {"format", format_method},
    {"join", join_method},
    {"ljust", justify_method<'<'>},
    {"lower", case_method<Case::kLower>},
    {"lstrip", strip_method<Sides::kLeft>},
    {"partition", partition_method<false>},
    {"removeprefix", remove_prefix_method},
    {"removesuffix", remove_suffix_method},
    {"replace", replace_method},
    {"rjust", justify_method<'>'>},
    {"rpartition", partition_method<true>},
    {"rsplit", split_method<true>},
    {"rstrip", strip_method<Sides::kRight>},
    {"split", split_method<false>},
    {"splitlines", splitlines_method},
    {"strip", strip_method<Sides::kBoth>},
    {"swapcase", case_method<Case::kSwapped>},
    {"title", case_method<Case::kTitle>},
    {"upper", case_method<Case::kUpper>},
    {"zfill", zfill_method},
};

}  // namespace

std::span<const NamedBuiltin> string_methods() { return kMethods; }

}  // namespace minimax::text::jinja
