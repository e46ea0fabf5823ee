// SPDX-License-Identifier: Apache-2.0
// Finds the scale (and minimum) with which a few numbers are best written in codes of a few bits:
// the least weighted sum of squared errors over a set of candidates, each improved by least
// squares for the codes that it leads to.
#pragma once

#include <cstdint>
#include <span>

#include "tensor/float16.h"

namespace minimax::quant {

/// The numbers that codes stand for: themselves, or the entries of a table in ascending order.
struct Levels {
  int min_code;
  int max_code;
  std::span<const std::int8_t> table = {};

  float value(int code) const;
  /// The code whose value is nearest to x.
  int nearest(float x) const;
};

/// Numbers, and what an error of each counts. Both have the same size, weights are >= 0.
struct Samples {
  std::span<const float> values;
  std::span<const float> weights;
  /// Whether no sum of weights times products of two values leaves binary32 (is_tame()).
  bool tame = false;

  Samples part(std::size_t begin, std::size_t count) const {
    return {values.subspan(begin, count), weights.subspan(begin, count), tame};
  }
};

/// True where sums over these samples may be formed in binary32, which is several times as fast.
bool is_tame(std::span<const float> values, std::span<const float> weights);

/// Whether a fitted scale will be stored in binary16.
enum class Precision { kFloat, kHalf };

/// The nearest finite binary16.
tensor::Float16 finite_half(float value);

/// 1 / scale; 0 where that overflows, so that numbers too small to be scaled get the code of 0.
float reciprocal(float scale);

/// x ~ scale * level, for nearest codes: the error, and the sums of a least squares fit.
struct ScaleSums {
  double error = 0;
  double xl = 0;  // sum of weight * x * level
  double ll = 0;  // sum of weight * level * level
};
ScaleSums sum_scaled(const Levels& levels, const Samples& samples, float scale);

/// The best scale found; it may be negative.
float fit_scale(const Levels& levels, const Samples& samples, Precision precision);

/// x ~ scale * code + min, for nearest codes from 0 to max_code.
struct AffineSums {
  double error = 0;
  double w = 0;
  double x = 0;
  double c = 0;
  double xc = 0;
  double cc = 0;
};
AffineSums sum_affine(int max_code, const Samples& samples, float scale, float min);

struct Affine {
  float scale;
  float min;
};

enum class MinSign { kAny, kNotPositive };

/// The best scale and minimum found.
Affine fit_affine(int max_code, const Samples& samples, Precision precision, MinSign sign);

}  // namespace minimax::quant
