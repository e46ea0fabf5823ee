// SPDX-License-Identifier: Apache-2.0
// Random problems of lightning attention on the GPU, and the recurrence in float64 on the host.
// For the tests and the benchmark.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "cuda/check.h"
#include "ops/lightning_attention/lightning_attention_cuda.h"

namespace minimax::ops::cuda::testing {

/// Device memory, all bits set at first: NaN in every float type.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t size) : size_(size) {
    minimax::cuda::check(cudaMalloc(&data_, bytes() + 1), "cudaMalloc");
    poison();
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    minimax::cuda::check(cudaMemcpy(data_, values.data(), bytes(), cudaMemcpyHostToDevice),
                         "cudaMemcpy");
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(data_); }

  void poison() { minimax::cuda::check(cudaMemset(data_, 0xff, bytes()), "cudaMemset"); }
  std::vector<T> to_host() const {
    std::vector<T> values(size_);
    minimax::cuda::check(cudaMemcpy(values.data(), data_, bytes(), cudaMemcpyDeviceToHost),
                         "cudaMemcpy");
    return values;
  }
  T* data() const { return data_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

 private:
  std::size_t size_;
  T* data_ = nullptr;
};

struct Problem {
  std::vector<std::int64_t> lengths;
  std::int64_t heads = 2;
  std::int64_t dim = 128;
  tensor::DType qkv_type = tensor::DType::kBF16;
  tensor::DType out_type = tensor::DType::kBF16;
  LightningInput input = LightningInput::kProjection;
  std::int64_t rows_behind = 0;  // of T, of no sequence
  std::uint32_t seed = 1;
};

/// Random numbers as the GPU will see them: rounded to bf16 where that is the type.
std::vector<float> random_numbers(std::size_t count, tensor::DType type, std::uint32_t seed);

/// Decays from that of a fast head, which forgets in a token, to 5e-5.
std::vector<float> decays(std::int64_t heads);

struct Result {
  std::vector<double> out;     // [T, H, D]
  std::vector<double> states;  // [B, H, D, D]
};

/// A problem in device memory. Rows behind the last sequence are NaN.
class DeviceProblem {
 public:
  explicit DeviceProblem(const Problem& problem);

  LightningCudaArgs args() const;
  Result result() const;
  /// Of the recurrence in float64, from what this was made of.
  Result expected() const;
  std::int64_t tokens() const { return cu_seqlens_.back(); }
  /// The device pointers to the states, for tests that change them.
  DeviceArray<float*>& state_pointers() { return pointers_; }
  DeviceArray<std::int64_t>& lengths() { return device_cu_seqlens_; }
  DeviceArray<std::byte>& out() { return out_; }
  DeviceArray<float>& states() { return states_; }
  const std::vector<float>& qkv() const { return qkv_; }

 private:
  // The recurrence's step of one token, for all heads.
  void advance(std::size_t sequence, std::int64_t token, Result& result) const;

  Problem problem_;
  std::vector<std::int64_t> cu_seqlens_;
  std::vector<float> qkv_;
  std::vector<float> decay_;
  std::vector<float> initial_;
  DeviceArray<std::byte> device_qkv_;
  DeviceArray<std::byte> out_;
  DeviceArray<float> device_decay_;
  DeviceArray<std::int64_t> device_cu_seqlens_;
  DeviceArray<float> states_;
  DeviceArray<float*> pointers_;
};

/// |found - expected| / |expected|, both as one long vector; NaN where a number is missing.
double relative_error(std::span<const double> found, std::span<const double> expected);

}  // namespace minimax::ops::cuda::testing
