// SPDX-License-Identifier: Apache-2.0
// How a block of sub-blocks is encoded: each sub-block finds its own scale, the block's scale makes
// them small integers, and both are improved in turn. Templates, because each format packs its
// codes itself.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "quant/block_format.h"
#include "quant/encode_blocks.h"
#include "quant/scale_search.h"

namespace minimax::quant {

inline constexpr int kSuperBlockRounds = 4;

template <SuperBlockFormat F>
inline constexpr std::size_t kSubBlocks = std::size_t{F::kElements / F::kSubElements};

template <SuperBlockFormat F>
Samples sub_block(const Samples& samples, std::size_t j) {
  return samples.part(j * std::size_t{F::kSubElements}, std::size_t{F::kSubElements});
}

/// The integer nearest to x / unit within [low, high].
inline int nearest_multiple(float x, float unit, int low, int high) {
  const float multiple = x * reciprocal(unit);
  return static_cast<int>(
      std::nearbyint(std::clamp(multiple, static_cast<float>(low), static_cast<float>(high))));
}

template <SuperBlockFormat F>
struct SymmetricChoice {
  std::array<int, kSubBlocks<F>> scales{};
  double error = 0;
  double xl = 0;
  double ll = 0;
};

/// For the block's scale `unit`, the best integer scale of every sub-block near `wanted`.
template <SuperBlockFormat F>
SymmetricChoice<F> choose_sub_scales(const Samples& samples, float unit,
                                     const std::array<float, kSubBlocks<F>>& wanted) {
  SymmetricChoice<F> choice;
  for (std::size_t j = 0; j < kSubBlocks<F>; ++j) {
    const int middle = nearest_multiple(wanted[j], unit, F::kMinSubScale, F::kMaxSubScale);
    ScaleSums best{std::numeric_limits<double>::infinity(), 0, 0};
    const int high = std::min(middle + 1, F::kMaxSubScale);
    for (int scale = std::max(middle - 1, F::kMinSubScale); scale <= high; ++scale) {
      const ScaleSums sums =
          sum_scaled(levels_of<F>(), sub_block<F>(samples, j), unit * static_cast<float>(scale));
      if (sums.error < best.error) {
        best = sums;
        choice.scales[j] = scale;
      }
    }
    const double scale = choice.scales[j];
    choice.error += best.error;
    choice.xl += scale * best.xl;
    choice.ll += scale * scale * best.ll;
  }
  return choice;
}

template <SuperBlockFormat F>
  requires(!HasSubMins<F>)
void encode_searched(const Samples& samples, typename F::Block& block) {
  const Levels levels = levels_of<F>();
  std::array<float, kSubBlocks<F>> wanted;
  for (std::size_t j = 0; j < kSubBlocks<F>; ++j) {
    wanted[j] = fit_scale(levels, sub_block<F>(samples, j), Precision::kFloat);
  }
  const float largest =
      *std::ranges::max_element(wanted, {}, [](float scale) { return std::abs(scale); });
  SymmetricChoice<F> best;
  best.error = std::numeric_limits<double>::infinity();
  for (const int end : {F::kMinSubScale, F::kMaxSubScale}) {
    float unit = largest / static_cast<float>(end);
    for (int round = 0; round < kSuperBlockRounds; ++round) {
      const tensor::Float16 half = finite_half(unit);
      const SymmetricChoice<F> choice =
          choose_sub_scales<F>(samples, tensor::to_float(half), wanted);
      if (choice.error < best.error) {
        best = choice;
        block.scale = half;
      }
      unit = choice.ll > 0 ? static_cast<float>(choice.xl / choice.ll) : unit;
    }
  }
  for (std::size_t j = 0; j < kSubBlocks<F>; ++j) {
    F::set_sub_scale(block, static_cast<int>(j), best.scales[j]);
    const float inverse =
        reciprocal(tensor::to_float(block.scale) * static_cast<float>(best.scales[j]));
    for (std::size_t i = j * F::kSubElements; i < (j + 1) * F::kSubElements; ++i) {
      F::set_code(block, static_cast<int>(i), levels.nearest(samples.values[i] * inverse));
    }
  }
}

/// The scale and the minimum of a block whose sub-blocks have small multiples of them.
struct Units {
  float scale;
  float min;
};

template <HasSubMins F>
struct AffineChoice {
  std::array<int, kSubBlocks<F>> scales{};
  std::array<int, kSubBlocks<F>> mins{};
  double error = 0;
  // Of the least squares fit of both units: x ~ scale * a - min * b.
  double aa = 0;
  double ab = 0;
  double bb = 0;
  double xa = 0;
  double xb = 0;

