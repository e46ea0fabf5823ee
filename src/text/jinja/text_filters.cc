// SPDX-License-Identifier: Apache-2.0
// The filters that give text. Like Python's they take any value as its str().
#include <fmt/format.h>

#include <algorithm>

#include "text/jinja/builtins.h"
#include "text/jinja/format.h"
#include "text/jinja/operators.h"
#include "text/jinja/sequence.h"
#include "text/jinja/text_operations.h"
#include "text/jinja/unicode.h"
#include "text/utf8.h"

namespace minimax::text::jinja {
namespace {

template <Case target>
Value case_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("case filter", arguments, {});
  return change_case(runtime.heap(), *to_text(runtime.heap(), subject), target);
}

bool starts_title_word(char32_t c) {
  return is_space(c) || c == U'-' || c == U'(' || c == U'{' || c == U'[' || c == U'<';
}

// Jinja's own idea of a title: words start behind white space, '-' and opening brackets.
Value title_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  Heap& heap = runtime.heap();
  const Text& text = *to_text(heap, subject);
  TextBuilder out(heap);
  bool at_start = true;
  heap.spend_code_points(size_of(text));
  for (std::int64_t at = 0; at < size_of(text);) {
    const CodePoint point = decode_utf8(text.bytes, at);
    std::string piece;
    at_start ? append_upper(point.value, piece) : append_lower(point.value, piece);
    out.append(piece, text.marks == nullptr ? text.mark : text.marks[at]);
    at_start = starts_title_word(point.value);
    at += point.length;
  }
  return out.finish();
}

Value string_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  return to_text(runtime.heap(), subject);
}

Value trim_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("trim", arguments, {"chars"});
  return strip(runtime.heap(), *to_text(runtime.heap(), subject), bound.get_text(0), Sides::kBoth);
}

Value replace_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("replace", arguments, {"old", "new", "count"});
  Heap& heap = runtime.heap();
  const bool has_count = bound.get(2) != nullptr && !is_none(*bound.get(2));
  return replace(heap, *to_text(heap, subject),
                 {*to_text(heap, bound.require(0)), *to_text(heap, bound.require(1)),
                  has_count ? bound.integer_or(2, -1) : -1});
}

Value format_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  Heap& heap = runtime.heap();
  const Text& format = *to_text(heap, subject);
  if (arguments.named.empty()) {
    return format_percent(heap, format, make_list(heap, arguments.positional, ListKind::kTuple));
  }
  auto* dict = heap.make<Dict>(heap);
  for (const auto& [name, value] : arguments.named) {
    insert(heap, *dict, make_text(heap, name), value);
  }
  return format_percent(heap, format, dict);
}

Value center_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("center", arguments, {"width"});
  return pad(runtime.heap(), *to_text(runtime.heap(), subject),
             {bound.integer_or(0, 80), " ", '^'});
}

Value indent_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("indent", arguments, {"width", "first", "blank"});
  Heap& heap = runtime.heap();
  const Text& text = expect_text(subject, "indent");
  TextBuilder indentation(heap);
  if (bound.get(0) != nullptr && is_text(*bound.get(0))) {
    indentation.append(as_text(*bound.get(0)));
  } else {
    indentation.append_repeated(' ', bound.integer_or(0, 4));
  }
  const Text& indent = *indentation.finish();
  const Text& with_newline = *concatenate(heap, text, *make_text(heap, "\n"));
  TextBuilder out(heap);
  const Mark mark = mark_of(text);
  bool is_first = true;
  for (const Value& line : split_lines(heap, with_newline, LineEnds::kDropped)) {
    const bool is_blank = as_text(line).bytes.empty();
    const bool indents =
        is_first ? bound.truthy_or(1, false) : (!is_blank || bound.truthy_or(2, false));
    out.append(is_first ? "" : "\n", mark);
    if (indents) {
      out.append(indent);
    }
    out.append(as_text(line));
    is_first = false;
  }
  return out.finish();
}

Value truncate_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("truncate", arguments, {"length", "killwords", "end", "leeway"});
  Heap& heap = runtime.heap();
  const std::int64_t wanted = bound.integer_or(0, 255);
  const Text& end = bound.get(2) == nullptr ? *make_text(heap, "...") : bound.require_text(2);
  const std::int64_t kept = wanted - count_code_points(end.bytes);
  const bool has_leeway = bound.get(3) != nullptr && !is_none(*bound.get(3));
  if (kept < 0) {
    fail(fmt::format("truncate: expected a length of at least that of '...', found {}", wanted));
  }
  if (length(heap, subject) <= wanted + (has_leeway ? bound.integer_or(3, 5) : 5)) {
    return subject;
  }
  const Text& text = expect_text(subject, "truncate");
  const Text* head = slice_bytes(heap, text, 0, byte_offset(text.bytes, kept));
  if (!bound.truthy_or(1, false)) {
    const SplitOptions at_last_space{make_text(heap, " "), 1, true};
    head = &as_text(split(heap, *head, at_last_space).front());
  }
  return concatenate(heap, *head, end);
}

Value wordcount_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  const Text& text = *to_text(runtime.heap(), subject);
  runtime.heap().spend_code_points(size_of(text));
  std::int64_t count = 0;
  bool in_word = false;
  for (std::int64_t at = 0; at < size_of(text);) {
    const CodePoint point = decode_utf8(text.bytes, at);
    count += is_word(point.value) && !in_word ? 1 : 0;
    in_word = is_word(point.value);
    at += point.length;
  }
  return count;
}

