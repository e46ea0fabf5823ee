// SPDX-License-Identifier: Apache-2.0
// Random problems of softmax attention on the GPU, and their solution in float64 on the host. For
// the tests and the benchmark.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ops/lightning_attention/lightning_attention_cuda_testing.cuh"
#include "ops/softmax_attention/softmax_attention_cuda.h"

namespace minimax::ops::cuda::testing {

struct SoftmaxProblem {
  std::vector<std::int64_t> lengths;  // new tokens of every sequence
  std::vector<std::int64_t> before;   // tokens in the caches already; missing ones are 0
  std::int64_t heads = 4;
  std::int64_t kv_heads = 2;
  std::int64_t dim = 128;
  std::int64_t window = 0;
  std::int64_t page_tokens = 128;
  tensor::DType dtype = tensor::DType::kBF16;               // of everything
  std::optional<tensor::DType> cache_dtype = std::nullopt;  // another one for the cache
  std::int64_t rows_behind = 0;                             // of T, of no sequence
  bool forgets_pages = false;  // those that a window leaves behind are missing
  std::int64_t longest = 0;    // what the kernels are told
  std::uint32_t seed = 1;
};

int multiprocessors();

/// A problem in device memory. Pages lie in random order; what no token has written in them, and
/// the rows behind the last sequence, are NaN.
class SoftmaxDeviceProblem {
 public:
  explicit SoftmaxDeviceProblem(const SoftmaxProblem& problem);

  SoftmaxCudaArgs args() const;
  std::vector<double> result() const;  // [T, H, D]
  void poison() { out_.poison(); }
  /// |out - expected| / |expected| over rows of q in about even steps, so many that it does not
  /// take long; NaN where any row of a sequence is not finite. Rows of `sequences` alone where that
  /// is not empty.
  double error(std::vector<std::size_t> sequences = {}) const;

 private:
  void fill_pages(std::size_t sequence);
  void write_row(std::byte* page, std::int64_t row, float* values) const;
  std::vector<double> expected(std::size_t sequence, std::int64_t token, std::int64_t head) const;
  const float* key(std::size_t sequence, std::int64_t position, std::int64_t page_head) const;

  SoftmaxProblem problem_;
  std::vector<std::int64_t> cu_seqlens_;
  std::vector<std::int64_t> first_page_;  // [B] in the pool
  std::vector<std::size_t> order_;        // pool page of every page
  std::vector<float> q_;                  // [T, H, D]
  std::vector<std::vector<float>> rows_;  // [B] of [length, 2 KVH, D]
  std::vector<std::byte> pool_;           // pages as they are on the device
  DeviceArray<std::byte> device_q_;
  DeviceArray<std::byte> out_;
  DeviceArray<std::byte> device_pool_;
  DeviceArray<std::int64_t> device_cu_seqlens_;
  DeviceArray<std::byte*> pages_;
  DeviceArray<std::byte> caches_;
};

}  // namespace minimax::ops::cuda::testing
