// SPDX-License-Identifier: Apache-2.0
// Rules that change or forbid single tokens, whether one is then drawn or the best one taken. What
// narrows the distribution for drawing is in logits_warpers.h; processor_list.h has the order.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace minimax::engine {

/// The score of a token that must not be chosen.
inline constexpr float kForbidden = -std::numeric_limits<float>::infinity();

/// Every function takes `scores`, one for each id of the vocabulary, none of them NaN, and changes
/// them in place; `input_ids` are the tokens of the prompt and of the answer so far. All ids must
/// be in the vocabulary. Source: transformers 5.17, generation/logits_process.py, in the same
/// float32 arithmetic; tests/golden/processors_test.cc compares the bits.

void forbid_tokens(std::span<const std::int32_t> ids, std::span<float> scores);

/// Divides the scores of the tokens that were there by `penalty`, or multiplies the negative ones;
/// each once. Source: Keskar et al. 2019 (CTRL), section 4.1.
void penalize_repetition(double penalty, std::span<const std::int32_t> input_ids,
                         std::span<float> scores);

/// Forbids what would complete a sequence of `size` tokens that is there already; size >= 1.
void forbid_repeated_ngrams(std::int64_t size, std::span<const std::int32_t> input_ids,
                            std::span<float> scores);

/// Forbids the last token of each word whose other tokens were the latest ones. As in transformers,
/// a word of several tokens that is longer than `input_ids` has no effect, and neither has a word
/// that is an end token alone: the end is held off with min_new_tokens.
void forbid_bad_words(const std::vector<std::vector<std::int32_t>>& words,
                      std::span<const std::int32_t> eos_token_id,
                      std::span<const std::int32_t> input_ids, std::span<float> scores);

}  // namespace minimax::engine
