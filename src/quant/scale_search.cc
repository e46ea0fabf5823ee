// SPDX-License-Identifier: Apache-2.0
#include "quant/scale_search.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace minimax::quant {
namespace {

// Rounds to nearest, for magnitudes below 2^22: next to 1.5 * 2^23, binary32 has steps of 1.
float round_small(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

float stored(float value, Precision precision) {
  return precision == Precision::kHalf ? tensor::to_float(finite_half(value)) : value;
}

// Sums in binary32 run over so many lanes, which compilers turn into vectors.
constexpr std::size_t kLanes = 8;

using Lanes = std::array<float, kLanes>;

double sum_of(const Lanes& lanes) {
  return double{((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
                ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))};
}

// Calls body(i, lane) for all i below `count`, a multiple of kLanes.
template <class Body>
inline void for_lanes(std::size_t count, const Body& body) {
  for (std::size_t begin = 0; begin < count; begin += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      body(begin + lane, lane);
    }
  }
}

bool fits_lanes(const Samples& samples) {
  return samples.tame && samples.values.size() % kLanes == 0;
}

// The largest group; larger ones are summed slowly.
constexpr std::size_t kMostValues = 64;
using LevelBuffer = std::array<float, kMostValues>;

// The nearest levels of all values times `inverse`.
void nearest_levels(const Levels& levels, std::span<const float> values, float inverse,
                    LevelBuffer& out) {
  if (levels.table.empty()) {
    const auto low = static_cast<float>(levels.min_code);
    const auto high = static_cast<float>(levels.max_code);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float x = values[i] * inverse;
      const float above = x > low ? x : low;
      out[i] = round_small(above < high ? above : high);
    }
    return;
  }
  out.fill(static_cast<float>(levels.table[0]));
  for (std::size_t k = 0; k + 1 < levels.table.size(); ++k) {
    const float limit = 0.5f * static_cast<float>(levels.table[k] + levels.table[k + 1]);
    const auto step = static_cast<float>(levels.table[k + 1] - levels.table[k]);
    for (std::size_t i = 0; i < values.size(); ++i) {
      out[i] += values[i] * inverse > limit ? step : 0.0f;
    }
  }
}

ScaleSums sum_scaled_in_lanes(const Levels& levels, const Samples& samples, float scale) {
  LevelBuffer level;
  nearest_levels(levels, samples.values, reciprocal(scale), level);
  const float* values = samples.values.data();
  const float* weights = samples.weights.data();
  Lanes error{};
  Lanes xl{};
  Lanes ll{};
  for_lanes(samples.values.size(), [&](std::size_t i, std::size_t lane) {
    const float weighted = weights[i] * level[i];
    const float difference = values[i] - scale * level[i];
    error[lane] += weights[i] * difference * difference;
    xl[lane] += weighted * values[i];
    ll[lane] += weighted * level[i];
  });
  return {sum_of(error), sum_of(xl), sum_of(ll)};
}

AffineSums sum_affine_in_lanes(int max_code, const Samples& samples, float scale, float min) {
  const float inverse = reciprocal(scale);
  const auto high = static_cast<float>(max_code);
  const float* values = samples.values.data();
  const float* weights = samples.weights.data();
  Lanes error{};
  Lanes w{};
  Lanes x{};
  Lanes c{};
  Lanes xc{};
  Lanes cc{};
  for_lanes(samples.values.size(), [&](std::size_t i, std::size_t lane) {
    const float scaled = (values[i] - min) * inverse;
    const float above = scaled > 0.0f ? scaled : 0.0f;
    const float code = round_small(above < high ? above : high);
    const float difference = values[i] - scale * code - min;
    const float weighted = weights[i] * code;
    error[lane] += weights[i] * difference * difference;
    w[lane] += weights[i];
    x[lane] += weights[i] * values[i];
    c[lane] += weighted;
    xc[lane] += weighted * values[i];
    cc[lane] += weighted * code;
  });
  return {sum_of(error), sum_of(w), sum_of(x), sum_of(c), sum_of(xc), sum_of(cc)};
}

