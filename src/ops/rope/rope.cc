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

}  // namespace

void rope_table(std::span<const std::int64_t> positions, double theta, const tensor::Tensor& cos,
                const tensor::Tensor& sin) {
  const Checks checks("rope_table");
  const auto tokens = static_cast<std::int64_t>(positions.size());
  checks.tensor("cos", cos, tensor::DType::kF32, {tokens, Checks::kAny});
  const std::int64_t pairs = cos.shape()[1];
  checks.tensor("sin", sin, tensor::DType::kF32, {tokens, pairs});
  checks.that(theta > 0.0, [&] { return fmt::format("theta: expected above 0, found {}", theta); });
  float* cosines = cos.data<float>();
  float* sines = sin.data<float>();
  for (std::int64_t j = 0; j < pairs; ++j) {
    const float frequency = inverse_frequency(theta, j, pairs);
    for (std::int64_t t = 0; t < tokens; ++t) {
      const float position = static_cast<float>(positions[static_cast<std::size_t>(t)]);
      const float angle = position * frequency;
      cosines[t * pairs + j] = static_cast<float>(std::cos(static_cast<double>(angle)));
      sines[t * pairs + j] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  }
}

void rope(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& cos,
          const tensor::Tensor& sin) {
  const Checks checks("rope");
  checks.tensor("x", x, tensor::DType::kF32, {Checks::kAny, Checks::kAny, Checks::kAny});
  const std::int64_t tokens = x.shape()[0];
  checks.tensor("cos", cos, tensor::DType::kF32, {tokens, Checks::kAny});
  const std::int64_t pairs = cos.shape()[1];
  checks.tensor("sin", sin, tensor::DType::kF32, {tokens, pairs});
  checks.in_range("rotated dimensions", 2 * pairs, 0, x.shape()[2] + 1);
  const RopeRows rows{.x = x.data<float>(),
                      .cos = cos.data<float>(),
                      .sin = sin.data<float>(),
                      .heads = x.shape()[1],
                      .head_dim = x.shape()[2],
                      .pairs = pairs};
  const auto kernel = cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::rope<isa>; });
  switch (ctx.device) {
    case Device::kReference:
      return reference::rope(rows, 0, tokens);
    case Device::kCpu:
      return parallel_rows(ctx, tokens, rows.heads * rows.head_dim, kernel, rows);
  }
}

}  // namespace minimax::ops
