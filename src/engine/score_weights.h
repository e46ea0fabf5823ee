// SPDX-License-Identifier: Apache-2.0
// Arithmetic over all scores of a vocabulary, in loops that compilers turn into vectors: a random
// draw looks at every token, which would otherwise take longer than a part of the model.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace minimax::engine {

/// The highest score. Requires: one score at least, none of them NaN.
float best_score(std::span<const float> scores);

/// exp(score - best) of every score, in float32 with a relative error below 3e-7; 0 where it would
/// be below 2^-125, and of what is forbidden. Requires: a best score that is finite.
std::vector<float> weights_beside(float best, std::span<const float> scores);

double sum_of(std::span<const float> weights);

/// The first element behind which the running sum exceeds `rest`; of none, the greatest.
std::size_t find_in_sums(double rest, std::span<const float> weights);

/// Whether all scores are numbers, or forbidden.
bool are_usable(std::span<const float> scores);

}  // namespace minimax::engine
