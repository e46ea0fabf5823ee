// SPDX-License-Identifier: Apache-2.0
// How a format lies in panels (panels.h), worked out from its struct: a new format says nothing
// more. Plain numbers, so that kernels take a layout as a template argument and formats with equal
// layouts share them.
#pragma once

#include <cstdint>

#include "quant/block_format.h"

namespace minimax::quant {

inline constexpr std::int64_t kPanelRows = 16;
/// Consecutive elements of a row whose codes lie together, eight steps of four elements.
inline constexpr std::int64_t kChunkElements = 32;
inline constexpr std::int64_t kStepElements = 4;
inline constexpr std::int64_t kStepBytes = kPanelRows * kStepElements;
inline constexpr std::int64_t kChunkSteps = kChunkElements / kStepElements;

/// The small integers that scale a super-block's groups.
enum class SubScales : std::uint8_t {
  kNone,
  kUnsigned,         // a byte for the scale of each row and group
  kSigned,           // the same, signed
  kScalesAndMins,    // the bytes of all scales, then those of all minima
  kNibblesWithMins,  // scale in the low nibble, minimum in the high one
};

/// A format in panels. Everything is public and constant: it serves as a template argument.
struct PanelLayout {
  int unit_elements = 32;   // a block of the format
  int group_elements = 32;  // share a scale: 16, 32 or 64
  int low_bits = 8;         // the plane of low bits: 8, 4 or 2
  int high_bits = 0;        // the plane of high bits: 0, 1 or 2
  int zero = 0;             // what a code that stands for 0 is stored as; 0 with minima and levels
  bool float_scales = false;  // float32, otherwise binary16
  bool has_mins = false;
  bool subtracts_mins = false;  // element = scale * code - min, otherwise + min
  SubScales sub_scales = SubScales::kNone;
  bool has_levels = false;      // codes are indices into 16 levels
  std::int8_t levels[16] = {};  // as kernels multiply them
  float exact_levels[16] = {};  // what they stand for
  float level_scale = 1.0f;     // levels[i] * level_scale is next to exact_levels[i]

  constexpr int groups() const { return unit_elements / group_elements; }
  constexpr std::int64_t chunks() const { return unit_elements / kChunkElements; }
  constexpr bool is_super() const { return sub_scales != SubScales::kNone; }
  constexpr int bits() const { return low_bits + high_bits; }
  constexpr std::int64_t chunk_bytes() const { return kStepBytes * bits(); }
  /// Parts of a unit, in the order in which they lie.
  constexpr std::int64_t scale_bytes() const { return kPanelRows * (float_scales ? 4 : 2); }
  constexpr std::int64_t min_bytes() const { return has_mins ? kPanelRows * 2 : 0; }
  constexpr std::int64_t sub_scale_bytes() const {
    const std::int64_t each = kPanelRows * groups();
    return !is_super() ? 0 : sub_scales == SubScales::kScalesAndMins ? 2 * each : each;
  }
  constexpr std::int64_t header_bytes() const {
    return scale_bytes() + min_bytes() + sub_scale_bytes();
  }
  constexpr std::int64_t unit_bytes() const { return header_bytes() + chunks() * chunk_bytes(); }
  /// Of the bytes that kernels multiply: codes, or levels + 128.
  constexpr int byte_zero() const { return has_levels ? 128 : zero; }
  /// Whether those bytes may exceed 127.
  constexpr bool has_wide_bytes() const { return has_levels || low_bits == 8; }
};

/// A scale called absmax is float32, one called scale has the type of its member; minima are
/// binary16.
template <class F>
concept HasAbsmax = requires(const typename F::Block& block) { block.absmax; };
template <class F>
concept HasFloatScale =
    HasAbsmax<F> || requires(typename F::Block& block, float*& scale) { scale = &block.scale; };
template <class F>
concept HasMin = requires(const typename F::Block& block) { block.min; };
template <class F>
concept HasLevels = requires { F::kLevels[0]; };
template <class F>
concept HasFloatLevels = requires { F::kFloatLevels[0]; };

namespace panels_internal {

constexpr int rounded(float x) { return static_cast<int>(x < 0.0f ? x - 0.5f : x + 0.5f); }

constexpr float worst_error(const auto& values, float scale) {
  float worst = 0.0f;
  for (const float value : values) {
    const float error = value - static_cast<float>(rounded(value * scale)) / scale;
    worst = error > worst ? error : -error > worst ? -error : worst;
  }
  return worst;
}

/// How many steps the level 1 should be worth, for the smallest of the worst errors.
constexpr float best_level_steps(const auto& values) {
  constexpr int kParts = 8;
  float best = 127.0f;
  for (int i = 80 * kParts; i <= 127 * kParts; ++i) {
    const float steps = static_cast<float>(i) / kParts;
    best = worst_error(values, steps) < worst_error(values, best) ? steps : best;
  }
  return best;
}

template <class F>
constexpr void set_bits_of_codes(PanelLayout& layout) {
  constexpr int kRange = F::kMaxCode - F::kMinCode;
  layout.low_bits = kRange > 63 ? 8 : kRange > 7 ? 4 : 2;
  layout.high_bits = kRange > 63   ? 0
                     : kRange > 31 ? 2
                     : kRange > 15 ? 1
                     : kRange > 7  ? 0
                                   : kRange / 4;
  layout.zero = kRange > 63 ? 128 : -F::kMinCode;  // files may hold the byte -128
}

template <SuperBlockFormat F>
constexpr void set_sub_scales(PanelLayout& layout) {
  layout.group_elements = F::kSubElements;
  layout.sub_scales = SubScales::kUnsigned;
  if constexpr (HasSubMins<F>) {
    layout.sub_scales =
        F::kMaxSubScale <= 15 ? SubScales::kNibblesWithMins : SubScales::kScalesAndMins;
    layout.subtracts_mins = true;
  } else {
    layout.sub_scales = F::kMinSubScale < 0 ? SubScales::kSigned : SubScales::kUnsigned;
  }
}

}  // namespace panels_internal

/// The layout of a format with codes.
template <CodedFormat F>
constexpr PanelLayout panel_layout() {
  PanelLayout layout;
  layout.unit_elements = F::kElements;
  layout.group_elements = F::kElements;
  panels_internal::set_bits_of_codes<F>(layout);
  layout.float_scales = HasFloatScale<F>;
  layout.has_mins = HasMin<F>;
  if constexpr (SuperBlockFormat<F>) {
    panels_internal::set_sub_scales<F>(layout);
  }
  if constexpr (HasLevels<F>) {
    layout.has_levels = true;
    for (int i = 0; i < 16; ++i) {
      layout.levels[i] = F::kLevels[static_cast<std::size_t>(i)];
      layout.exact_levels[i] = static_cast<float>(layout.levels[i]);
    }
  }
  if constexpr (HasFloatLevels<F>) {
    layout.has_levels = true;
    const float steps = panels_internal::best_level_steps(F::kFloatLevels);
    layout.level_scale = 1.0f / steps;
    for (int i = 0; i < 16; ++i) {
      layout.exact_levels[i] = F::kFloatLevels[static_cast<std::size_t>(i)];
      layout.levels[i] =
          static_cast<std::int8_t>(panels_internal::rounded(layout.exact_levels[i] * steps));
    }
  }
  return layout;
}

}  // namespace minimax::quant
