// SPDX-License-Identifier: Apache-2.0
#include "engine/score_weights.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/logits_processors.h"

namespace minimax::engine {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kBlock = 256;

// 2^n * e^r with |r| <= ln(2) / 2. Requires: -125 ln(2) <= x <= 0.
float exp_of(float x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f;  // few bits, so that products with n are exact
  constexpr float kLn2Low = -2.12194440e-4f;
  constexpr float kToInteger = 12582912.0f;  // 1.5 * 2^23: adding it rounds to whole numbers
  const float shifted = x * kLog2E + kToInteger;
  const float n = shifted - kToInteger;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  // Taylor's series: the next term is below 3e-8 at |r| = 0.35.
  float sum = 1.0f / 5040.0f;
  sum = sum * r + 1.0f / 720.0f;
  sum = sum * r + 1.0f / 120.0f;
  sum = sum * r + 1.0f / 24.0f;
  sum = sum * r + 1.0f / 6.0f;
  sum = sum * r + 0.5f;
  sum = sum * r * r + r + 1.0f;
  const std::int32_t exponent =
      std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kToInteger);
  return std::bit_cast<float>(std::bit_cast<std::int32_t>(sum) + exponent * (1 << 23));
}

}  // namespace

float best_score(std::span<const float> scores) {
  std::array<float, kLanes> best;
  best.fill(kForbidden);
  std::size_t i = 0;
  for (; i + kLanes <= scores.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      best[lane] = scores[i + lane] > best[lane] ? scores[i + lane] : best[lane];
    }
  }
  for (; i < scores.size(); ++i) {
    best[0] = std::max(best[0], scores[i]);
  }
  return *std::ranges::max_element(best);
}

std::vector<float> weights_beside(float best, std::span<const float> scores) {
  constexpr float kLeast = -86.6f;  // -125 ln(2)
  std::vector<float> weights(scores.size());
  const float* from = scores.data();
  float* to = weights.data();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float x = from[i] - best;
    const float value = exp_of(std::max(x, kLeast));
    // Without a branch, which would keep the loop from becoming vectors.
    const std::int32_t mask = -static_cast<std::int32_t>(x > kLeast);
    to[i] = std::bit_cast<float>(std::bit_cast<std::int32_t>(value) & mask);
  }
  return weights;
}

double sum_of(std::span<const float> weights) {
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= weights.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += double{weights[i + lane]};
    }
  }
  for (; i < weights.size(); ++i) {
    sums[0] += double{weights[i]};
  }
  double sum = 0.0;
  for (const double lane : sums) {
    sum += lane;
  }
  return sum;
}

std::size_t find_in_sums(double rest, std::span<const float> weights) {
  std::size_t begin = 0;
  while (begin < weights.size()) {
    const auto block = weights.subspan(begin, std::min(kBlock, weights.size() - begin));
    const double sum = sum_of(block);
    if (rest < sum) {
      break;
    }
    rest -= sum;
    begin += block.size();
  }
  // Rounding may leave a rest in the block, which is then for what follows.
  for (std::size_t id = begin; id < weights.size(); ++id) {
    rest -= double{weights[id]};
    if (rest < 0.0) {
      return id;
    }
  }
  return static_cast<std::size_t>(std::ranges::max_element(weights) - weights.begin());
}

bool are_usable(std::span<const float> scores) {
  constexpr float kMost = std::numeric_limits<float>::max();
  int bad = 0;
  for (const float score : scores) {
    const int is_number = std::abs(score) <= kMost ? 1 : 0;
    const int is_forbidden = score == kForbidden ? 1 : 0;
    bad |= 1 - (is_number | is_forbidden);
  }
  return bad == 0;
}

}  // namespace minimax::engine
