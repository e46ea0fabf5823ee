// SPDX-License-Identifier: Apache-2.0
// How one block is encoded, for the families whose block has one scale: codes times the scale,
// codes times the scale plus a minimum. Templates, because each format packs its codes itself.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "quant/block_format.h"
#include "quant/scale_search.h"

namespace minimax::quant {

template <class F>
concept HasLevelTable = requires { F::kLevels; };

/// One binary16 scale, no minimum.
template <class F>
concept ScaledFormat = CodedFormat<F> && !SuperBlockFormat<F> && requires(typename F::Block& b) {
  { b.scale } -> std::same_as<tensor::Float16&>;
} && !requires(typename F::Block& b) { b.min; };

/// One binary16 scale and one binary16 minimum.
template <class F>
concept AffineFormat = CodedFormat<F> && !SuperBlockFormat<F> && requires(typename F::Block& b) {
  { b.min } -> std::same_as<tensor::Float16&>;
};

template <CodedFormat F>
Levels levels_of() {
  if constexpr (HasLevelTable<F>) {
    return {F::kMinCode, F::kMaxCode, F::kLevels};
  } else {
    return {F::kMinCode, F::kMaxCode};
  }
}

template <ScaledFormat F>
void encode_searched(const Samples& samples, typename F::Block& block) {
  const Levels levels = levels_of<F>();
  block.scale = finite_half(fit_scale(levels, samples, Precision::kHalf));
  const float inverse = reciprocal(tensor::to_float(block.scale));
  for (int i = 0; i < F::kElements; ++i) {
    F::set_code(block, i, levels.nearest(samples.values[static_cast<std::size_t>(i)] * inverse));
  }
}

template <AffineFormat F>
void encode_searched(const Samples& samples, typename F::Block& block) {
  const Affine fit = fit_affine(F::kMaxCode, samples, Precision::kHalf, MinSign::kAny);
  const Levels levels = levels_of<F>();
  block.scale = finite_half(fit.scale);
  block.min = finite_half(fit.min);
  const float inverse = reciprocal(fit.scale);
  for (int i = 0; i < F::kElements; ++i) {
    const float value = samples.values[static_cast<std::size_t>(i)];
    F::set_code(block, i, levels.nearest((value - fit.min) * inverse));
  }
}

/// ggml's reference encoder. With symmetric codes the number of largest magnitude gets the largest
/// code and halves round away from zero; otherwise it gets the lowest code, and codes are the whole
/// part of x / scale + 1/2, counted from the lowest code.
template <ScaledFormat F>
  requires(!HasLevelTable<F>)
void encode_reference(std::span<const float> values, typename F::Block& block) {
  constexpr bool kSymmetric = F::kMinCode == -F::kMaxCode;
  const float largest =
      *std::ranges::max_element(values, {}, [](float value) { return std::abs(value); });
  const float scale = kSymmetric ? std::abs(largest) / static_cast<float>(F::kMaxCode)
                                 : largest / static_cast<float>(F::kMinCode);
  const float inverse = reciprocal(scale);
  block.scale = finite_half(scale);
  for (int i = 0; i < F::kElements; ++i) {
    const float scaled = values[static_cast<std::size_t>(i)] * inverse;
    const float code = kSymmetric ? std::round(scaled)
                                  : std::trunc(scaled + (0.5f - static_cast<float>(F::kMinCode))) +
                                        static_cast<float>(F::kMinCode);
    F::set_code(block, i, std::min(static_cast<int>(code), F::kMaxCode));
  }
}

template <AffineFormat F>
void encode_reference(std::span<const float> values, typename F::Block& block) {
  const auto [low, high] = std::ranges::minmax(values);
  const float scale = (high - low) / static_cast<float>(F::kMaxCode);
  const float inverse = std::isfinite(scale) ? reciprocal(scale) : 0.0f;
  block.scale = finite_half(scale);
  block.min = finite_half(low);
  for (int i = 0; i < F::kElements; ++i) {
    const float code = std::trunc((values[static_cast<std::size_t>(i)] - low) * inverse + 0.5f);
    // A range beyond binary32 leaves infinity times zero: NaN, which is not above 0.
    F::set_code(block, i, code > 0 ? std::min(static_cast<int>(code), F::kMaxCode) : 0);
  }
}

}  // namespace minimax::quant
