// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/string_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "text/jinja/format.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace minimax::text::jinja {
namespace {

/// How one value is shown: the common part of both languages.
struct Spec {
  char fill = ' ';
  char align = '\0';  // '<' '>' '^', or '=' for zeros between sign and digits
  char sign = '-';
  bool groups_thousands = false;
  std::int64_t width = 0;
  std::int64_t precision = -1;
  char type = '\0';
};

constexpr std::int64_t kMaxPrecision = 300;

std::int64_t read_number(std::string_view text, std::size_t& at) {
  std::int64_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = std::min<std::int64_t>(value * 10 + (text[at] - '0'), INT32_MAX);
    ++at;
  }
  return value;
}

void append_padded(TextBuilder& out, const Text& text, const Spec& spec, char default_align) {
  const std::int64_t missing =
      spec.width == 0 ? 0 : std::max<std::int64_t>(0, spec.width - count_code_points(text.bytes));
  const char align = spec.align == '\0' ? default_align : spec.align;
  const std::int64_t left = align == '<' ? 0 : (align == '^' ? missing / 2 : missing);
  out.append_repeated(spec.fill, left);
  out.append(text);
  out.append_repeated(spec.fill, missing - left);
}

std::string group_thousands(std::string_view digits) {
  const std::size_t end = std::min(digits.find('.'), digits.size());
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && i < end && (end - i) % 3 == 0) {
      out += ',';
    }
    out += digits[i];
  }
  return out;
}

std::string unsigned_digits(const Value& value, const Spec& spec) {
  const std::int64_t precision = std::min(spec.precision < 0 ? 6 : spec.precision, kMaxPrecision);
  const double number = std::abs(as_double(value));
  switch (spec.type) {
    case 'f':
    case 'F':
      return fmt::format("{:.{}f}", number, precision);
    case 'e':
      return fmt::format("{:.{}e}", number, precision);
    case 'g':
      return fmt::format("{:.{}g}", number, std::max<std::int64_t>(precision, 1));
    case '%':
      return fmt::format("{:.{}f}%", number * 100, precision);
    default:
      break;
  }
  if (is<double>(value) && spec.type == '\0') {
    return spec.precision < 0 ? format_float(number) : fmt::format("{:.{}g}", number, precision);
  }
  const std::int64_t integer =
      is<double>(value) ? static_cast<std::int64_t>(number) : as_integer(value);
  const auto magnitude =
      integer < 0 ? 0 - static_cast<std::uint64_t>(integer) : static_cast<std::uint64_t>(integer);
  switch (spec.type) {
    case 'x':
      return fmt::format("{:x}", magnitude);
    case 'X':
      return fmt::format("{:X}", magnitude);
    case 'o':
      return fmt::format("{:o}", magnitude);
    case 'b':
      return fmt::format("{:b}", magnitude);
    default:
      return fmt::format("{}", magnitude);
  }
}

void append_number(Heap& heap, TextBuilder& out, const Value& value, const Spec& spec) {
  if (!is_number(value)) {
    fail(fmt::format("format '{}' needs a number, found {}", spec.type, type_name(value)));
  }
  const bool is_negative = as_double(value) < 0;
  const std::string sign = is_negative ? "-" : (spec.sign == '-' ? "" : std::string(1, spec.sign));
  std::string digits = unsigned_digits(value, spec);
  if (spec.groups_thousands) {
    digits = group_thousands(digits);
  }
  if (spec.align == '=') {
    const auto length = static_cast<std::int64_t>(sign.size() + digits.size());
    out.append(sign);
    out.append_repeated(spec.fill, spec.width - length);
    out.append(digits);
    return;
  }
  append_padded(out, *make_text(heap, sign + digits), spec, '>');
}

const Text* truncated(Heap& heap, const Text* text, std::int64_t precision) {
  if (precision < 0 || count_code_points(text->bytes) <= precision) {
    return text;
  }
  return slice_bytes(heap, *text, 0, byte_offset(text->bytes, precision));
}

// "%5.2f": one conversion behind its '%'. Gives the offset behind it.
struct PercentFormatter {
  Heap& heap;
  const Text& format;
  const Value& values;
  TextBuilder out;
  std::size_t next_value = 0;

