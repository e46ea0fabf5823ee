// SPDX-License-Identifier: Apache-2.0
// What computes embedding: tokens [begin, end) of plain arrays.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/isa.h"
#include "ops/embedding/embedding.h"
#include "quant/matrix.h"

namespace minimax::ops {

struct EmbeddingRows {
  const quant::Matrix* table;  // [V, width]
  const std::byte* data;       // its bytes
  quant::Format format;
  const std::int32_t* token_ids;
  std::int64_t width;
  float* out;  // [T, width]
};

namespace reference {
void embedding(const EmbeddingRows& args, std::int64_t begin, std::int64_t end);
}

namespace kernels {
/// Plain formats only.
template <cpu::Isa isa>
void embedding(const EmbeddingRows& args, std::int64_t begin, std::int64_t end);
}  // namespace kernels

/// On the arguments of the operation, checked.
namespace cuda {
void embedding(const Context& ctx, const quant::Matrix& table,
               std::span<const std::int32_t> token_ids, const tensor::Tensor& out);
}

}  // namespace minimax::ops
