// SPDX-License-Identifier: Apache-2.0
// One token of each of many sequences, with states that are written only every W-th time: with the
// last written state S and n pending tokens before this one,
//   o = e^(-decay (n + 1)) q S + sum over j <= n of e^(-decay (n - j)) (q k_j) v_j.
#include <cuda_runtime.h>

#include "base/check.h"
#include "cuda/check.h"
#include "ops/lightning_attention/lightning_attention_step.cuh"

namespace minimax::ops::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kStride = kThreads / 32;  // rows of the state that the block holds at a time
constexpr int kRows = kStepDim / kStride;

struct DeferredShared {
  float q[kStepDim];
  float k[kMaxWindow][kStepDim];  // activated
  float v[kMaxWindow][kStepDim];
  float weights[kMaxWindow];            // e^(-decay (n - j)) q k_j
  DecayFactor factors[kMaxWindow + 1];  // of so many tokens
  float4 sums[kThreads];
};

// Token j of the window is `rows`, but this step's is in `qkv`, and goes to the rows. A thread has
// one element of k and v of every second token.
template <class In>
__device__ void load_window(DeferredShared& shared, const In* qkv, In* rows, int count,
                            bool activated) {
  const int element = static_cast<int>(threadIdx.x) % kStepDim;
  const int first = static_cast<int>(threadIdx.x) / kStepDim;
  In raw[kMaxWindow / 2][2];
#pragma unroll
  for (int i = 0; i < kMaxWindow / 2; ++i) {
    const int token = 2 * i + first;
    const In* from = token < count ? rows + token * 2 * kStepDim : qkv + kStepDim;
    raw[i][0] = from[element];
    raw[i][1] = from[kStepDim + element];
  }
  const float q = activate_pair({load_number(qkv + element), 0.0f}, activated).x;
#pragma unroll
  for (int i = 0; i < kMaxWindow / 2; ++i) {
    const int token = 2 * i + first;
    if (token == count) {
      rows[token * 2 * kStepDim + element] = raw[i][0];
      rows[token * 2 * kStepDim + kStepDim + element] = raw[i][1];
    }
    const float2 kv = activate_pair({load_number(&raw[i][0]), load_number(&raw[i][1])}, activated);
    shared.k[token][element] = kv.x;
    shared.v[token][element] = kv.y;
  }
  shared.q[element] = q;
}

__device__ void weigh_window(DeferredShared& shared, int count) {
  const int lane = threadIdx.x % 32;
  for (int j = threadIdx.x / 32; j <= count; j += kWarps) {
    float sum = 0.0f;
    for (int i = lane; i < kStepDim; i += 32) {
      sum = fmaf(shared.q[i], shared.k[j][i], sum);
    }
    for (int distance = 16; distance > 0; distance /= 2) {
      sum += __shfl_xor_sync(0xffffffff, sum, distance);
    }
    if (lane == 0) {
      shared.weights[j] = sum * shared.factors[count - j].high;
    }
  }
}

// q S without its decay: this thread's rows.
__device__ float4 multiply_rows(const StepState<kRows>& state, const DeferredShared& shared) {
  float4 sum = {};
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const float q = shared.q[threadIdx.x / 32 + i * kStride];
    sum.x = fmaf(q, state.rows[i].x, sum.x);
    sum.y = fmaf(q, state.rows[i].y, sum.y);
    sum.z = fmaf(q, state.rows[i].z, sum.z);
    sum.w = fmaf(q, state.rows[i].w, sum.w);
  }
  return sum;
}

