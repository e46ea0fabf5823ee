// SPDX-License-Identifier: Apache-2.0
// Hand-written forms of the two splitting rules that matter most. They return exactly what the
// regular expressions below match, in linear time whatever the text.
#pragma once

#include <string_view>
#include <vector>

namespace minimax::text {

/// The rule of GPT-2, which the ByteLevel pre-tokenizer applies with use_regex.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// The rule of GPT-4o (o200k), which the MiniMax-01 release uses.
inline constexpr std::string_view kO200kPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// Appends the pieces of `text`, which together are all of it.
/// Requires: valid UTF-8. The pieces point into `text`.
void split_gpt2(std::string_view text, std::vector<std::string_view>& pieces);
void split_o200k(std::string_view text, std::vector<std::string_view>& pieces);

}  // namespace minimax::text
