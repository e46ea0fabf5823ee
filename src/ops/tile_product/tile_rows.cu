// SPDX-License-Identifier: Apache-2.0
// Rows of activations as tile_product.h takes them. Bound by memory: each row is read and written
// once.
#include <cuda_fp8.h>

#include "cuda/bf16.cuh"
#include "cuda/kernel.cuh"
#include "ops/tile_product/tile_product.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::BFloat16;
using minimax::cuda::blocks_for;
using minimax::cuda::check_launch;

constexpr int kThreads = 256;
constexpr float kLargestE4M3 = 448.0f;
constexpr float kSmallest = 0x1p-100f;  // rows below it count as zeros

// Eight numbers, as they are in memory.
__device__ void load_eight(const BFloat16* from, float (&to)[8]) {
  const uint4 raw = *reinterpret_cast<const uint4*>(from);
  const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    to[2 * i] = minimax::cuda::low_bf16(words[i]);
    to[2 * i + 1] = minimax::cuda::high_bf16(words[i]);
  }
}
__device__ void load_eight(const float* from, float (&to)[8]) {
  const float4 low = reinterpret_cast<const float4*>(from)[0];
  const float4 high = reinterpret_cast<const float4*>(from)[1];
  const float values[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    to[i] = values[i];
  }
}

__device__ std::int64_t source_row(const GatherRows& args, std::int64_t row) {
  return args.pair_of_row == nullptr ? row : args.pair_of_row[row] / args.top_k;
}

template <class X>
__global__ void __launch_bounds__(kThreads) gather_kernel(const GatherRows args) {
  const std::int64_t row = blockIdx.x;
  const X* from = static_cast<const X*>(args.x) + source_row(args, row) * args.columns;
  auto* to = static_cast<uint4*>(args.out) + row * (args.columns / 8);
  for (std::int64_t i = threadIdx.x; i < args.columns / 8; i += kThreads) {
    float v[8];
    load_eight(from + 8 * i, v);
    to[i] = {minimax::cuda::pack_bf16(v[0], v[1]), minimax::cuda::pack_bf16(v[2], v[3]),
             minimax::cuda::pack_bf16(v[4], v[5]), minimax::cuda::pack_bf16(v[6], v[7])};
  }
}

__device__ std::uint32_t e4m3_of_four(float a, float b, float c, float d) {
  const auto low = __nv_cvt_float2_to_fp8x2({a, b}, __NV_SATFINITE, __NV_E4M3);
  const auto high = __nv_cvt_float2_to_fp8x2({c, d}, __NV_SATFINITE, __NV_E4M3);
  return static_cast<std::uint32_t>(low) | static_cast<std::uint32_t>(high) << 16;
}

// The largest magnitude of a row, in every thread.
template <class X>
__device__ float largest_of(const X* row, std::int64_t columns, float* parts) {
  float largest = 0.0f;
  for (std::int64_t i = threadIdx.x; i < columns / 8; i += kThreads) {
    float v[8];
    load_eight(row + 8 * i, v);
#pragma unroll
    for (const float value : v) {
      largest = fmaxf(largest, fabsf(value));
    }
  }
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) {
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, offset));
  }
  if (threadIdx.x % 32 == 0) {
    parts[threadIdx.x / 32] = largest;
  }
  __syncthreads();
#pragma unroll
  for (int warp = 0; warp < kThreads / 32; ++warp) {
    largest = fmaxf(largest, parts[warp]);
  }
  return largest;
}

// The second pass over a row finds it in the cache.
template <class X>
__global__ void __launch_bounds__(kThreads) quantize_kernel(const QuantizeRows args) {
  __shared__ float parts[kThreads / 32];
  const std::int64_t row = blockIdx.x;
  const std::int64_t columns = args.rows.columns;
  const X* from = static_cast<const X*>(args.rows.x) + source_row(args.rows, row) * columns;
  auto* to = static_cast<uint4*>(args.rows.out) + row * (columns / 16);
  const float largest = largest_of(from, columns, parts);
  const float scale = largest > kSmallest ? largest / kLargestE4M3 : 1.0f;
  const float factor = 1.0f / scale;
  if (threadIdx.x == 0) {
    args.scales[row] = scale;
  }
  for (std::int64_t i = threadIdx.x; i < columns / 16; i += kThreads) {
    float low[8];
    float high[8];
    load_eight(from + 16 * i, low);
    load_eight(from + 16 * i + 8, high);
    std::uint32_t words[4];
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      words[j] = e4m3_of_four(low[2 * j] * factor, high[2 * j] * factor, low[2 * j + 1] * factor,
                              high[2 * j + 1] * factor);
    }
    to[i] = {words[0], words[1], words[2], words[3]};
  }
}

}  // namespace

void gather_rows(const GatherRows& args, minimax::cuda::Stream stream) {
  if (args.rows == 0) {
    return;
  }
  const auto blocks = static_cast<unsigned>(args.rows);
  if (args.x_is_float) {
    gather_kernel<float><<<blocks, kThreads, 0, stream>>>(args);
  } else {
    gather_kernel<BFloat16><<<blocks, kThreads, 0, stream>>>(args);
  }
  check_launch("gather_rows");
}

void quantize_rows(const QuantizeRows& args, minimax::cuda::Stream stream) {
  if (args.rows.rows == 0) {
    return;
  }
  const auto blocks = static_cast<unsigned>(args.rows.rows);
  if (args.rows.x_is_float) {
    quantize_kernel<float><<<blocks, kThreads, 0, stream>>>(args);
  } else {
    quantize_kernel<BFloat16><<<blocks, kThreads, 0, stream>>>(args);
  }
  check_launch("quantize_rows");
}

}  // namespace minimax::ops::cuda