  const Value& take_value() {
    const bool is_tuple = is_list(values) && as_list(values).kind == ListKind::kTuple;
    const std::size_t count = is_tuple ? as_list(values).view().size() : 1;
    if (next_value >= count) {
      fail("not enough arguments for format string");
    }
    return is_tuple ? as_list(values).view()[next_value++] : (++next_value, values);
  }

  const Value& named_value(std::string_view name) {
    const Value* found = is_dict(values) ? find(heap, as_dict(values), name) : nullptr;
    if (found == nullptr) {
      fail("a name in a format string is not in its values");
    }
    return *found;
  }

  void read_flags(Spec& spec, std::size_t& at) const {
    const std::string_view text = format.bytes;
    for (; at < text.size() && std::string_view("-+ 0#").find(text[at]) != std::string::npos;
         ++at) {
      if (text[at] == '-') {
        spec.align = '<';
      } else if (text[at] == '0' && spec.align == '\0') {
        spec.align = '=';
        spec.fill = '0';
      } else if (text[at] == '+' || text[at] == ' ') {
        spec.sign = text[at];
      }
    }
  }

  std::size_t convert(std::size_t at) {
    const std::string_view text = format.bytes;
    const Value* value = nullptr;
    if (at < text.size() && text[at] == '(') {
      const std::size_t close = std::min(text.find(')', at), text.size() - 1);
      value = &named_value(text.substr(at + 1, close - at - 1));
      at = close + 1;
    }
    Spec spec;
    read_flags(spec, at);
    spec.width = read_number(text, at);
    if (at < text.size() && text[at] == '.') {
      spec.precision = read_number(text, ++at);
    }
    if (at >= text.size()) {
      fail("incomplete format");
    }
    spec.type = text[at];
    if (spec.type == '%') {
      out.append("%", format.marks == nullptr ? format.mark : format.marks[at]);
      return at + 1;
    }
    append_value(value == nullptr ? take_value() : *value, spec);
    return at + 1;
  }

  void append_value(const Value& value, Spec spec) {
    if (spec.type == 's' || spec.type == 'r') {
      TextBuilder piece(heap);
      spec.type == 's' ? append_str(heap, piece, value) : append_repr(heap, piece, value);
      spec.fill = ' ';
      spec.align = spec.align == '=' ? '>' : spec.align;
      append_padded(out, *truncated(heap, piece.finish(), spec.precision), spec, '>');
      return;
    }
    if (std::string_view("diufFegxXo").find(spec.type) == std::string_view::npos) {
      fail(fmt::format("unsupported format character '{}'", spec.type));
    }
    append_number(heap, out, value, spec);
  }
};

