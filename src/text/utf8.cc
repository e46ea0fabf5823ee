// SPDX-License-Identifier: Apache-2.0
#include "text/utf8.h"

#include <algorithm>
#include <cstring>

namespace minimax::text {
namespace {

// What a lead byte promises: how many bytes follow, and the range of the first of them, which is
// what rules out overlong forms, surrogates and values above U+10FFFF (Unicode, table 3-7).
struct Lead {
  std::int64_t continuation_bytes = 0;  // 0: not a lead byte of a longer sequence
  unsigned char first_low = 0x80;
  unsigned char first_high = 0xBF;
};

Lead classify_lead(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) {
    return {1, 0x80, 0xBF};
  }
  if (byte >= 0xE0 && byte <= 0xEF) {
    return {2, static_cast<unsigned char>(byte == 0xE0 ? 0xA0 : 0x80),
            static_cast<unsigned char>(byte == 0xED ? 0x9F : 0xBF)};
  }
  if (byte >= 0xF0 && byte <= 0xF4) {
    return {3, static_cast<unsigned char>(byte == 0xF0 ? 0x90 : 0x80),
            static_cast<unsigned char>(byte == 0xF4 ? 0x8F : 0xBF)};
  }
  return {};
}

unsigned char byte_at(std::string_view text, std::int64_t offset) {
  return static_cast<unsigned char>(text[static_cast<std::size_t>(offset)]);
}

// How many bytes from `offset` on form a prefix of a valid sequence that starts with `lead`.
std::int64_t matching_bytes(std::string_view text, std::int64_t offset, const Lead& lead) {
  const auto size = static_cast<std::int64_t>(text.size());
  const std::int64_t end = std::min(size, offset + 1 + lead.continuation_bytes);
  std::int64_t i = offset + 1;
  for (; i < end; ++i) {
    const unsigned char low = i == offset + 1 ? lead.first_low : 0x80;
    const unsigned char high = i == offset + 1 ? lead.first_high : 0xBF;
    if (byte_at(text, i) < low || byte_at(text, i) > high) {
      break;
    }
  }
  return i - offset;
}

// The number of ASCII bytes at the start of `text`, found eight at a time.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    if ((word & 0x8080808080808080ULL) != 0) {
      break;
    }
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) {
    ++i;
  }
  return i;
}

}  // namespace

CodePoint decode_utf8(std::string_view text, std::int64_t offset) {
  const unsigned char first = byte_at(text, offset);
  if (first < 0x80) {
    return {first, 1, true};
  }
  const Lead lead = classify_lead(first);
  if (lead.continuation_bytes == 0) {
    return {kReplacementCharacter, 1, false};
  }
  const std::int64_t matched = matching_bytes(text, offset, lead);
  if (matched != lead.continuation_bytes + 1) {
    return {kReplacementCharacter, matched, false};
  }
  char32_t value = first & (0x3Fu >> lead.continuation_bytes);
  for (std::int64_t i = 1; i < matched; ++i) {
    value = (value << 6) | (byte_at(text, offset + i) & 0x3Fu);
  }
  return {value, matched, true};
}

void append_utf8(char32_t value, std::string& out) {
  if (value < 0x80) {
    out += static_cast<char>(value);
  } else if (value < 0x800) {
    out += static_cast<char>(0xC0 | (value >> 6));
    out += static_cast<char>(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    out += static_cast<char>(0xE0 | (value >> 12));
    out += static_cast<char>(0x80 | ((value >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (value & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (value >> 18));
    out += static_cast<char>(0x80 | ((value >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((value >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (value & 0x3F));
  }
}

std::int64_t find_invalid_utf8(std::string_view text) {
  const auto size = static_cast<std::int64_t>(text.size());
  std::int64_t i = 0;
  while (i < size) {
    i += static_cast<std::int64_t>(ascii_prefix(text.substr(static_cast<std::size_t>(i))));
    if (i == size) {
      break;
    }
    const CodePoint point = decode_utf8(text, i);
    if (!point.valid) {
      return i;
    }
    i += point.length;
  }
  return -1;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::int64_t invalid = find_invalid_utf8(text);
    if (invalid < 0) {
      out += text;
      break;
    }
    out += text.substr(0, static_cast<std::size_t>(invalid));
    append_utf8(kReplacementCharacter, out);
    text.remove_prefix(static_cast<std::size_t>(invalid + decode_utf8(text, invalid).length));
  }
  return out;
}

std::int64_t incomplete_utf8_suffix(std::string_view text) {
  const auto size = static_cast<std::int64_t>(text.size());
  for (std::int64_t length = 1; length <= std::min<std::int64_t>(3, size); ++length) {
    const Lead lead = classify_lead(byte_at(text, size - length));
    if (lead.continuation_bytes >= length && matching_bytes(text, size - length, lead) == length) {
      return length;
    }
  }
  return 0;
}

}  // namespace minimax::text
