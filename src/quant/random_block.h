// SPDX-License-Identifier: Apache-2.0
// Blocks of random weights, for models that are measured without a checkpoint: codes that all
// occur, scales that differ, no zeros in bulk, nothing infinite. Made of integer arithmetic, so
// that the host and a GPU make the same bytes.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/block_format.h"
#include "tensor/float16.h"

namespace minimax::quant {

/// 64 bits that follow from the arguments alone.
/// Source: the output function of splitmix64, Steele et al. 2014.
constexpr std::uint64_t random_bits(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// A sum of four uniform numbers of 16 bits: close to normal, from 0 to kBellEnd - 4.
constexpr std::int32_t bell(std::uint64_t bits) {
  return static_cast<std::int32_t>((bits & 0xffff) + ((bits >> 16) & 0xffff) +
                                   ((bits >> 32) & 0xffff) + (bits >> 48));
}
inline constexpr std::int32_t kBellEnd = 1 << 18;
inline constexpr std::int32_t kBellMiddle = 1 << 17;
inline constexpr double kBellDeviation = 37837.227;  // sqrt(4 / 12) * 65536

template <class F>
concept LevelFormat = requires { F::kLevels; } || requires { F::kFloatLevels; };

/// Numbers of 8 bits with a scale.
template <class F>
concept SmallFloatFormat = BlockFormat<F> && !CodedFormat<F> && requires(typename F::Block& block) {
  block.scale;
  block.codes;
};

/// From 2^-2 to below 2^2 in e4m3, of either sign: exponents and mantissas are uniform.
constexpr std::uint8_t random_small_float(std::uint64_t bits) {
  constexpr std::uint64_t kFirst = 0x28;
  constexpr std::uint64_t kCount = 0x20;
  return static_cast<std::uint8_t>((bits & 0x80) | (kFirst + (bits >> 8) % kCount));
}

/// The codes that random blocks have: symmetric where they are signed.
template <CodedFormat F>
constexpr int first_random_code() {
  return F::kMinCode < 0 ? -F::kMaxCode : F::kMinCode;
}

/// Indices into unequal levels are uniform, numbers are bell-shaped.
template <CodedFormat F>
constexpr int random_code(std::uint64_t bits) {
  constexpr int kFirst = first_random_code<F>();
  constexpr int kCount = F::kMaxCode - kFirst + 1;
  if constexpr (LevelFormat<F>) {
    return kFirst + static_cast<int>(bits % static_cast<std::uint64_t>(kCount));
  } else {
    return kFirst + bell(bits) * kCount / kBellEnd;
  }
}

/// From half of the largest to the largest.
template <SuperBlockFormat F>
constexpr int random_sub_scale(std::uint64_t bits) {
  constexpr int kHalf = (F::kMaxSubScale + 1) / 2;
  return kHalf + static_cast<int>(bits % static_cast<std::uint64_t>(F::kMaxSubScale - kHalf + 1));
}

namespace detail {

constexpr void assign(float& to, float value) { to = value; }
constexpr void assign(tensor::Float16& to, float value) { to = tensor::to_float16(value); }
constexpr void assign(tensor::BFloat16& to, float value) { to = tensor::to_bfloat16(value); }

template <CodedFormat F>
constexpr void set_scale(typename F::Block& block, float value) {
  if constexpr (requires { block.absmax; }) {
    assign(block.absmax, value);
  } else {
    assign(block.scale, value);
  }
}

// From seven eighths of the scale to a little more than it.
constexpr float vary(float scale, std::uint64_t bits) {
  return scale * static_cast<float>(56 + bits % 16) / 64.0f;
}

template <CodedFormat F>
constexpr void set_random_scales(std::uint64_t seed, float scale, typename F::Block& block) {
  set_scale<F>(block, vary(scale, seed));
  if constexpr (requires { block.min; }) {  // so that the mean is about 0
    const float middle = static_cast<float>(F::kMaxCode) / 2.0f * tensor::to_float(block.scale);
    assign(block.min, SuperBlockFormat<F> ? middle : -middle);
  }
  if constexpr (SuperBlockFormat<F>) {
    for (int j = 0; j < F::kElements / F::kSubElements; ++j) {
      const int sub = random_sub_scale<F>(random_bits(~seed, static_cast<std::uint64_t>(j)));
      F::set_sub_scale(block, j, sub);
      if constexpr (HasSubMins<F>) {
        F::set_sub_min(block, j, sub);
      }
    }
  }
}

// The root mean square of the levels, times the scale.
template <LevelFormat F>
double deviation_of_levels() {
  typename F::Block block{};
  set_scale<F>(block, 1.0f);
  if constexpr (SuperBlockFormat<F>) {
    F::set_sub_scale(block, 0, 1);
  }
  double squares = 0;
  for (int code = F::kMinCode; code <= F::kMaxCode; ++code) {
    F::set_code(block, 0, code);
    squares += std::pow(double{F::decode(block, 0)}, 2);
  }
  return std::sqrt(squares / (F::kMaxCode - F::kMinCode + 1));
}

template <CodedFormat F>
double deviation_of_codes() {
  if constexpr (LevelFormat<F>) {
    return deviation_of_levels<F>();
  } else {
    // Whole numbers spread by a twelfth more than what they are the floor of.
    const double exact = kBellDeviation / kBellEnd * (F::kMaxCode - first_random_code<F>() + 1);
    return std::sqrt(exact * exact + 1.0 / 12);
  }
}

template <SmallFloatFormat F>
double deviation_of_small_floats() {
  constexpr std::uint64_t kCodes = 0x20;
  typename F::Block block{};
  block.scale = 1.0f;
  double squares = 0;
  for (std::uint64_t i = 0; i < kCodes; ++i) {
    block.codes[0] = random_small_float(i << 8);
    squares += std::pow(double{F::decode(block, 0)}, 2);
  }
  return std::sqrt(squares / kCodes);
}

}  // namespace detail

/// The `scale` of random_block() that gives elements of about this standard deviation.
template <BlockFormat F>
float random_scale(double deviation) {
  if constexpr (SuperBlockFormat<F>) {
    return static_cast<float>(deviation /
                              (0.75 * F::kMaxSubScale * detail::deviation_of_codes<F>()));
  } else if constexpr (CodedFormat<F>) {
    return static_cast<float>(deviation / detail::deviation_of_codes<F>());
  } else if constexpr (SmallFloatFormat<F>) {
    return static_cast<float>(deviation / detail::deviation_of_small_floats<F>());
  } else {
    return static_cast<float>(deviation / kBellDeviation);
  }
}

/// The block that belongs to `seed`; random_bits(seed of a matrix, index of the block) gives one.
template <BlockFormat F>
constexpr typename F::Block random_block(std::uint64_t seed, float scale) {
  typename F::Block block{};
  if constexpr (CodedFormat<F>) {
    detail::set_random_scales<F>(seed, scale, block);
    for (int i = 0; i < F::kElements; ++i) {
      F::set_code(block, i, random_code<F>(random_bits(seed, static_cast<std::uint64_t>(i))));
    }
  } else if constexpr (SmallFloatFormat<F>) {
    block.scale = detail::vary(scale, seed);
    for (std::size_t i = 0; i < static_cast<std::size_t>(F::kElements); ++i) {
      block.codes[i] = random_small_float(random_bits(seed, i));
    }
  } else {
    static_assert(F::kElements == 1, "random_block: say how this format is filled");
    detail::assign(block.value, static_cast<float>(bell(seed) - kBellMiddle) * scale);
  }
  return block;
}

}  // namespace minimax::quant
