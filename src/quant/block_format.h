// SPDX-License-Identifier: Apache-2.0
// What a quantized format is to the code that is written once for all of them. A format is a struct
// without state: `Block` holds kElements consecutive elements of a row exactly as they lie in
// memory and in files (little-endian, no padding), and decode() gives element i of a block.
#pragma once

#include <concepts>
#include <type_traits>

namespace minimax::quant {

template <class F>
concept BlockFormat =
    std::is_trivially_copyable_v<typename F::Block> &&
    std::is_standard_layout_v<typename F::Block> && requires(const typename F::Block& block) {
      { F::kElements } -> std::convertible_to<int>;
      { F::decode(block, 0) } -> std::same_as<float>;
    };

/// A format whose elements are small integers; what they stand for is up to the family.
template <class F>
concept CodedFormat = BlockFormat<F> && requires(typename F::Block& block) {
  { F::code(block, 0) } -> std::same_as<int>;
  F::set_code(block, 0, 0);
  { F::kMinCode } -> std::convertible_to<int>;
  { F::kMaxCode } -> std::convertible_to<int>;
};

/// Blocks of sub-blocks of kSubElements, each with a small integer scale; the block's `scale` (and
/// `min`) are binary16. Families: with mins element = scale * s * code - min * m, without
/// element = scale * s * level(code).
template <class F>
concept SuperBlockFormat = CodedFormat<F> && requires(typename F::Block& block) {
  { F::kSubElements } -> std::convertible_to<int>;
  { F::sub_scale(block, 0) } -> std::same_as<int>;
  F::set_sub_scale(block, 0, 0);
};

template <class F>
concept HasSubMins = SuperBlockFormat<F> && requires(typename F::Block& block) {
  { F::sub_min(block, 0) } -> std::same_as<int>;
  F::set_sub_min(block, 0, 0);
};

}  // namespace minimax::quant
