// SPDX-License-Identifier: Apache-2.0
#include "ops/rope/rope.h"

#include <fmt/format.h>

#include <cmath>

#include "ops/checks.h"
#include "ops/parallel.h"
#include "ops/rope/rope_kernels.h"

namespace minimax::ops {
namespace {

// 1 / theta^(2j/R), each step rounded to float32 as the published implementation does.
float inverse_frequency(double theta, std::int64_t j, std::int64_t pairs) {
  const float exponent = static_cast<float>(2 * j) / static_cast<float>(2 * pairs);
  return 1.0f / static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
}

void fill_table(std::span<const std::int64_t> positions, double theta, const tensor::Tensor& cos,
                const tensor::Tensor& sin) {
  const std::int64_t pairs = cos.shape()[1];
  float* cosines = cos.data<float>();
  float* sines = sin.data<float>();
  for (std::int64_t j = 0; j < pairs; ++j) {
    const float frequency = inverse_frequency(theta, j, pairs);
    for (std::size_t t = 0; t < positions.size(); ++t) {
      const float angle = static_cast<float>(positions[t]) * frequency;
      const std::int64_t i = static_cast<std::int64_t>(t) * pairs + j;
      cosines[i] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sines[i] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
}

}  // namespace

void rope_table(const Context& ctx, std::span<const std::int64_t> positions, double theta,
                const tensor::Tensor& cos, const tensor::Tensor& sin) {
  const Checks checks("rope_table", ctx);
  const auto tokens = static_cast<std::int64_t>(positions.size());
  checks.tensor("cos", cos, tensor::DType::kF32, {tokens, Checks::kAny});
  checks.tensor("sin", sin, tensor::DType::kF32, {tokens, cos.shape()[1]});
  checks.that(theta > 0.0, [&] { return fmt::format("theta: expected above 0, found {}", theta); });
  if (ctx.device == Device::kCuda) {
    cuda::rope_table(ctx, positions, theta, cos, sin);
  } else {  // once per forward pass: not worth kernels of its own
    fill_table(positions, theta, cos, sin);
  }
}

void rope(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& cos,
          const tensor::Tensor& sin) {
  const Checks checks("rope", ctx);
  checks.activations("x", x, {Checks::kAny, Checks::kAny, Checks::kAny});
  const std::int64_t tokens = x.shape()[0];
  checks.tensor("cos", cos, tensor::DType::kF32, {tokens, Checks::kAny});
  const std::int64_t pairs = cos.shape()[1];
  checks.tensor("sin", sin, tensor::DType::kF32, {tokens, pairs});
  checks.in_range("rotated dimensions", 2 * pairs, 0, x.shape()[2] + 1);
  const auto rows = [&] {
    return RopeRows{.x = x.data<float>(),
                    .cos = cos.data<float>(),
                    .sin = sin.data<float>(),
                    .heads = x.shape()[1],
                    .head_dim = x.shape()[2],
                    .pairs = pairs};
  };
  const auto kernel = cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::rope<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::rope(rows(), 0, tokens);
    case Device::kCpu:
      return parallel_rows(ctx, tokens, rows().heads * rows().head_dim, kernel, rows());
    case Device::kCuda:
      return cuda::rope(ctx, x, cos, sin);
  }
}

}  // namespace minimax::ops
