// SPDX-License-Identifier: Apache-2.0
// Scratch of one operation: taken from the context's arena, given back when the scope ends.
#pragma once

#include <cstdint>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace minimax::ops {

class ScratchScope {
 public:
  /// Throws: Error{kInvalidArgument} for a context without scratch.
  explicit ScratchScope(const Context& ctx);
  ~ScratchScope() { arena_.rewind(mark_); }
  ScratchScope(const ScratchScope&) = delete;
  ScratchScope& operator=(const ScratchScope&) = delete;

  /// Uninitialised floats, aligned to tensor::Buffer::kAlignment.
  float* floats(std::int64_t count) const;
  tensor::Tensor tensor(tensor::DType dtype, const tensor::Shape& shape) const;

 private:
  tensor::Arena& arena_;
  std::int64_t mark_;
};

}  // namespace minimax::ops
