// SPDX-License-Identifier: Apache-2.0
// Grouped products in plain loops.
#include <cstddef>
#include <vector>

#include "ops/grouped_matmul/grouped_matmul_kernels.h"
#include "ops/matmul/matmul_kernels.h"
#include "ops/silu_mul/silu_mul_kernels.h"

namespace minimax::ops::reference {
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

void grouped_gated_matmul(const GroupedGatedMatmulArgs& args) {
  const std::int64_t inner = args.x.shape()[1];
  const std::int64_t columns = args.out.shape()[1];
  std::vector<float> up(static_cast<std::size_t>(columns));
  for_each_row(args.offsets, [&](std::size_t expert, std::int64_t row) {
    const std::int64_t token = args.pair_of_row.data<std::int32_t>()[row] / args.top_k;
    const float* x = args.x.data<float>() + token * inner;
    float* out = args.out.data<float>() + row * columns;
    matmul_row(x, args.gate[expert], args.precision, out);
    matmul_row(x, args.up[expert], args.precision, up.data());
    silu_mul({.gate = out, .up = up.data(), .out = out}, 0, columns);
  });
}

void grouped_matmul(const GroupedMatmulArgs& args) {
  const std::int64_t inner = args.x.shape()[1];
  const std::int64_t columns = args.out.shape()[1];
  for_each_row(args.offsets, [&](std::size_t expert, std::int64_t row) {
    matmul_row(args.x.data<float>() + row * inner, args.weight[expert], args.precision,
               args.out.data<float>() + row * columns);
  });
}

}  // namespace minimax::ops::reference