// Of largest magnitude, with its sign.
float extreme(std::span<const float> values) {
  float largest = 0.0f;
  for (const float value : values) {
    largest = std::abs(value) > std::abs(largest) ? value : largest;
  }
  return largest;
}

// The least squares fit of scale and minimum to the codes of `sums`, or `fallback` where the codes
// do not determine it.
Affine solve(const AffineSums& sums, MinSign sign, Affine fallback) {
  const double determinant = sums.w * sums.cc - sums.c * sums.c;
  if (!(determinant > 1e-12 * sums.w * sums.cc)) {
    return fallback;
  }
  const double min = (sums.cc * sums.x - sums.c * sums.xc) / determinant;
  if (sign == MinSign::kNotPositive && min > 0) {
    return {static_cast<float>(sums.xc / sums.cc), 0.0f};
  }
  return {static_cast<float>((sums.w * sums.xc - sums.c * sums.x) / determinant),
          static_cast<float>(min)};
}

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr int kImprovements = 2;  // rounds of least squares per candidate
// How many candidates get them: errors of scale and minimum have more valleys.
constexpr std::size_t kImprovedScales = 4;
constexpr std::size_t kImprovedAffines = 18;

/// A fit and its error; smaller errors come first.
template <class Fit>
struct Candidate {
  Fit fit{};
  double error = kNever;
  Fit next{};           // what least squares make of it
  bool allowed = true;  // as a result; it may lead to one all the same
};

/// The best few of all candidates that were offered, best first.
template <class Fit, std::size_t kImproved>
class Ranking {
 public:
  void offer(const Candidate<Fit>& candidate) {
    std::size_t place = kImproved;
    while (place > 0 && candidate.error < best_[place - 1].error) {
      if (place < kImproved) {
        best_[place] = best_[place - 1];
      }
      --place;
    }
    if (place < kImproved) {
      best_[place] = candidate;
    }
  }

  const std::array<Candidate<Fit>, kImproved>& all() const { return best_; }

 private:
  std::array<Candidate<Fit>, kImproved> best_{};
};

/// The best of all starts, where the best few are improved by rounds of least squares.
/// try_fit(fit) gives a candidate.
template <class Fit, std::size_t kImproved, class TryFit>
Fit best_of(const Ranking<Fit, kImproved>& starts, const TryFit& try_fit) {
  Candidate<Fit> best;
  const auto take = [&](const Candidate<Fit>& candidate) {
    if (candidate.allowed && candidate.error < best.error) {
      best = candidate;
    }
  };
  for (Candidate<Fit> candidate : starts.all()) {
    take(candidate);
    for (int i = 0; i < kImprovements && candidate.error < kNever; ++i) {
      candidate = try_fit(candidate.next);
      take(candidate);
    }
  }
  return best.fit;
}

}  // namespace

bool is_tame(std::span<const float> values, std::span<const float> weights) {
  // The product of three numbers up to 2^40 and sums of 256 of them stay below 2^128.
  constexpr float kLargest = 0x1p40f;
  constexpr float kSmallest = 0x1p-40f;
  float value = 0.0f;
  float weight = 0.0f;
  for (std::size_t i = 0; i < values.size(); ++i) {
    value = std::max(value, std::abs(values[i]));
    weight = std::max(weight, weights[i]);
  }
  const auto fits = [](float x) { return kSmallest <= x && x <= kLargest; };
  return fits(value) && fits(weight);
}

float Levels::value(int code) const {
  return static_cast<float>(table.empty() ? code : table[static_cast<std::size_t>(code)]);
}

int Levels::nearest(float x) const {
  if (table.empty()) {
    const auto low = static_cast<float>(min_code);
    const auto high = static_cast<float>(max_code);
    const float clamped = x > low ? (x < high ? x : high) : low;  // NaN becomes low
    return static_cast<int>(round_small(clamped));
  }
  int code = 0;
  for (std::size_t i = 0; i + 1 < table.size(); ++i) {
    code += 2.0f * x > static_cast<float>(table[i] + table[i + 1]) ? 1 : 0;
  }
  return code;
}