// "{:>8}" and its kin.
class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, const Text& format, const Arguments& arguments)
      : runtime_(runtime), format_(format), arguments_(arguments), out_(runtime.heap()) {}

  const Text* run() {
    const std::string_view text = format_.bytes;
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t brace = std::min(text.find_first_of("{}", at), text.size());
      append_plain(at, brace);
      at = brace;
      if (at == text.size()) {
        break;
      }
      if (at + 1 < text.size() && text[at + 1] == text[at]) {
        append_plain(at, at + 1);
        at += 2;
        continue;
      }
      const std::size_t close = text.find('}', at);
      if (text[at] == '}' || close == text.npos) {
        fail("a format string has a single brace");
      }
      replace(text.substr(at + 1, close - at - 1));
      at = close + 1;
    }
    return out_.finish();
  }

 private:
  void append_plain(std::size_t begin, std::size_t end) {
    out_.append(*slice_bytes(runtime_.heap(), format_, static_cast<std::int64_t>(begin),
                             static_cast<std::int64_t>(end)));
  }

  void replace(std::string_view field) {
    const std::size_t colon = std::min(field.find(':'), field.size());
    std::string_view name = field.substr(0, colon);
    const bool wants_repr = name.ends_with("!r");
    if (wants_repr || name.ends_with("!s")) {
      name.remove_suffix(2);
    }
    const Spec spec = parse_spec(field.substr(std::min(colon + 1, field.size())));
    const Value value = look_up(name);
    if (is_number(value) && !is<bool>(value) && !wants_repr) {
      append_number(runtime_.heap(), out_, value, spec);
      return;
    }
    if (spec.type != '\0' && spec.type != 's') {
      fail(fmt::format("unknown format '{}' for '{}'", spec.type, type_name(value)));
    }
    TextBuilder piece(runtime_.heap());
    wants_repr ? append_repr(runtime_.heap(), piece, value)
               : append_str(runtime_.heap(), piece, value);
    append_padded(out_, *truncated(runtime_.heap(), piece.finish(), spec.precision), spec, '<');
  }

  Value look_up(std::string_view path) {
    const std::size_t end = std::min(path.find_first_of(".["), path.size());
    Value value = argument(path.substr(0, end));
    path.remove_prefix(end);
    while (!path.empty()) {
      const bool is_item = path[0] == '[';
      const std::size_t stop =
          std::min(is_item ? path.find(']') : path.find_first_of(".[", 1), path.size());
      const Text& key = *make_text(runtime_.heap(), path.substr(1, stop - 1));
      std::int64_t index = 0;
      const auto parsed =
          std::from_chars(key.bytes.data(), key.bytes.data() + key.bytes.size(), index);
      const bool is_number = is_item && parsed.ec == std::errc() && !key.bytes.empty();
      value = is_number ? runtime_.item(value, index)
                        : (is_item ? runtime_.item(value, &key) : runtime_.attribute(value, key));
      path.remove_prefix(std::min(stop + (is_item ? 1 : 0), path.size()));
    }
    return value;
  }

  Value argument(std::string_view name) {
    std::size_t index = next_;
    if (name.empty()) {
      ++next_;
    } else if (name[0] >= '0' && name[0] <= '9') {
      std::from_chars(name.data(), name.data() + name.size(), index);
    } else {
      const auto it =
          std::ranges::find(arguments_.named, name, &std::pair<std::string_view, Value>::first);
      if (it == arguments_.named.end()) {
        fail("a name in a format string is not among its arguments");
      }
      return it->second;
    }
    if (index >= arguments_.positional.size()) {
      fail("a format string has more fields than arguments");
    }
    return arguments_.positional[index];
  }

  static Spec parse_spec(std::string_view text) {
    Spec spec;
    std::size_t at = 0;
    const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
    if (text.size() > 1 && is_align(text[1])) {
      spec.fill = text[0];
      spec.align = text[1];
      at = 2;
    } else if (!text.empty() && is_align(text[0])) {
      spec.align = text[0];
      at = 1;
    }
    if (at < text.size() && std::string_view("+- ").find(text[at]) != std::string::npos) {
      spec.sign = text[at++];
    }
    if (at < text.size() && text[at] == '0' && spec.align == '\0') {
      spec.fill = '0';
      spec.align = '=';
    }
    spec.width = read_number(text, at);
    if (at < text.size() && text[at] == ',') {
      spec.groups_thousands = true;
      ++at;
    }
    if (at < text.size() && text[at] == '.') {
      spec.precision = read_number(text, ++at);
    }
    spec.type = at < text.size() ? text[at] : '\0';
    if (at + 1 < text.size() ||
        std::string_view("\0sdfFeg%xXob", 12).find(spec.type) == std::string_view::npos) {
      fail("a format string has an unknown format");
    }
    return spec;
  }

  Runtime& runtime_;
  const Text& format_;
  const Arguments& arguments_;
  TextBuilder out_;
  std::size_t next_ = 0;
};

}  // namespace

const Text* format_percent(Heap& heap, const Text& format, const Value& values) {
  PercentFormatter formatter{heap, format, values, TextBuilder(heap)};
  std::size_t at = 0;
  while (at < format.bytes.size()) {
    const std::size_t percent = std::min(format.bytes.find('%', at), format.bytes.size());
    formatter.out.append(*slice_bytes(heap, format, static_cast<std::int64_t>(at),
                                      static_cast<std::int64_t>(percent)));
    at = percent;
    if (at < format.bytes.size()) {
      at = formatter.convert(at + 1);
    }
  }
  const bool is_tuple = is_list(values) && as_list(values).kind == ListKind::kTuple;
  const std::size_t count = is_tuple ? as_list(values).view().size() : 1;
  // Python does not mind a value left over where it could have been asked for names.
  const bool has_names = is_dict(values) || is_undefined(values) || (is_list(values) && !is_tuple);
  if (formatter.next_value < count && !has_names) {
    fail("not all arguments converted during string formatting");
  }
  return formatter.out.finish();
}

const Text* format_braces(Runtime& runtime, const Text& format, const Arguments& arguments) {
  return BraceFormatter(runtime, format, arguments).run();
}

}  // namespace minimax::text::jinja
