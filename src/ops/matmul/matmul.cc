// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul/matmul.h"

#include "ops/checks.h"
#include "ops/matmul/matmul_kernels.h"

namespace minimax::ops {

void matmul(const Context& ctx, const MatmulArgs& args) {
  using tensor::DType;
  const Checks checks("matmul");
  checks.tensor("x", args.x, DType::kF32, {Checks::kAny, Checks::kAny});
  const std::int64_t rows = args.x.shape()[0];
  checks.tensor("weight", args.weight, {DType::kF32, DType::kF16, DType::kBF16},
                {Checks::kAny, args.x.shape()[1]});
  const std::int64_t columns = args.weight.shape()[0];
  checks.tensor("out", args.out, DType::kF32, {rows, columns});
  checks.disjoint("out", args.out, "x", args.x);
  switch (ctx.device) {
    case Device::kReference:
    case Device::kCpu:
      for (std::int64_t t = 0; t < rows; ++t) {
        const float* x = args.x.data<float>() + t * args.x.shape()[1];
        for (std::int64_t n = 0; n < columns; ++n) {
          args.out.data<float>()[t * columns + n] =
              static_cast<float>(reference::dot(x, args.weight, n, args.precision));
        }
      }
  }
}

std::int64_t matmul_scratch_bytes(std::int64_t rows, std::int64_t inner) {
  return rows * inner * 2;
}

}  // namespace minimax::ops
