// SPDX-License-Identifier: Apache-2.0
// One token of each of many sequences. Every block reads a part of one head's state, decays it,
// adds k^T v, writes it back and reduces q S, so that the state crosses the memory bus once in each
// direction; all loads are started before the first is used.
#include <cuda_runtime.h>

#include "base/check.h"
#include "cuda/check.h"
#include "ops/lightning_attention/lightning_attention_step.cuh"

namespace minimax::ops::cuda {
namespace {

// Any head dimension: a thread has one value column.
template <class In, class Out>
__global__ void any_step_kernel(LightningCudaArgs args) {
  __shared__ float q[kStepDim];
  __shared__ float k[kStepDim];
  const int dim = static_cast<int>(args.head_dim);
  const int column = threadIdx.x;
  const std::int64_t row = blockIdx.y * args.heads + blockIdx.x;
  const In* qkv = static_cast<const In*>(args.qkv) + row * 3 * dim;
  Out* out = static_cast<Out*>(args.out) + row * dim;
  float* state = args.states[blockIdx.y];
  if (state == nullptr) {
    store_number(out + column, 0.0f);
    return;
  }
  state += static_cast<std::int64_t>(blockIdx.x) * dim * dim;
  const bool activated = args.input == LightningInput::kActivated;
  const float2 qk =
      activate_pair({load_number(qkv + column), load_number(qkv + dim + column)}, activated);
  const float v = activate_pair({load_number(qkv + 2 * dim + column), 0.0f}, activated).x;
  q[column] = qk.x;
  k[column] = qk.y;
  const DecayFactor factor = decay_factor(args.decay[blockIdx.x], 1);
  __syncthreads();
  float sum = 0.0f;
  for (int i = 0; i < dim; ++i) {
    const float s = fmaf(k[i], v, apply(factor, state[i * dim + column]));
    state[i * dim + column] = s;
    sum = fmaf(q[i], s, sum);
  }
  store_number(out + column, sum);
}

void launch_any(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  const dim3 grid(static_cast<unsigned>(args.heads), static_cast<unsigned>(args.batch));
  visit_types(args, [&]<class In, class Out>(const In*, Out*) {
    any_step_kernel<In, Out><<<grid, static_cast<unsigned>(args.head_dim), 0, stream>>>(args);
  });
}

}  // namespace

void lightning_attention_step(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  base::check(args.head_dim >= 1 && args.head_dim <= kStepDim, ErrorCode::kInvalidArgument,
              "lightning_attention_step: head_dim: expected a size from 1 to 128 on a GPU");
  if (args.batch == 0 || args.heads == 0) {
    return;
  }
  if (args.head_dim == kStepDim) {
    launch_step<64, 128, true>(args, stream);
  } else {
    launch_any(args, stream);
  }
  minimax::cuda::check_launch("lightning_attention_step");
}

}  // namespace minimax::ops::cuda
