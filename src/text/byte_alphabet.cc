// SPDX-License-Identifier: Apache-2.0
#include "text/byte_alphabet.h"

#include "text/utf8.h"

namespace minimax::text {
namespace {

// The three stretches of bytes that have no printable character of their own; in order they take
// U+0100 to U+0143.
constexpr int kControlEnd = 0x21;  // 0x00 to 0x20
constexpr int kDelete = 0x7F;      // 0x7F to 0xA0
constexpr int kLatinBegin = 0xA1;
constexpr int kSoftHyphen = 0xAD;
constexpr char32_t kFirstSubstitute = 0x100;
constexpr char32_t kDeleteSubstitute = kFirstSubstitute + kControlEnd;
constexpr char32_t kSoftHyphenSubstitute = kDeleteSubstitute + (kLatinBegin - kDelete);

}  // namespace

char32_t byte_to_character(unsigned char byte) {
  if (byte < kControlEnd) {
    return kFirstSubstitute + byte;
  }
  if (byte >= kDelete && byte < kLatinBegin) {
    return kDeleteSubstitute + static_cast<char32_t>(byte - kDelete);
  }
  return byte == kSoftHyphen ? kSoftHyphenSubstitute : static_cast<char32_t>(byte);
}

int character_to_byte(char32_t character) {
  if (character >= kFirstSubstitute && character < kDeleteSubstitute) {
    return static_cast<int>(character - kFirstSubstitute);
  }
  if (character >= kDeleteSubstitute && character < kSoftHyphenSubstitute) {
    return static_cast<int>(character - kDeleteSubstitute) + kDelete;
  }
  if (character == kSoftHyphenSubstitute) {
    return kSoftHyphen;
  }
  const bool stands_for_itself =
      character < 0x100 && byte_to_character(static_cast<unsigned char>(character)) == character;
  return stands_for_itself ? static_cast<int>(character) : -1;
}

std::string to_byte_alphabet(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    append_utf8(byte_to_character(static_cast<unsigned char>(c)), out);
  }
  return out;
}

std::string from_byte_alphabet(std::string_view token) {
  std::string bytes;
  const auto size = static_cast<std::int64_t>(token.size());
  for (std::int64_t offset = 0; offset < size;) {
    const CodePoint point = decode_utf8(token, offset);
    const int byte = point.valid ? character_to_byte(point.value) : -1;
    if (byte < 0) {
      return std::string(token);
    }
    bytes += static_cast<char>(byte);
    offset += point.length;
  }
  return bytes;
}

}  // namespace minimax::text