std::string_view html_entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&#34;";
    case '\'':
      return "&#39;";
    default:
      return "";
  }
}

Value escape_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  Heap& heap = runtime.heap();
  const Text& text = *to_text(heap, subject);
  TextBuilder out(heap);
  std::int64_t plain = 0;
  heap.spend_bytes(size_of(text));
  for (std::int64_t at = 0; at < size_of(text); ++at) {
    const std::string_view entity = html_entity(text.bytes[static_cast<std::size_t>(at)]);
    if (!entity.empty()) {
      out.append(*slice_bytes(heap, text, plain, at));
      out.append(entity, text.marks == nullptr ? text.mark : text.marks[at]);
      plain = at + 1;
    }
  }
  out.append(*slice_bytes(heap, text, plain, size_of(text)));
  return out.finish();
}

enum class UrlPart { kPath, kQuery };

void append_url(Heap& heap, TextBuilder& out, const Value& value, UrlPart part) {
  const Text& text = *to_text(heap, value);
  const std::string_view unreserved = part == UrlPart::kPath ? "_.-~/" : "_.-~";
  heap.spend_code_points(size_of(text));
  const Mark mark = mark_of(text);
  for (const char c : text.bytes) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || unreserved.find(c) != unreserved.npos;
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ' && part == UrlPart::kQuery) {
      out.append("+", mark);
    } else {
      out.append(is_plain ? std::string(1, c) : fmt::format("%{:02X}", byte), mark);
    }
  }
}

// A dict, or pairs, become a query: a=1&b=2.
Value urlencode_filter(Runtime& runtime, const Value& subject, const Arguments&) {
  Heap& heap = runtime.heap();
  TextBuilder out(heap);
  if (is_text(subject) || !is_iterable(subject)) {
    append_url(heap, out, subject, UrlPart::kPath);
    return out.finish();
  }
  const Value items =
      is_dict(subject) ? find_filter("items")(runtime, subject, Arguments(heap)) : subject;
  for (const Value& item : to_vector(heap, items)) {
    const Values pair = to_vector(heap, item);
    if (pair.size() != 2) {
      fail(fmt::format("urlencode: expected pairs, found {} values", pair.size()));
    }
    out.append(out.size() > 0 ? "&" : "");
    append_url(heap, out, pair[0], UrlPart::kQuery);
    out.append("=");
    append_url(heap, out, pair[1], UrlPart::kQuery);
  }
  return out.finish();
}

std::string indent_of(const Value& value) {
  if (is_text(value)) {
    return std::string(as_text(value).bytes);
  }
  const std::int64_t width = expect_integer(value, "tojson(): indent");
  return std::string(static_cast<std::size_t>(std::clamp<std::int64_t>(width, 0, 1000)), ' ');
}

Value tojson_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  Heap& heap = runtime.heap();
  JsonFormat format;
  format.ensure_ascii = bound.truthy_or(0, false);
  if (bound.get(1) != nullptr && !is_none(*bound.get(1))) {
    format.indent = indent_of(*bound.get(1));
    format.item_separator = std::string(1, ',');
  }
  if (bound.get(2) != nullptr && !is_none(*bound.get(2))) {
    const Values pair = to_vector(heap, *bound.get(2));
    if (pair.size() != 2) {
      fail(fmt::format("tojson(): separators: expected two strings, found {}", pair.size()));
    }
    format.item_separator = expect_text(pair[0], "tojson(): separators").bytes;
    format.key_separator = expect_text(pair[1], "tojson(): separators").bytes;
  }
  format.sort_keys = bound.truthy_or(3, false);
  TextBuilder out(heap);
  append_json(heap, out, subject, format);
  return out.finish();
}

Value join_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound("join", arguments, {"d", "attribute"});
  Heap& heap = runtime.heap();
  const Text& separator =
      bound.get(0) == nullptr ? *make_text(heap, "") : *to_text(heap, *bound.get(0));
  TextBuilder out(heap);
  bool is_first = true;
  for (Value item : to_vector(heap, subject)) {
    if (bound.get(1) != nullptr && !is_none(*bound.get(1))) {
      item = attribute_path(runtime, item, *bound.get(1));
    }
    if (!is_first) {
      out.append(separator);
    }
    append_str(heap, out, item);
    is_first = false;
  }
  return out.finish();
}

constexpr NamedBuiltin kFilters[] = {
    {"capitalize", case_filter<Case::kCapitalized>},
    {"center", center_filter},
    {"e", escape_filter},
    {"escape", escape_filter},
    {"forceescape", escape_filter},
    {"format", format_filter},
    {"indent", indent_filter},
    {"join", join_filter},
    {"lower", case_filter<Case::kLower>},
    {"replace", replace_filter},
    {"safe", string_filter},
    {"string", string_filter},
    {"title", title_filter},
    {"tojson", tojson_filter},
    {"trim", trim_filter},
    {"truncate", truncate_filter},
    {"upper", case_filter<Case::kUpper>},
    {"urlencode", urlencode_filter},
    {"wordcount", wordcount_filter},
};

}  // namespace

std::span<const NamedBuiltin> text_filters() { return kFilters; }

}  // namespace minimax::text::jinja
