// SPDX-License-Identifier: Apache-2.0
// random_weights on the GPU: one thread a block.
#include "base/check.h"
#include "cuda/kernel.cuh"
#include "ops/random_weights/random_weights_kernels.h"
#include "quant/format.h"
#include "quant/random_block.h"

namespace minimax::ops::cuda {
namespace {

template <class F>
void fill(const Context& ctx, const RandomWeightsArgs& args) {
  auto* blocks = reinterpret_cast<typename F::Block*>(args.out.bytes_begin());
  const std::uint64_t seed = args.seed;
  const float scale = quant::random_scale<F>(args.deviation);
  minimax::cuda::for_each(ctx.cuda->stream(), args.out.shape().elements() / F::kElements,
                          "random_weights", [=] __device__(std::int64_t i) {
                            blocks[i] = quant::random_block<F>(
                                quant::random_bits(seed, static_cast<std::uint64_t>(i)), scale);
                          });
}

}  // namespace

void random_weights(const Context& ctx, const RandomWeightsArgs& args) {
  base::check(args.out.layout() == quant::Layout::kRows, ErrorCode::kUnsupported,
              "random_weights: expected rows of blocks on a GPU");
  quant::visit_format(args.out.format(), [&]<class F>() { fill<F>(ctx, args); });
}

}  // namespace minimax::ops::cuda
