// SPDX-License-Identifier: Apache-2.0
// The byte-level alphabet: 256 printable characters, one for every byte, in which byte-level
// vocabularies are written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace minimax::text {

/// The character that stands for `byte`. Printable Latin-1 stands for itself; the other bytes
/// take the characters from U+0100 on.
char32_t byte_to_character(unsigned char byte);

/// The byte that `character` stands for, or -1.
int character_to_byte(char32_t character);

/// Every byte of `bytes` as its character.
std::string to_byte_alphabet(std::string_view bytes);

/// The bytes of a token, or the token itself where a character is outside the alphabet.
std::string from_byte_alphabet(std::string_view token);

}  // namespace minimax::text
