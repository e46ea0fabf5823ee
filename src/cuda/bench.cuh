// SPDX-License-Identifier: Apache-2.0
// What benchmarks of kernels share: medians of times by events, of calls in a row or as a graph,
// and random numbers made on the GPU. Not for the program.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "cuda/check.h"

namespace minimax::cuda::bench {

inline void must(cudaError_t status) { check(status, "benchmark"); }

/// The median of `repetitions` times of start(stream), in microseconds, after `warm_ups` more.
inline double median_us(int repetitions, int warm_ups, cudaStream_t stream,
                        const std::function<void(int)>& start) {
  cudaEvent_t begin = nullptr;
  cudaEvent_t end = nullptr;
  must(cudaEventCreate(&begin));
  must(cudaEventCreate(&end));
  std::vector<double> times;
  for (int i = 0; i < repetitions + warm_ups; ++i) {
    must(cudaEventRecord(begin, stream));
    start(i);
    must(cudaEventRecord(end, stream));
    must(cudaEventSynchronize(end));
    float ms = 0.0f;
    must(cudaEventElapsedTime(&ms, begin, end));
    if (i >= warm_ups) {
      times.push_back(1000.0 * ms);
    }
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

/// The median time in microseconds of one of `calls` calls in a row on the default stream, so that
/// the host's part is hidden where there are several. `call` gets the number of the call.
inline double calls_us(int repetitions, int calls, const std::function<void(int)>& call) {
  return median_us(repetitions, 3, nullptr,
                   [&](int i) {
                     for (int j = 0; j < calls; ++j) {
                       call(i * calls + j);
                     }
                   }) /
         calls;
}

/// The median time in microseconds of one of `launches`, which launch(i) starts, as a graph.
inline double graph_us(int launches, const std::function<void(int, cudaStream_t)>& launch,
                       int repetitions = 11) {
  cudaStream_t stream = nullptr;
  must(cudaStreamCreate(&stream));
  must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  for (int i = 0; i < launches; ++i) {
    launch(i, stream);
  }
  cudaGraph_t graph = nullptr;
  must(cudaStreamEndCapture(stream, &graph));
  cudaGraphExec_t program = nullptr;
  must(cudaGraphInstantiate(&program, graph, 0));
  const double us =
      median_us(repetitions, 2, stream, [&](int) { must(cudaGraphLaunch(program, stream)); });
  cudaGraphExecDestroy(program);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
  return us / launches;
}

/// Random numbers of a standard deviation of about 1. Any grid.
__global__ void fill(__nv_bfloat16* numbers, std::int64_t count, std::uint32_t seed) {
  std::int64_t i = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  for (; i < count; i += static_cast<std::int64_t>(gridDim.x) * blockDim.x) {
    std::uint32_t x = static_cast<std::uint32_t>(i) * 2654435761u + seed;
    x = (x ^ (x >> 15)) * 2246822519u;
    x = (x ^ (x >> 13)) * 3266489917u;
    const float sum = static_cast<float>((x & 0xffff) + (x >> 16)) / 65536.0f - 1.0f;
    numbers[i] = __float2bfloat16_rn(2.4f * sum);
  }
}

}  // namespace minimax::cuda::bench
