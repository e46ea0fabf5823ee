// SPDX-License-Identifier: Apache-2.0
// The floating point types as formats of one element per block.
#pragma once

#include "tensor/float16.h"

namespace minimax::quant {

template <class T>
struct Plain {
  static constexpr int kElements = 1;
  struct Block {
    T value;
  };
  static constexpr float decode(const Block& block, int /*i*/) {
    return tensor::to_float(block.value);
  }
};

using F32 = Plain<float>;
using F16 = Plain<tensor::Float16>;
using BF16 = Plain<tensor::BFloat16>;

static_assert(sizeof(F32::Block) == 4 && sizeof(F16::Block) == 2 && sizeof(BF16::Block) == 2);
static_assert(F16::decode({{0xc100}}, 0) == -2.5f && BF16::decode({{0x3fc0}}, 0) == 1.5f);

}  // namespace minimax::quant
