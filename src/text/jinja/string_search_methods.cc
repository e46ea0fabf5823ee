// SPDX-License-Identifier: Apache-2.0
// The methods of str that look for text, and those that ask what kind of characters it has.
#include <algorithm>

#include "text/jinja/builtins.h"
#include "text/jinja/search.h"
#include "text/jinja/text_operations.h"
#include "text/jinja/unicode.h"
#include "text/utf8.h"

namespace minimax::text::jinja {
namespace {

/// The part of a string that optional `start` and `end` arguments name.
struct Window {
  std::string_view bytes;
  std::int64_t first = 0;    // code points before it
  bool is_reversed = false;  // start behind end: nothing is found, not even ""
};

Window window(Heap& heap, const Text& text, const Bound& bound) {
  if (bound.get(1) == nullptr && bound.get(2) == nullptr) {
    return {text.bytes, 0, false};
  }
  heap.spend_bytes(size_of(text));
  const std::int64_t count = count_code_points(text.bytes);
  const auto clamp = [&](std::int64_t place) {
    return std::clamp<std::int64_t>(place < 0 ? place + count : place, 0, count);
  };
  const bool has_start = bound.get(1) != nullptr && !is_none(*bound.get(1));
  const bool has_end = bound.get(2) != nullptr && !is_none(*bound.get(2));
  const std::int64_t given = has_start ? bound.integer_or(1, 0) : 0;
  const std::int64_t first = clamp(given);
  const std::int64_t last = has_end ? clamp(bound.integer_or(2, count)) : count;
  if (first > last || given > count) {
    return {{}, first, true};
  }
  const auto begin = static_cast<std::size_t>(byte_offset(text.bytes, first));
  const auto rest = text.bytes.substr(begin);
  const auto length = static_cast<std::size_t>(byte_offset(rest, last - first));
  return {rest.substr(0, length), first, false};
}

template <bool from_right, bool must_exist>
Value find_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("find", arguments, {"sub", "start", "end"});
  const Text& needle = bound.require_text(0);
  const Window part = window(runtime.heap(), as_text(self), bound);
  std::int64_t at = -1;
  if (!part.is_reversed) {
    at = from_right ? find_last_bytes(runtime.heap(), part.bytes, needle.bytes)
                    : find_bytes(runtime.heap(), part.bytes, needle.bytes);
  }
  if (at < 0) {
    if (must_exist) {
      fail("substring not found");
    }
    return std::int64_t{-1};
  }
  return part.first + count_code_points(part.bytes.substr(0, static_cast<std::size_t>(at)));
}

Value count_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound("count", arguments, {"sub", "start", "end"});
  const Text& needle = bound.require_text(0);
  const Window part = window(runtime.heap(), as_text(self), bound);
  if (part.is_reversed) {
    return std::int64_t{0};
  }
  if (needle.bytes.empty()) {
    return count_code_points(part.bytes) + 1;
  }
  std::int64_t count = 0;
  for (std::int64_t at = find_bytes(runtime.heap(), part.bytes, needle.bytes); at >= 0;
       at = find_bytes(runtime.heap(), part.bytes, needle.bytes, at + size_of(needle))) {
    runtime.heap().spend_steps();
    ++count;
  }
  return count;
}

template <bool at_end>
Value affix_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const Bound bound(at_end ? "endswith" : "startswith", arguments, {"affix", "start", "end"});
  const Window part = window(runtime.heap(), as_text(self), bound);
  const auto matches = [&](const Value& affix) {
    const Text& text = expect_text(affix, at_end ? "endswith()" : "startswith()");
    runtime.heap().spend_bytes(size_of(text));
    return !part.is_reversed &&
           (at_end ? part.bytes.ends_with(text.bytes) : part.bytes.starts_with(text.bytes));
  };
  const Value& affix = bound.require(0);
  if (is_list(affix) && as_list(affix).kind == ListKind::kTuple) {
    return std::ranges::any_of(as_list(affix).view(), matches);
  }
  return matches(affix);
}

bool is_alphanumeric(char32_t c) { return is_letter(c) || is_numeric(c); }

// True where there is at least one character and all are of the class.
template <bool (*is_member)(char32_t)>
Value class_method(Runtime& runtime, const Value& self, const Arguments&) {
  const Text& text = as_text(self);
  runtime.heap().spend_code_points(size_of(text));
  for (std::int64_t at = 0; at < size_of(text);) {
    const CodePoint point = decode_utf8(text.bytes, at);
    if (!is_member(point.value)) {
      return false;
    }
    at += point.length;
  }
  return !text.bytes.empty();
}

// islower() and isupper(): some cased character, and none of the other case.
template <bool (*is_other)(char32_t), bool (*is_wanted)(char32_t)>
Value case_class_method(Runtime& runtime, const Value& self, const Arguments&) {
  return has_only_case(runtime.heap(), as_text(self), is_wanted, is_other);
}

bool is_ascii(char32_t c) { return c < 0x80; }

Value isascii_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return as_text(self).bytes.empty() || truthy(class_method<is_ascii>(runtime, self, arguments));
}

Value isprintable_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  return as_text(self).bytes.empty() ||
         truthy(class_method<is_printable>(runtime, self, arguments));
}

Value isidentifier_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  const bool is_word_text = truthy(class_method<is_word>(runtime, self, arguments));
  return is_word_text && !is_numeric(decode_utf8(as_text(self).bytes, 0).value);
}

Value istitle_method(Runtime& runtime, const Value& self, const Arguments&) {
  const Text& text = as_text(self);
  runtime.heap().spend_code_points(size_of(text));
  bool has_cased = false;
  bool in_word = false;
  for (std::int64_t at = 0; at < size_of(text);) {
    const CodePoint point = decode_utf8(text.bytes, at);
    const bool starts = is_upper(point.value) || is_title(point.value);
    if ((starts && in_word) || (is_lower(point.value) && !in_word)) {
      return false;
    }
    in_word = starts || is_lower(point.value);
    has_cased = has_cased || in_word;
    at += point.length;
  }
  return has_cased;
}

constexpr NamedBuiltin kSearchMethods[] = {
    {"count", count_method},
    {"endswith", affix_method<true>},
    {"find", find_method<false, false>},
    {"index", find_method<false, true>},
    {"rfind", find_method<true, false>},
    {"rindex", find_method<true, true>},
    {"startswith", affix_method<false>},
};

constexpr NamedBuiltin kClassMethods[] = {
    {"isalnum", class_method<is_alphanumeric>},
    {"isalpha", class_method<is_letter>},
    {"isascii", isascii_method},
    {"isdecimal", class_method<is_decimal>},
    {"isdigit", class_method<is_digit>},
    {"isidentifier", isidentifier_method},
    {"islower", case_class_method<is_upper, is_lower>},
    {"isnumeric", class_method<is_numeric>},
    {"isprintable", isprintable_method},
    {"isspace", class_method<is_space>},
    {"istitle", istitle_method},
    {"isupper", case_class_method<is_lower, is_upper>},
};

}  // namespace

std::span<const NamedBuiltin> string_search_methods() { return kSearchMethods; }

std::span<const NamedBuiltin> string_class_methods() { return kClassMethods; }

}  // namespace minimax::text::jinja
