// SPDX-License-Identifier: Apache-2.0
// What benchmarks of products on the GPU share: random tiles made on the device, and the read rate
// of this machine. Launches are timed as graphs, so that the gaps between them count as they do in
// a decode step.
#pragma once

#include <cuda_fp16.h>

#include <cstdint>
#include <cstdio>

#include "cuda/bench.cuh"
#include "ops/device_matrix/device_matrix.h"

namespace minimax::ops {

using minimax::cuda::bench::graph_us;
using minimax::cuda::bench::must;

__device__ inline std::uint32_t hashed(std::uint64_t value) {
  value = (value ^ (value >> 31)) * 0x7fb5d329728ea185ull;
  value = (value ^ (value >> 27)) * 0x81dadef4bc2dd44dull;
  return static_cast<std::uint32_t>(value >> 32);
}

/// Random bits for codes, bf16 and float numbers near 0.01 for all else.
__global__ void fill_tiles(std::uint32_t* words, std::int64_t count, DeviceTile tile, bool floats) {
  const auto stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += stride) {
    const std::uint32_t random = hashed(static_cast<std::uint64_t>(i) + 1);
    const bool code = i * 4 % tile.bytes() < tile.code_bytes();
    std::uint32_t word = random;
    if (code && tile.code_bits == 16) {
      word = (random & 0x807f807fu) | 0x3c003c00u;
    } else if (code && tile.code_bits == 32) {
      word = (random & 0x807fffffu) | 0x3c000000u;
    } else if (!code) {
      word = floats ? (random & 0x007fffffu) | 0x3c000000u : (random & 0x03ff03ffu) | 0x20002000u;
    }
    words[i] = word;
  }
}

/// A matrix of random tiles.
inline void* random_tiles(const DeviceLayout& layout, std::int64_t matrices = 1) {
  void* data = nullptr;
  must(cudaMalloc(&data, static_cast<std::size_t>(layout.bytes() * matrices)));
  const bool floats = layout.format == DeviceFormat::kNF4 || layout.format == DeviceFormat::kFP4 ||
                      layout.format == DeviceFormat::kFP8 ||
                      layout.format == DeviceFormat::kInt8F32;
  fill_tiles<<<1024, 256>>>(static_cast<std::uint32_t*>(data), layout.bytes() * matrices / 4,
                            layout.tile(), floats);
  must(cudaDeviceSynchronize());
  return data;
}

__global__ void read_all(const uint4* data, std::int64_t count, std::uint32_t* out) {
  const auto stride = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  std::uint32_t sum = 0;
  for (; i + 7 * stride < count; i += 8 * stride) {
    uint4 v[8];
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      v[j] = __ldcs(data + i + j * stride);
    }
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      sum += v[j].x ^ v[j].y ^ v[j].z ^ v[j].w;
    }
  }
  if (sum == 0x12345678u) {
    *out = sum;
  }
}

/// The rate at which this GPU reads 4 GB, in bytes per microsecond.
inline double read_rate() {
  constexpr std::int64_t kBytes = std::int64_t{4} << 30;
  void* data = nullptr;
  must(cudaMalloc(&data, kBytes));
  fill_tiles<<<1024, 256>>>(static_cast<std::uint32_t*>(data), kBytes / 4,
                            device_tile(DeviceFormat::kInt4G64), false);
  auto* out = static_cast<std::uint32_t*>(data);
  const double us = graph_us(1, [&](int /*i*/, cudaStream_t stream) {
    read_all<<<132 * 4, 512, 0, stream>>>(static_cast<const uint4*>(data), kBytes / 16, out);
  });
  must(cudaFree(data));
  return kBytes / us;
}

}  // namespace minimax::ops
