// SPDX-License-Identifier: Apache-2.0
// Tokens such as <0x0A> that stand for one byte in vocabularies with byte fallback.
#pragma once

#include <string>
#include <string_view>

namespace minimax::text {

/// "<0x00>" to "<0xFF>".
std::string byte_token(unsigned char byte);

/// Whether `token` has the form <0x..> with any two bytes between.
bool looks_like_byte_token(std::string_view token);

/// The byte that `token` stands for, or -1.
int parse_byte_token(std::string_view token);

}  // namespace minimax::text
