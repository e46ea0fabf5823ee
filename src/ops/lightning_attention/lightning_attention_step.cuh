// SPDX-License-Identifier: Apache-2.0
// The kernel of one token for heads of 128, in the shapes that the benchmark compares.
#pragma once

#include "cuda/launch_order.cuh"
#include "ops/lightning_attention/lightning_attention_parts.cuh"

namespace minimax::ops::cuda {

constexpr int kStepDim = 128;

__device__ inline float2 activate_pair(float2 x, bool activated) {
  if (!activated) {
    silu(x.x, x.y);
  }
  return x;
}

/// Four neighbours, 8 bytes of bf16 or 16 of float32.
__device__ inline float4 load_four(const float* from) {
  return *reinterpret_cast<const float4*>(from);
}
__device__ inline float4 load_four(const __nv_bfloat16* from) {
  const uint2 raw = *reinterpret_cast<const uint2*>(from);
  return {minimax::cuda::low_bf16(raw.x), minimax::cuda::high_bf16(raw.x),
          minimax::cuda::low_bf16(raw.y), minimax::cuda::high_bf16(raw.y)};
}

__device__ inline float4 load_state(const float* from, bool streaming) {
  const auto* address = reinterpret_cast<const float4*>(from);
  return streaming ? __ldcs(address) : *address;
}

__device__ inline void store_state(float* to, float4 value, bool streaming) {
  auto* address = reinterpret_cast<float4*>(to);
  if (streaming) {
    __stcs(address, value);
  } else {
    *address = value;
  }
}

struct StepShared {
  float q[kStepDim];
  float k[kStepDim];
  DecayFactor factor;
  float4 sums[256];  // of as many threads as a block may have
};

// What one thread holds: four columns of every kStride-th row.
template <int kRows>
struct StepState {
  float4 rows[kRows];
};

__device__ inline float advance_number(DecayFactor factor, float& s, float k, float v, float q,
                                       float sum) {
  s = fmaf(k, v, apply(factor, s));
  return fmaf(q, s, sum);
}

// Decays the rows, adds k^T v, and returns this thread's part of q S.
template <int kRows, int kStride>
__device__ float4 advance_rows(StepState<kRows>& state, const StepShared& shared, int first,
                               float4 v) {
  const DecayFactor factor = shared.factor;
  float4 sum = {};
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const float k = shared.k[first + i * kStride];
    const float q = shared.q[first + i * kStride];
    float4& s = state.rows[i];
    sum.x = advance_number(factor, s.x, k, v.x, q, sum.x);
    sum.y = advance_number(factor, s.y, k, v.y, q, sum.y);
    sum.z = advance_number(factor, s.z, k, v.z, q, sum.z);
    sum.w = advance_number(factor, s.w, k, v.w, q, sum.w);
  }
  return sum;
}

// What a thread needs of the token: an element of q and k, and its columns of v. All loads are
// under way before the first is used.
struct StepToken {
  float2 qk;
  float4 v;
};

template <class In>
__device__ StepToken load_token(const In* qkv, int column) {
  const int element = static_cast<int>(threadIdx.x) % kStepDim;
  return {{load_number(qkv + element), load_number(qkv + kStepDim + element)},
          load_four(qkv + 2 * kStepDim + column)};
}

__device__ inline float4 share_token(StepShared& shared, const StepToken& token, float decay,
                                     bool activated) {
  const int thread = threadIdx.x;
  const float2 qk = activate_pair(token.qk, activated);
  if (thread < kStepDim) {
    shared.q[thread] = qk.x;
    shared.k[thread] = qk.y;
  }
  if (thread == static_cast<int>(blockDim.x) - 1) {
    shared.factor = decay_factor(decay, 1);
  }
  const float2 low = activate_pair({token.v.x, token.v.y}, activated);
  const float2 high = activate_pair({token.v.z, token.v.w}, activated);
  return {low.x, low.y, high.x, high.y};
}

// Sums over the threads that hold other rows of the same columns; the first row of threads writes.
template <int kLanes, class Out>
__device__ void store_sums(StepShared& shared, float4 sum, Out* out) {
  const int thread = threadIdx.x;
  shared.sums[thread] = sum;
  __syncthreads();
  if (thread >= 4 * kLanes) {
    return;
  }
  const auto* numbers = reinterpret_cast<const float*>(shared.sums);
  float total = 0.0f;
  for (int row = 0; row < static_cast<int>(blockDim.x) / kLanes; ++row) {
    total += numbers[row * 4 * kLanes + thread];
  }
  store_number(out + thread, total);
}

// Brings a thread's rows into the second cache, every sector by one thread.
template <int kRows, int kStride>
__device__ void fetch_rows(const float* state) {
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    if (threadIdx.x % 2 == 0) {
      minimax::cuda::fetch_ahead(state + i * kStride * kStepDim);
    }
  }
}

// Grid [128 / kColumns, H, B]; a block has kColumns value columns of one head's state.
template <int kColumns, int kThreads, bool kStreaming, class In, class Out>
__global__ __launch_bounds__(kThreads) void step_kernel(LightningCudaArgs args) {
  constexpr int kLanes = kColumns / 4;
  constexpr int kStride = kThreads / kLanes;
  constexpr int kRows = kStepDim / kStride;
  __shared__ StepShared shared;
  const int first = threadIdx.x / kLanes;
  const int column = blockIdx.x * kColumns + threadIdx.x % kLanes * 4;
  const std::int64_t row = blockIdx.z * args.heads + blockIdx.y;
  const In* qkv = static_cast<const In*>(args.qkv) + row * 3 * kStepDim;
  Out* out = static_cast<Out*>(args.out) + row * kStepDim + blockIdx.x * kColumns;
  minimax::cuda::let_next_kernel_start();
  float* state = args.states[blockIdx.z];
  if (state == nullptr) {
    minimax::cuda::wait_for_kernels_ahead();
    if (threadIdx.x < kColumns) {
      store_number(out + threadIdx.x, 0.0f);
    }
    return;
  }
  state += (static_cast<std::int64_t>(blockIdx.y) * kStepDim + first) * kStepDim + column;
  const float decay = args.decay[blockIdx.y];
  fetch_rows<kRows, kStride>(state);
  minimax::cuda::wait_for_kernels_ahead();
  const StepToken token = load_token(qkv, column);
  StepState<kRows> rows;
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    rows.rows[i] = load_state(state + i * kStride * kStepDim, kStreaming);
  }
  const float4 v = share_token(shared, token, decay, args.input == LightningInput::kActivated);
  __syncthreads();
  const float4 sum = advance_rows<kRows, kStride>(rows, shared, first, v);
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    store_state(state + i * kStride * kStepDim, rows.rows[i], kStreaming);
  }
  store_sums<kLanes>(shared, sum, out);
}

template <int kColumns, int kThreads, bool kStreaming>
void launch_step(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  const dim3 grid(kStepDim / kColumns, static_cast<unsigned>(args.heads),
                  static_cast<unsigned>(args.batch));
  visit_types(args, [&]<class In, class Out>(const In*, Out*) {
    minimax::cuda::launch_early(
        "lightning_attention_step", &step_kernel<kColumns, kThreads, kStreaming, In, Out>,
        {.blocks = grid, .threads = kThreads, .shared_bytes = 0}, stream, args);
  });
}

}  // namespace minimax::ops::cuda