// S = decayed S + the sum of the decayed k_j^T v_j.
__device__ void take_in(StepState<kRows>& state, const DeferredShared& shared, int tokens) {
  const int column = threadIdx.x % 32 * 4;
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    float4& s = state.rows[i];
    s = {apply(shared.factors[tokens], s.x), apply(shared.factors[tokens], s.y),
         apply(shared.factors[tokens], s.z), apply(shared.factors[tokens], s.w)};
  }
  for (int j = 0; j < tokens; ++j) {
    const float4 v = *reinterpret_cast<const float4*>(&shared.v[j][column]);
    const float factor = shared.factors[tokens - 1 - j].high;
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const float k = shared.k[j][threadIdx.x / 32 + i * kStride] * factor;
      float4& s = state.rows[i];
      s = {fmaf(k, v.x, s.x), fmaf(k, v.y, s.y), fmaf(k, v.z, s.z), fmaf(k, v.w, s.w)};
    }
  }
}

template <class Out>
__device__ void store_outputs(DeferredShared& shared, float4 sum, int count, Out* out) {
  shared.sums[threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.x >= kStepDim) {
    return;
  }
  const auto* numbers = reinterpret_cast<const float*>(shared.sums);
  float total = 0.0f;
  for (int warp = 0; warp < kWarps; ++warp) {
    total += numbers[warp * kStepDim + threadIdx.x];
  }
  total = apply(shared.factors[count + 1], total);
  for (int j = 0; j <= count; ++j) {
    total = fmaf(shared.weights[j], shared.v[j][threadIdx.x], total);
  }
  store_number(out + threadIdx.x, total);
}

// Grid [H, B]. A block has one head's state in its registers.
template <class In, class Out>
__global__ __launch_bounds__(kThreads) void deferred_kernel(LightningCudaArgs args,
                                                            LightningPending pending) {
  __shared__ DeferredShared shared;
  const int head = blockIdx.x;
  const std::int64_t row = blockIdx.y * args.heads + head;
  const In* qkv = static_cast<const In*>(args.qkv) + row * 3 * kStepDim;
  Out* out = static_cast<Out*>(args.out) + row * kStepDim;
  float* matrix = args.states[blockIdx.y];
  if (matrix == nullptr) {
    if (threadIdx.x < kStepDim) {
      store_number(out + threadIdx.x, 0.0f);
    }
    return;
  }
  matrix += (static_cast<std::int64_t>(head) * kStepDim + threadIdx.x / 32) * kStepDim +
            threadIdx.x % 32 * 4;
  StepState<kRows> state;
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    state.rows[i] = load_state(matrix + i * kStride * kStepDim, true);
  }
  const int count = pending.count[blockIdx.y];
  const int window = static_cast<int>(pending.window);
  In* rows = static_cast<In*>(pending.rows[blockIdx.y]) +
             static_cast<std::int64_t>(head) * window * 2 * kStepDim;
  if (threadIdx.x <= kMaxWindow) {
    shared.factors[threadIdx.x] = decay_factor(args.decay[head], threadIdx.x);
  }
  load_window(shared, qkv, rows, count, args.input == LightningInput::kActivated);
  __syncthreads();
  weigh_window(shared, count);
  const float4 sum = multiply_rows(state, shared);
  if (count + 1 == window) {
    take_in(state, shared, window);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      store_state(matrix + i * kStride * kStepDim, state.rows[i], true);
    }
  }
  store_outputs(shared, sum, count, out);
}

}  // namespace

void lightning_attention_deferred_step(const LightningCudaArgs& args,
                                       const LightningPending& pending,
                                       minimax::cuda::Stream stream) {
  base::check(args.head_dim == kStepDim && pending.window >= 1 && pending.window <= kMaxWindow,
              ErrorCode::kInvalidArgument,
              "lightning_attention_deferred_step: expected head_dim 128 and a window up to 16");
  if (args.batch == 0 || args.heads == 0) {
    return;
  }
  const dim3 grid(static_cast<unsigned>(args.heads), static_cast<unsigned>(args.batch));
  visit_types(args, [&]<class In, class Out>(const In*, Out*) {
    deferred_kernel<In, Out><<<grid, kThreads, 0, stream>>>(args, pending);
  });
  minimax::cuda::check_launch("lightning_attention_deferred_step");
}

}  // namespace minimax::ops::cuda
