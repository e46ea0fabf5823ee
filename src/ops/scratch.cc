// SPDX-License-Identifier: Apache-2.0
#include "ops/scratch.h"

#include "base/check.h"

namespace minimax::ops {
namespace {

tensor::Arena& arena_of(const Context& ctx) {
  base::check(ctx.scratch != nullptr, ErrorCode::kInvalidArgument,
              "context: expected scratch, found none");
  return *ctx.scratch;
}

}  // namespace

ScratchScope::ScratchScope(const Context& ctx) : arena_(arena_of(ctx)), mark_(arena_.used()) {}

float* ScratchScope::floats(std::int64_t count) const {
  return tensor(tensor::DType::kF32, {count}).data<float>();
}

tensor::Tensor ScratchScope::tensor(tensor::DType dtype, const tensor::Shape& shape) const {
  return arena_.allocate(dtype, shape);
}

}  // namespace minimax::ops
