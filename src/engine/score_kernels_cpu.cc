// SPDX-License-Identifier: Apache-2.0
// Plain loops that compilers turn into vectors of any width.
#include "cpu/simd.h"
#include "engine/score_kernels.h"

namespace minimax::engine::kernels {
namespace {

constexpr std::int64_t kLanes = 16;
constexpr float kForbidden = -__builtin_inff();

using Floats [[gnu::vector_size(64)]] = float;
using Integers [[gnu::vector_size(64)]] = std::int32_t;

// 2^n * e^r with |r| <= ln(2) / 2. Requires: -125 ln(2) <= x <= 0.
inline float exp_of(float x) {
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
      __builtin_bit_cast(std::int32_t, shifted) - __builtin_bit_cast(std::int32_t, kToInteger);
  return __builtin_bit_cast(float, __builtin_bit_cast(std::int32_t, sum) + exponent * (1 << 23));
}

inline float weight_of(float x) {
  constexpr float kLeast = -86.6f;  // -125 ln(2)
  const float value = exp_of(x > kLeast ? x : kLeast);
  // Without a branch, which would keep the loop from becoming vectors.
  const std::int32_t mask = -static_cast<std::int32_t>(x > kLeast);
  return __builtin_bit_cast(float, __builtin_bit_cast(std::int32_t, value) & mask);
}

// By reference: how such vectors are returned depends on the instruction set.
inline void load_lanes(const float* from, Floats& lanes) {
  __builtin_memcpy(&lanes, from, sizeof(lanes));
}

template <class Lanes>
auto sum_lanes(const Lanes& lanes) {
  auto sum = lanes[0];
  for (std::int64_t lane = 1; lane < kLanes; ++lane) {
    sum += lanes[lane];
  }
  return sum;
}

}  // namespace

template <cpu::Isa>
float best_score(const float* scores, std::int64_t size) {
  constexpr std::int64_t kStep = 4;
  Floats best[kStep];
  for (Floats& each : best) {
    each = Floats{} + kForbidden;
  }
  std::int64_t i = 0;
  for (; i + kStep * kLanes <= size; i += kStep * kLanes) {
    for (std::int64_t k = 0; k < kStep; ++k) {
      Floats found;
      load_lanes(scores + i + k * kLanes, found);
      best[k] = found > best[k] ? found : best[k];
    }
  }
  float highest = kForbidden;
  for (; i < size; ++i) {
    highest = scores[i] > highest ? scores[i] : highest;
  }
  for (const Floats& each : best) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      highest = each[lane] > highest ? each[lane] : highest;
    }
  }
  return highest;
}

template <cpu::Isa>
std::int64_t first_at(float score, const float* scores, std::int64_t size) {
  constexpr std::int64_t kBlock = 64;
  std::int64_t i = 0;
  for (; i + kBlock <= size; i += kBlock) {
    std::int32_t found = 0;
    for (std::int64_t k = i; k < i + kBlock; ++k) {
      found |= static_cast<std::int32_t>(scores[k] == score);
    }
    if (found != 0) {
      break;
    }
  }
  while (i < size && scores[i] != score) {
    ++i;
  }
  return i;
}

template <cpu::Isa>
void weights_beside(float best, const ScoreRow& row, float* weights) {
  for (std::int64_t i = 0; i < row.size; ++i) {
    weights[i] = weight_of(row.scores[i] - best);
  }
}

template <cpu::Isa>
double sum_of(const float* weights, std::int64_t size) {
  double sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += double{weights[i + lane]};
    }
  }
  for (; i < size; ++i) {
    sums[0] += double{weights[i]};
  }
  return sum_lanes(sums);
}

template <cpu::Isa>
std::int64_t count_above(float limit, const float* scores, std::int64_t size) {
  std::int32_t counts[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      counts[lane] += static_cast<std::int32_t>(scores[i + lane] > limit);
    }
  }
  for (; i < size; ++i) {
    counts[0] += static_cast<std::int32_t>(scores[i] > limit);
  }
  std::int64_t count = 0;
  for (const std::int32_t lane : counts) {
    count += lane;
  }
  return count;
}