  void add(std::size_t j, const AffineSums& sums) {
    const double s = scales[j];
    const double m = mins[j];
    error += sums.error;
    aa += s * s * sums.cc;
    ab += s * m * sums.c;
    bb += m * m * sums.w;
    xa += s * sums.xc;
    xb += m * sums.x;
  }

  Units best_units(Units fallback) const {
    const double determinant = aa * bb - ab * ab;
    if (determinant > 1e-12 * aa * bb) {
      return {static_cast<float>((xa * bb - xb * ab) / determinant),
              static_cast<float>((xa * ab - xb * aa) / determinant)};
    }
    return aa > 0 && !(bb > 0) ? Units{static_cast<float>(xa / aa), fallback.min} : fallback;
  }
};

/// The best integers of one sub-block near `wanted`, into choice.
template <HasSubMins F>
void choose_sub_block(const Samples& samples, Units units, Affine wanted, std::size_t j,
                      AffineChoice<F>& choice) {
  const int scale0 = nearest_multiple(wanted.scale, units.scale, 0, F::kMaxSubScale);
  const int min0 = nearest_multiple(-wanted.min, units.min, 0, F::kMaxSubScale);
  AffineSums best;
  best.error = std::numeric_limits<double>::infinity();
  for (int scale = std::max(scale0 - 1, 0); scale <= std::min(scale0 + 1, F::kMaxSubScale);
       ++scale) {
    for (int min = std::max(min0 - 1, 0); min <= std::min(min0 + 1, F::kMaxSubScale); ++min) {
      const AffineSums sums =
          sum_affine(F::kMaxCode, samples, units.scale * static_cast<float>(scale),
                     -(units.min * static_cast<float>(min)));
      if (sums.error < best.error) {
        best = sums;
        choice.scales[j] = scale;
        choice.mins[j] = min;
      }
    }
  }
  choice.add(j, best);
}

template <HasSubMins F>
void pack(const Samples& samples, const AffineChoice<F>& choice, typename F::Block& block) {
  const Levels levels = levels_of<F>();
  for (std::size_t j = 0; j < kSubBlocks<F>; ++j) {
    F::set_sub_scale(block, static_cast<int>(j), choice.scales[j]);
    F::set_sub_min(block, static_cast<int>(j), choice.mins[j]);
    const float inverse =
        reciprocal(tensor::to_float(block.scale) * static_cast<float>(choice.scales[j]));
    const float min = tensor::to_float(block.min) * static_cast<float>(choice.mins[j]);
    for (std::size_t i = j * F::kSubElements; i < (j + 1) * F::kSubElements; ++i) {
      F::set_code(block, static_cast<int>(i), levels.nearest((samples.values[i] + min) * inverse));
    }
  }
}

template <HasSubMins F>
void encode_searched(const Samples& samples, typename F::Block& block) {
  std::array<Affine, kSubBlocks<F>> wanted;
  Units units{0.0f, 0.0f};
  for (std::size_t j = 0; j < kSubBlocks<F>; ++j) {
    wanted[j] =
        fit_affine(F::kMaxCode, sub_block<F>(samples, j), Precision::kFloat, MinSign::kNotPositive);
    units.scale = std::max(units.scale, wanted[j].scale / static_cast<float>(F::kMaxSubScale));
    units.min = std::max(units.min, -wanted[j].min / static_cast<float>(F::kMaxSubScale));
  }
  AffineChoice<F> best;
  best.error = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kSuperBlockRounds; ++round) {
    const tensor::Float16 scale = finite_half(units.scale);
    const tensor::Float16 min = finite_half(units.min);
    const Units stored{tensor::to_float(scale), tensor::to_float(min)};
    AffineChoice<F> choice;
    for (std::size_t j = 0; j < kSubBlocks<F>; ++j) {
      choose_sub_block<F>(sub_block<F>(samples, j), stored, wanted[j], j, choice);
    }
    if (choice.error < best.error) {
      best = choice;
      block.scale = scale;
      block.min = min;
    }
    units = choice.best_units(stored);
  }
  pack<F>(samples, best, block);
}

}  // namespace minimax::quant
