// SPDX-License-Identifier: Apache-2.0
// moe_combine on the GPU: a thread has some consecutive elements of a token, and adds up the slots
// in their order. Bound by memory: every row is read once.
#include <algorithm>

#include "cuda/kernel.cuh"
#include "ops/moe_combine/moe_combine_kernels.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::blocks_for;
using minimax::cuda::check_launch;
using minimax::cuda::elements;
using minimax::cuda::from_float;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;

constexpr int kThreads = 256;

template <class Row, class Out>
struct CombineCall {
  const Row* rows;                  // [R, width]
  const std::int32_t* row_of_pair;  // [T, top_k]
  const float* weights;             // [T, top_k]
  Out* out;                         // [T, width]
  std::int64_t width;
  int top_k;
};

template <class T, int count>
struct alignas(sizeof(T) * count) Vector {
  T values[count];
};

// Grid [blocks that cover a row, T].
template <int count, class Row, class Out>
__global__ void __launch_bounds__(kThreads) combine_kernel(CombineCall<Row, Out> args) {
  const std::int64_t at = minimax::cuda::thread_index() * count;
  if (at >= args.width) {
    return;
  }
  const std::int64_t token = blockIdx.y;
  const std::int64_t pair = token * args.top_k;
  float sums[count] = {};
#pragma unroll 2  // so that two rows are on their way
  for (int slot = 0; slot < args.top_k; ++slot) {
    const std::int64_t row = args.row_of_pair[pair + slot];
    const float weight = args.weights[pair + slot];
    const auto part =
        *reinterpret_cast<const Vector<Row, count>*>(args.rows + row * args.width + at);
#pragma unroll
    for (int i = 0; i < count; ++i) {
      sums[i] += weight * to_float(part.values[i]);
    }
  }
  Vector<Out, count> result;
#pragma unroll
  for (int i = 0; i < count; ++i) {
    result.values[i] = from_float<Out>(sums[i]);
  }
  *reinterpret_cast<Vector<Out, count>*>(args.out + token * args.width + at) = result;
}

template <int count, class Row, class Out>
void launch(const Context& ctx, const CombineCall<Row, Out>& call, std::int64_t first,
            std::int64_t tokens) {
  CombineCall<Row, Out> part = call;
  part.row_of_pair += first * call.top_k;
  part.weights += first * call.top_k;
  part.out += first * call.width;
  const dim3 grid(blocks_for(call.width, kThreads * count), static_cast<unsigned>(tokens));
  combine_kernel<count><<<grid, kThreads, 0, ctx.cuda->stream()>>>(part);
  check_launch("moe_combine");
}

template <class Row, class Out>
void run(const Context& ctx, const MoeCombineArgs& args) {
  const CombineCall<Row, Out> call{.rows = elements<Row>(args.rows),
                                   .row_of_pair = args.row_of_pair.data<std::int32_t>(),
                                   .weights = args.expert_weights.data<float>(),
                                   .out = elements<Out>(args.out),
                                   .width = args.rows.shape()[1],
                                   .top_k = static_cast<int>(args.expert_weights.shape()[1])};
  constexpr std::int64_t kMostTokens = 65535;  // of a grid
  constexpr int kCount = 8;                    // 16 or 32 bytes
  for (std::int64_t first = 0; first < args.out.shape()[0]; first += kMostTokens) {
    const std::int64_t tokens = std::min(kMostTokens, args.out.shape()[0] - first);
    if (call.width % kCount == 0) {
      launch<kCount>(ctx, call, first, tokens);
    } else {
      launch<1>(ctx, call, first, tokens);
    }
  }
}

}  // namespace

void moe_combine(const Context& ctx, const MoeCombineArgs& args) {
  if (args.out.elements() == 0) {
    return;
  }
  visit_activations(args.rows.dtype(), [&]<class Row>() {
    visit_activations(args.out.dtype(), [&]<class Out>() { run<Row, Out>(ctx, args); });
  });
}

}  // namespace minimax::ops::cuda
