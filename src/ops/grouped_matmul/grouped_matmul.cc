// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_matmul/grouped_matmul.h"

#include <cmath>

#include "ops/checks.h"
#include "ops/matmul/matmul_kernels.h"

namespace minimax::ops {
namespace {

// Calls f(expert, row) for every row.
template <class F>
void for_each_row(const tensor::Tensor& offsets, F&& f) {
  const std::int32_t* begin = offsets.data<std::int32_t>();
  for (std::int64_t expert = 0; expert + 1 < offsets.shape()[0]; ++expert) {
    for (std::int64_t row = begin[expert]; row < begin[expert + 1]; ++row) {
      f(static_cast<std::size_t>(expert), row);
    }
  }
}

}  // namespace

void grouped_gated_matmul(const Context&, const GroupedGatedMatmulArgs& args) {
  const std::int64_t inner = args.x.shape()[1];
  const std::int64_t columns = args.out.shape()[1];
  for_each_row(args.offsets, [&](std::size_t expert, std::int64_t row) {
    const std::int64_t token = args.pair_of_row.data<std::int32_t>()[row] / args.top_k;
    const float* x = args.x.data<float>() + token * inner;
    for (std::int64_t n = 0; n < columns; ++n) {
      const double gate = reference::dot(x, args.gate[expert], n, args.precision);
      const double up = reference::dot(x, args.up[expert], n, args.precision);
      args.out.data<float>()[row * columns + n] =
          static_cast<float>(gate / (1.0 + std::exp(-gate)) * up);
    }
  });
}

void grouped_matmul(const Context&, const GroupedMatmulArgs& args) {
  const std::int64_t columns = args.out.shape()[1];
  for_each_row(args.offsets, [&](std::size_t expert, std::int64_t row) {
    const float* x = args.x.data<float>() + row * args.x.shape()[1];
    for (std::int64_t n = 0; n < columns; ++n) {
      args.out.data<float>()[row * columns + n] =
          static_cast<float>(reference::dot(x, args.weight[expert], n, args.precision));
    }
  });
}

std::int64_t grouped_matmul_scratch_bytes(std::int64_t rows, std::int64_t inner) {
  return rows * inner * 2;
}

}  // namespace minimax::ops
