// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/format.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"
#include "text/utf8.h"

namespace minimax::text::jinja {
namespace {

Mark mark_at(const Text& text, std::int64_t offset) {
  return text.marks == nullptr ? text.mark : text.marks[offset];
}

std::string escape_code_point(char32_t c) {
  switch (c) {
    case U'\n':
      return "\\n";
    case U'\r':
      return "\\r";
    case U'\t':
      return "\\t";
    default:
      break;
  }
  const auto value = static_cast<std::uint32_t>(c);
  return value < 0x100 ? fmt::format("\\x{:02x}", value)
                       : (value < 0x10000 ? fmt::format("\\u{:04x}", value)
                                          : fmt::format("\\U{:08x}", value));
}

void append_quoted(TextBuilder& out, const Text& text) {
  const bool has_single = text.bytes.find('\'') != text.bytes.npos;
  const char quote = has_single && text.bytes.find('"') == text.bytes.npos ? '"' : '\'';
  const std::string_view quote_text(&quote, 1);
  out.append(quote_text);
  for (std::int64_t at = 0; at < size_of(text);) {
    const CodePoint point = decode_utf8(text.bytes, at);
    const Mark mark = mark_at(text, at);
    const auto piece =
        text.bytes.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(point.length));
    if (point.value == U'\\' || point.value == static_cast<char32_t>(quote)) {
      out.append("\\", mark);
      out.append(piece, mark);
    } else if (is_printable(point.value)) {
      out.append(piece, mark);
    } else {
      out.append(escape_code_point(point.value), mark);
    }
    at += point.length;
  }
  out.append(quote_text);
}

void append_items(Heap& heap, TextBuilder& out, const List& list) {
  const DepthGuard guard(heap);
  for (std::int64_t i = 0; i < list.size; ++i) {
    heap.spend_steps();
    out.append(i > 0 ? ", " : "");
    append_repr(heap, out, list.view()[static_cast<std::size_t>(i)]);
  }
}

void append_entries(Heap& heap, TextBuilder& out, const Dict& dict) {
  const DepthGuard guard(heap);
  out.append("{");
  for (std::size_t i = 0; i < dict.entries.size(); ++i) {
    heap.spend_steps();
    out.append(i > 0 ? ", " : "");
    append_repr(heap, out, dict.entries[i].first);
    out.append(": ");
    append_repr(heap, out, dict.entries[i].second);
  }
  out.append("}");
}

struct Representation {
  Heap& heap;
  TextBuilder& out;

  void operator()(Undefined) const { out.append("Undefined"); }
  void operator()(None) const { out.append("None"); }
  void operator()(bool value) const { out.append(value ? "True" : "False"); }
  void operator()(std::int64_t value) const { out.append(fmt::format("{}", value)); }
  void operator()(double value) const { out.append(format_float(value)); }
  void operator()(const Text* text) const { append_quoted(out, *text); }
  void operator()(const List* list) const {
    const bool is_tuple = list->kind == ListKind::kTuple;
    if (list->is_view()) {
      out.append(fmt::format("{}(", type_name(list)));
    }
    out.append(is_tuple ? "(" : "[");
    append_items(heap, out, *list);
    out.append(is_tuple && list->size == 1 ? "," : "");
    out.append(is_tuple ? ")" : "]");
    out.append(list->is_view() ? ")" : "");
  }
  void operator()(const Dict* dict) const { append_entries(heap, out, *dict); }
  void operator()(const Range* range) const {
    out.append(range->step == 1
                   ? fmt::format("range({}, {})", range->start, range->stop)
                   : fmt::format("range({}, {}, {})", range->start, range->stop, range->step));
  }
  void operator()(Iterator*) const { out.append("<generator object>"); }
  void operator()(Namespace*) const { out.append("<Namespace>"); }
  void operator()(const Callable* callable) const {
    out.append(fmt::format("<function {}>", callable->name));
  }
  void operator()(Loop*) const { out.append("<LoopContext>"); }
};

}  // namespace

std::string format_float(double value) {
  if (std::isnan(value)) {
    return "nan";
  }
  if (std::isinf(value)) {
    return value < 0 ? "-inf" : "inf";
  }
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<std::size_t>(end.ptr - buffer));
  const std::size_t mark = text.find('e');
  int exponent = 0;
  std::from_chars(buffer + mark + (text[mark + 1] == '+' ? 2 : 1), end.ptr, exponent);
  if (exponent < -4 || exponent >= 16) {
    return std::string(text.substr(0, mark)) +
           fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  const auto fixed =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed);
  std::string digits(buffer, fixed.ptr);
  return digits.find('.') == std::string::npos ? digits + ".0" : digits;
}

std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  const char* begin = text.data();
  const char* end = begin + text.size();
  const auto result = std::from_chars(begin, end, value);
  if (result.ptr != end || result.ec == std::errc::invalid_argument) {
    return std::nullopt;
  }
  if (result.ec == std::errc::result_out_of_range) {
    const bool is_tiny = text.find("e-") != text.npos || text.find("E-") != text.npos;
    const double magnitude = is_tiny ? 0.0 : HUGE_VAL;
    return text.starts_with('-') ? -magnitude : magnitude;
  }
  return value;
}

const Text* to_text(Heap& heap, const Value& value) {
  if (is_text(value)) {
    return &as_text(value);
  }
  TextBuilder out(heap);
  append_str(heap, out, value);
  return out.finish();
}

void append_str(Heap& heap, TextBuilder& out, const Value& value) {
  if (is_text(value)) {
    out.append(as_text(value));
  } else if (!is_undefined(value)) {
    append_repr(heap, out, value);
  }
}

void append_repr(Heap& heap, TextBuilder& out, const Value& value) {
  std::visit(Representation{heap, out}, value);
}

}  // namespace minimax::text::jinja
