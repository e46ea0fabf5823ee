// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul/matmul.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "ops/checks.h"
#include "ops/matmul/matmul_kernels.h"
#include "ops/weight_product.h"
#include "quant/device_tiles.h"

namespace minimax::ops {
namespace {

void reference_matmul(const MatmulArgs& args) {
  const std::int64_t inner = args.weight.shape()[1];
  const std::int64_t columns = args.weight.shape()[0];
  for (std::int64_t t = 0; t < args.x.shape()[0]; ++t) {
    reference::matmul_row(args.x.data<float>() + t * inner, args.weight, args.precision,
                          args.out.data<float>() + t * columns);
  }
}

void cpu_matmul(const Context& ctx, const MatmulArgs& args) {
  const std::int64_t rows = args.x.shape()[0];
  const std::int64_t columns = args.weight.shape()[0];
  if (rows == 0 || columns == 0) {
    return;
  }
  if (!has_kernels({&args.weight, 1})) {
    return reference_matmul(args);
  }
  const std::span<const quant::Matrix> weights(&args.weight, 1);
  const std::array<std::int32_t, 2> one_group = {0, static_cast<std::int32_t>(rows)};
  const GroupBlocks blocks(one_group, columns, pool_of(ctx).threads());
  fetch_ahead(ctx, blocks, weights);
  ScratchScope scratch(ctx);
  WeightProduct product = weight_product(ctx, scratch, args.x, {weights}, args.precision);
  product.out = args.out.data<float>();
  product.columns = columns;
  for_each_block(ctx, blocks, rows * columns * product.inner, [&](std::size_t, const Block& block) {
    multiply_block(ctx.isa, product, args.weight, block);
  });
}

void check_arguments(const Context& ctx, const MatmulArgs& args) {
  const Checks checks("matmul", ctx);
  checks.activations("x", args.x, {Checks::kAny, Checks::kAny});
  checks.matrix("weight", args.weight, {Checks::kAny, args.x.shape()[1]});
  checks.activations("out", args.out, {args.x.shape()[0], args.weight.shape()[0]});
  checks.disjoint("out", args.out, "x", args.x);
}

}  // namespace

void matmul(const Context& ctx, const MatmulArgs& args) {
  check_arguments(ctx, args);
  switch (ctx.device) {
    case Device::kReference:
      return reference_matmul(args);
    case Device::kCpu:
      return cpu_matmul(ctx, args);
    case Device::kCuda:
      return cuda::matmul(ctx, args);
  }
}

void joined_matmul(const Context& ctx, const JoinedMatmulArgs& args) {
  const auto product = [&](std::size_t i) {
    return MatmulArgs{
        .x = args.x, .weight = args.weights[i], .precision = args.precision, .out = args.outs[i]};
  };
  for (std::size_t i = 0; i < args.weights.size(); ++i) {
    check_arguments(ctx, product(i));
  }
  if (ctx.device == Device::kCuda && cuda::joined_matmul(ctx, args)) {
    return;
  }
  for (std::size_t i = 0; i < args.weights.size(); ++i) {
    matmul(ctx, product(i));
  }
}

std::int64_t matmul_scratch_bytes(Device device, std::int64_t rows, std::int64_t inner) {
  if (device != Device::kCuda) {
    return weight_product_bytes(rows, inner);
  }
  // Activations as another type, and a part of the weights, decoded.
  const std::int64_t row_bytes = inner * static_cast<std::int64_t>(sizeof(float));
  return tensor::Arena::footprint(rows * row_bytes) +
         tensor::Arena::footprint(
             std::max(cuda::kDecodedBytes, quant::kDeviceTileRows * row_bytes));
}

}  // namespace minimax::ops
