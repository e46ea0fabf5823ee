// SPDX-License-Identifier: Apache-2.0
// What narrows or flattens the distribution from which a token is drawn.
#pragma once

#include <cstdint>
#include <span>

namespace minimax::engine {

/// The logarithm of the sum of the exponentials of `scores`, in float64.
/// Requires: no NaN, no plus infinity, at least one finite score; so do all functions below.
double log_sum_exp(std::span<const float> scores);

/// Divides the scores, in float32. Scores too large for that stay finite.
void divide_by_temperature(double temperature, std::span<float> scores);

/// The filters below forbid tokens and leave the scores of the others as they are. They keep the
/// `min_tokens_to_keep` best tokens, and at least one, whatever their limit says; equal scores are
/// kept or forbidden together except by keep_top_p. Probabilities are computed in float64, so that
/// a limit that falls within the rounding of float32 can decide otherwise than transformers does.
/// Source: transformers 5.17, generation/logits_process.py; tests/golden/processors_test.cc.

/// Keeps the tokens that score no less than the `top_k`-th best; top_k >= 1.
void keep_top_k(std::int64_t top_k, std::int64_t min_tokens_to_keep, std::span<float> scores);

/// Keeps the best tokens, as many as it takes to reach the probability top_p; of equal scores the
/// higher ids first. Source: Holtzman et al. 2019 (nucleus sampling).
void keep_top_p(double top_p, std::int64_t min_tokens_to_keep, std::span<float> scores);

/// Forbids what is less probable than min_p times the best token.
void keep_min_p(double min_p, std::int64_t min_tokens_to_keep, std::span<float> scores);

/// Keeps the tokens whose surprise is nearest to the entropy, until their probability reaches
/// typical_p. Here `min_tokens_to_keep` counts in that order. Source: Meister et al. 2022.
void keep_typical(double typical_p, std::int64_t min_tokens_to_keep, std::span<float> scores);

/// Of the tokens that are at least as probable as `threshold` keeps the least probable ones.
/// Source: "XTC" (exclude top choices), p-e-w, text-generation-webui pull request 6335.
void exclude_top_choices(double threshold, std::span<float> scores);

/// Forbids what is less probable than epsilon. Source: Hewitt et al. 2022.
void cut_epsilon(double epsilon, std::int64_t min_tokens_to_keep, std::span<float> scores);

/// As cut_epsilon, with a limit that falls with the entropy. Source: Hewitt et al. 2022.
void cut_eta(double epsilon, std::int64_t min_tokens_to_keep, std::span<float> scores);

}  // namespace minimax::engine
