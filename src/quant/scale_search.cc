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

constexpr int kImprovements = 2;  // rounds of least squares per candidate

struct ScaleCandidate {
  float scale = 0;
  double error = std::numeric_limits<double>::infinity();
};

// The best of `best`, `scale`, and what least squares make of `scale`.
ScaleCandidate improved(const Levels& levels, const Samples& samples, Precision precision,
                        float scale, ScaleCandidate best) {
  for (int i = 0; i <= kImprovements; ++i) {
    scale = stored(scale, precision);
    const ScaleSums sums = sum_scaled(levels, samples, scale);
    if (sums.error < best.error) {
      best = {scale, sums.error};
    }
    scale = sums.ll > 0 ? static_cast<float>(sums.xl / sums.ll) : scale;
  }
  return best;
}

struct AffineCandidate {
  Affine fit{};
  double error = std::numeric_limits<double>::infinity();
};

struct AffineRules {
  Precision precision;
  MinSign sign;
};

AffineCandidate improved(int max_code, const Samples& samples, AffineRules rules, Affine fit,
                         AffineCandidate best) {
  for (int i = 0; i <= kImprovements; ++i) {
    fit = {stored(fit.scale, rules.precision), stored(fit.min, rules.precision)};
    const AffineSums sums = sum_affine(max_code, samples, fit.scale, fit.min);
    if (sums.error < best.error && (rules.sign == MinSign::kAny || fit.min <= 0)) {
      best = {fit, sums.error};
    }
    fit = solve(sums, rules.sign, fit);
  }
  return best;
}

}  // namespace

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
  const float largest = extreme(samples.values);
  ScaleCandidate best;
  for (const int end : {levels.min_code, levels.max_code}) {
    for (int step = -kSteps; step <= kSteps; ++step) {
      const float start = largest / levels.value(end) * (1.0f + kStep * static_cast<float>(step));
      best = improved(levels, samples, precision, start, best);
    }
  }
  return best.scale;
}

AffineSums sum_affine(int max_code, const Samples& samples, float scale, float min) {
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
  AffineCandidate best;
  for (const double cut_low : kCuts) {
    for (const double cut_high : kCuts) {
      const Affine start{static_cast<float>(range * (1 - cut_low - cut_high) / max_code),
                         static_cast<float>(low + range * cut_low)};
      best = improved(max_code, samples, {precision, sign}, start, best);
    }
  }
  return best.fit;
}

}  // namespace minimax::quant
