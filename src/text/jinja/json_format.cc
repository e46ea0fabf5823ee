// SPDX-License-Identifier: Apache-2.0
// json.dumps(), which the tojson filter of chat templates is.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "text/jinja/format.h"
#include "text/jinja/runtime.h"
#include "text/utf8.h"

namespace minimax::text::jinja {
namespace {

// The escape of a byte that may not stand for itself, or nothing.
std::string escape_byte(char c, bool ensure_ascii) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\f':
      return "\\f";
    case '\b':
      return "\\b";
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  const bool is_escaped = byte < 0x20 || (ensure_ascii && byte == 0x7f);
  return is_escaped ? fmt::format("\\u{:04x}", byte) : "";
}

std::string escape_non_ascii(char32_t c) {
  const auto value = static_cast<std::uint32_t>(c);
  if (value < 0x10000) {
    return fmt::format("\\u{:04x}", value);
  }
  const std::uint32_t rest = value - 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
}

class JsonWriter {
 public:
  JsonWriter(Heap& heap, TextBuilder& out, const JsonFormat& format)
      : heap_(heap), out_(out), format_(format) {}

  void write(const Value& value) {
    heap_.spend_steps();
    if (is_text(value)) {
      write_string(as_text(value));
    } else if (is_list(value) && !as_list(value).is_view()) {
      write_list(as_list(value));
    } else if (is_dict(value)) {
      write_dict(as_dict(value));
    } else {
      out_.append(scalar(value));
    }
  }

 private:
  std::string scalar(const Value& value) const {
    if (is_none(value)) {
      return "null";
    }
    if (is<bool>(value)) {
      return std::get<bool>(value) ? "true" : "false";
    }
    if (is<std::int64_t>(value)) {
      return fmt::format("{}", std::get<std::int64_t>(value));
    }
    if (!is<double>(value)) {
      fail(fmt::format("Object of type {} is not JSON serializable", type_name(value)));
    }
    const double number = std::get<double>(value);
    if (std::isnan(number)) {
      return "NaN";
    }
    return std::isinf(number) ? (number < 0 ? "-Infinity" : "Infinity") : format_float(number);
  }

  void write_string(const Text& text) {
    out_.append("\"");
    std::int64_t plain = 0;  // bytes up to here are written
    for (std::int64_t at = 0; at < size_of(text);) {
      const char c = text.bytes[static_cast<std::size_t>(at)];
      const bool is_ascii = static_cast<unsigned char>(c) < 0x80;
      const CodePoint point =
          is_ascii || !format_.ensure_ascii ? CodePoint{0, 1, true} : decode_utf8(text.bytes, at);
      const std::string escape = is_ascii               ? escape_byte(c, format_.ensure_ascii)
                                 : format_.ensure_ascii ? escape_non_ascii(point.value)
                                                        : "";
      if (!escape.empty()) {
        out_.append(*slice_bytes(heap_, text, plain, at));
        out_.append(escape, text.marks == nullptr ? text.mark : text.marks[at]);
        plain = at + point.length;
      }
      at += point.length;
    }
    out_.append(*slice_bytes(heap_, text, plain, size_of(text)));
    out_.append("\"");
  }

  void break_line() {
    if (format_.indent) {
      out_.append("\n");
      for (int level = 0; level < level_; ++level) {
        out_.append(*format_.indent);
      }
    }
  }

  void write_list(const List& list) {
    if (list.size == 0) {
      out_.append("[]");
      return;
    }
    const DepthGuard guard(heap_);
    out_.append("[");
    ++level_;
    for (std::int64_t i = 0; i < list.size; ++i) {
      out_.append(i > 0 ? format_.item_separator : "");
      break_line();
      write(list.view()[static_cast<std::size_t>(i)]);
    }
    --level_;
    break_line();
    out_.append("]");
  }

  void write_dict(const Dict& dict) {
    if (dict.entries.empty()) {
      out_.append("{}");
      return;
    }
    const DepthGuard guard(heap_);
    out_.append("{");
    ++level_;
    bool is_first = true;
    for (const DictEntry* entry : ordered(dict)) {
      out_.append(is_first ? "" : format_.item_separator);
      is_first = false;
      break_line();
      write_key(entry->first);
      out_.append(format_.key_separator);
      write(entry->second);
    }
    --level_;
    break_line();
    out_.append("}");
  }

  std::vector<const DictEntry*> ordered(const Dict& dict) {
    std::vector<const DictEntry*> entries;
    for (const DictEntry& entry : dict.entries) {
      entries.push_back(&entry);
    }
    if (format_.sort_keys) {
      std::ranges::stable_sort(entries, [&](const DictEntry* a, const DictEntry* b) {
        heap_.spend_steps();
        return compare(heap_, a->first, b->first) < 0;
      });
    }
    return entries;
  }

  void write_key(const Value& key) {
    if (is_text(key)) {
      write_string(as_text(key));
      return;
    }
    if (is_list(key)) {
      fail(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(key)));
    }
    out_.append(fmt::format("\"{}\"", scalar(key)));
  }

  Heap& heap_;
  TextBuilder& out_;
  const JsonFormat& format_;
  int level_ = 0;
};

}  // namespace

void append_json(Heap& heap, TextBuilder& out, const Value& value, const JsonFormat& format) {
  JsonWriter(heap, out, format).write(value);
}

}  // namespace minimax::text::jinja