tensor::Float16 finite_half(float value) {
  constexpr float kLargest = 65504.0f;
  return tensor::to_float16(std::clamp(value, -kLargest, kLargest));
}

float reciprocal(float scale) {
  const float inverse = 1.0f / scale;
  return std::isfinite(inverse) ? inverse : 0.0f;
}

ScaleSums sum_scaled(const Levels& levels, const Samples& samples, float scale) {
  if (fits_lanes(samples) && samples.values.size() <= kMostValues) {
    return sum_scaled_in_lanes(levels, samples, scale);
  }
  ScaleSums sums;
  const float inverse = reciprocal(scale);
  for (std::size_t i = 0; i < samples.values.size(); ++i) {
    const double x = samples.values[i];
    const double weight = samples.weights[i];
    const double level = levels.value(levels.nearest(samples.values[i] * inverse));
    const double difference = x - scale * level;
    sums.error += weight * difference * difference;
    sums.xl += weight * x * level;
    sums.ll += weight * level * level;
  }
  return sums;
}

float fit_scale(const Levels& levels, const Samples& samples, Precision precision) {
  constexpr int kSteps = 4;
  constexpr float kStep = 0.045f;
  const auto try_scale = [&](float wanted) {
    const float scale = stored(wanted, precision);
    const ScaleSums sums = sum_scaled(levels, samples, scale);
    const float next = sums.ll > 0 ? static_cast<float>(sums.xl / sums.ll) : scale;
    return Candidate<float>{scale, sums.error, next, true};
  };
  const float largest = extreme(samples.values);
  Ranking<float, kImprovedScales> starts;
  for (const int end : {levels.min_code, levels.max_code}) {
    for (int step = -kSteps; step <= kSteps; ++step) {
      starts.offer(
          try_scale(largest / levels.value(end) * (1.0f + kStep * static_cast<float>(step))));
    }
  }
  return best_of(starts, try_scale);
}

AffineSums sum_affine(int max_code, const Samples& samples, float scale, float min) {
  if (fits_lanes(samples)) {
    return sum_affine_in_lanes(max_code, samples, scale, min);
  }
  AffineSums sums;
  const float inverse = reciprocal(scale);
  const Levels levels{0, max_code};
  for (std::size_t i = 0; i < samples.values.size(); ++i) {
    const double x = samples.values[i];
    const double weight = samples.weights[i];
    const double code = levels.nearest((samples.values[i] - min) * inverse);
    const double difference = x - scale * code - min;
    sums.error += weight * difference * difference;
    sums.w += weight;
    sums.x += weight * x;
    sums.c += weight * code;
    sums.xc += weight * x * code;
    sums.cc += weight * code * code;
  }
  return sums;
}

Affine fit_affine(int max_code, const Samples& samples, Precision precision, MinSign sign) {
  // How much of the range is cut off at each end, to begin with; some weights like it much
  // narrower.
  constexpr std::array kCuts = {-0.03, 0.0, 0.04, 0.1, 0.18, 0.28, 0.4};
  const auto [smallest, largest] = std::ranges::minmax(samples.values);
  const double low = sign == MinSign::kNotPositive ? std::min(smallest, 0.0f) : smallest;
  const double range = largest - low;
  const auto try_affine = [&](Affine wanted) {
    const Affine fit = {stored(wanted.scale, precision), stored(wanted.min, precision)};
    const AffineSums sums = sum_affine(max_code, samples, fit.scale, fit.min);
    const bool allowed = sign == MinSign::kAny || fit.min <= 0;
    return Candidate<Affine>{fit, sums.error, solve(sums, sign, fit), allowed};
  };
  Ranking<Affine, kImprovedAffines> starts;
  for (const double cut_low : kCuts) {
    for (const double cut_high : kCuts) {
      starts.offer(try_affine({static_cast<float>(range * (1 - cut_low - cut_high) / max_code),
                               static_cast<float>(low + range * cut_low)}));
    }
  }
  return best_of(starts, try_affine);
}

}  // namespace minimax::quant