template <cpu::Isa>
void estimate_above(const float* limits, const ScoreRow& row, ScoresAbove* out) {
  constexpr std::int64_t kBlock = 16 * kLanes;  // so that few float32 add up before a float64 does
  Integers counts[3] = {};
  double masses[3] = {};
  std::int64_t i = 0;
  for (std::int64_t end = kBlock; end <= row.size; end += kBlock) {
    Floats sums[3] = {};
    for (; i < end; i += kLanes) {
      Floats scores;
      Floats weights;
      load_lanes(row.scores + i, scores);
      load_lanes(row.weights + i, weights);
      for (int k = 0; k < 3; ++k) {
        const Integers is_above = scores > limits[k];
        sums[k] += is_above ? weights : Floats{};
        counts[k] -= is_above;
      }
    }
    for (int k = 0; k < 3; ++k) {
      masses[k] += double{sum_lanes(sums[k])};
    }
  }
  for (int k = 0; k < 3; ++k) {
    std::int32_t count = sum_lanes(counts[k]);
    for (std::int64_t j = i; j < row.size; ++j) {
      masses[k] += double{row.scores[j] > limits[k] ? row.weights[j] : 0.0f};
      count += static_cast<std::int32_t>(row.scores[j] > limits[k]);
    }
    out[k] = {.mass = masses[k], .count = count};
  }
}

template <cpu::Isa>
double mass_above(float limit, const ScoreRow& row) {
  const float* const scores = row.scores;
  const float* const weights = row.weights;
  double sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= row.size; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const float weight = weights[i + lane];
      sums[lane] += double{scores[i + lane] > limit ? weight : 0.0f};
    }
  }
  for (; i < row.size; ++i) {
    sums[0] += double{scores[i] > limit ? weights[i] : 0.0f};
  }
  return sum_lanes(sums);
}

template <cpu::Isa>
std::int64_t ids_between(float low, float high, const ScoreRow& row, std::int32_t* ids) {
  constexpr std::int64_t kBlock = 64;
  std::int64_t count = 0;
  for (std::int64_t begin = 0; begin < row.size; begin += kBlock) {
    const std::int64_t end = begin + kBlock < row.size ? begin + kBlock : row.size;
    std::int32_t found = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      found |= static_cast<std::int32_t>(row.scores[i] > low) &
               static_cast<std::int32_t>(row.scores[i] <= high);
    }
    for (std::int64_t i = begin; found != 0 && i < end; ++i) {
      if (row.scores[i] > low && row.scores[i] <= high) {
        ids[count++] = static_cast<std::int32_t>(i);
      }
    }
  }
  return count;
}

template <cpu::Isa>
void forbid_up_to(float limit, float* scores, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    scores[i] = scores[i] > limit ? scores[i] : kForbidden;
  }
}

template <cpu::Isa>
bool are_usable(const float* scores, std::int64_t size) {
  constexpr float kMost = __FLT_MAX__;
  std::int32_t bad = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const float score = scores[i];
    const auto is_number = static_cast<std::int32_t>(__builtin_fabsf(score) <= kMost);
    const auto is_forbidden = static_cast<std::int32_t>(score == kForbidden);
    bad |= 1 - (is_number | is_forbidden);
  }
  return bad == 0;
}

template float best_score<cpu::kTargetIsa>(const float*, std::int64_t);
template std::int64_t first_at<cpu::kTargetIsa>(float, const float*, std::int64_t);
template void weights_beside<cpu::kTargetIsa>(float, const ScoreRow&, float*);
template double sum_of<cpu::kTargetIsa>(const float*, std::int64_t);
template void estimate_above<cpu::kTargetIsa>(const float*, const ScoreRow&, ScoresAbove*);
template double mass_above<cpu::kTargetIsa>(float, const ScoreRow&);
template std::int64_t count_above<cpu::kTargetIsa>(float, const float*, std::int64_t);
template std::int64_t ids_between<cpu::kTargetIsa>(float, float, const ScoreRow&, std::int32_t*);
template void forbid_up_to<cpu::kTargetIsa>(float, float*, std::int64_t);
template bool are_usable<cpu::kTargetIsa>(const float*, std::int64_t);

}  // namespace minimax::engine::kernels
