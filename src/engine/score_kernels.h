// SPDX-License-Identifier: Apache-2.0
// Loops over all scores of a vocabulary, compiled once per instruction set. Every instruction set
// gives the same bits: sums are made in the same sixteen lanes, without fused multiplications.
// Shapes: scores and weights [V].
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace minimax::engine {

struct ScoreRow {
  const float* scores;
  const float* weights;  // may be null where only scores count
  std::int64_t size;
};

struct ScoresAbove {
  double mass = 0.0;  // of the weights
  std::int64_t count = 0;
};

namespace kernels {

template <cpu::Isa isa>
float best_score(const float* scores, std::int64_t size);
template <cpu::Isa isa>
std::int64_t first_at(float score, const float* scores, std::int64_t size);
template <cpu::Isa isa>
void weights_beside(float best, const ScoreRow& row, float* weights);
template <cpu::Isa isa>
double sum_of(const float* weights, std::int64_t size);
/// At three limits at once, with masses in float32 that are wrong by 1e-6 of them at most.
/// Shapes: limits, out [3].
template <cpu::Isa isa>
void estimate_above(const float* limits, const ScoreRow& row, ScoresAbove* out);
template <cpu::Isa isa>
double mass_above(float limit, const ScoreRow& row);
template <cpu::Isa isa>
std::int64_t count_above(float limit, const float* scores, std::int64_t size);
/// The ids of the scores above `low` and not above `high`, of which there must be no more than
/// `ids` has room for. Returns their number.
template <cpu::Isa isa>
std::int64_t ids_between(float low, float high, const ScoreRow& row, std::int32_t* ids);
template <cpu::Isa isa>
void forbid_up_to(float limit, float* scores, std::int64_t size);
template <cpu::Isa isa>
bool are_usable(const float* scores, std::int64_t size);

}  // namespace kernels
}  // namespace minimax::engine
