// SPDX-License-Identifier: Apache-2.0
// Arithmetic over all scores of a vocabulary, in vectors of the widest instruction set of the
// machine: a random draw looks at every token, which would otherwise take longer than a part of the
// model. Every instruction set gives the same bits.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/score_kernels.h"

namespace minimax::engine {

/// The highest score. Requires: one score at least, none of them NaN.
float best_score(std::span<const float> scores);

/// Where `score` stands first; the number of scores where it does not.
std::size_t first_at(float score, std::span<const float> scores);

/// exp(score - best) of every score, in float32 with a relative error below 3e-7; 0 where it would
/// be below 2^-125, and of what is forbidden. Requires: a best score that is finite.
std::vector<float> weights_beside(float best, std::span<const float> scores);

double sum_of(std::span<const float> weights);

/// The first element behind which the running sum exceeds `rest`; of none, the greatest.
std::size_t find_in_sums(double rest, std::span<const float> weights);

/// Forbids all scores that are not above `limit`.
void forbid_up_to(float limit, std::span<float> scores);

/// Whether all scores are numbers, or forbidden.
bool are_usable(std::span<const float> scores);

/// Where a limit lies in the order of the scores, found without sorting all of them.
struct ScoreEdge {
  ScoresAbove before;             ///< what is better than all at the edge
  std::vector<std::int32_t> ids;  ///< at the edge: the best first, of equals the higher id
  float below = 0.0f;             ///< what is not above it is worse than all at the edge
};

/// The few scores among which the best ones reach both limits of `goal`; nothing where all together
/// do not. Where weights are null, masses are 0. Requires: scores that are numbers or forbidden,
/// and a goal above nothing.
std::optional<ScoreEdge> find_edge(const ScoreRow& row, const ScoresAbove& goal);

}  // namespace minimax::engine
