// SPDX-License-Identifier: Apache-2.0
// The GPU for tests: whether there is one, and tensors on it.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "cuda/memory.h"
#include "cuda/runtime.h"
#include "ops/context.h"
#include "tensor/buffer.h"
#include "tensor/tensor.h"

namespace minimax::testing {

/// Why there is no GPU here; empty where there is one.
std::string missing_gpu();

/// A GPU with scratch, and what a Context refers to.
class Gpu {
 public:
  explicit Gpu(std::int64_t scratch_bytes = std::int64_t{1} << 20);
  const ops::Context& operator*() const { return context_; }
  /// Waits for all work. Throws where any of it failed.
  void synchronize() { runtime_.synchronize(); }

 private:
  cuda::Runtime runtime_;
  tensor::Arena scratch_;
  ops::Context context_;
};

/// A tensor on the GPU, bytes 0xff (NaN, -1) until written, between guards that the destructor
/// expects unchanged.
class GpuTensor {
 public:
  GpuTensor(tensor::DType dtype, const tensor::Shape& shape);
  /// With the elements of a tensor on the host; F32 elements are rounded where `dtype` is BF16.
  GpuTensor(const tensor::Tensor& host, tensor::DType dtype);
  explicit GpuTensor(const tensor::Tensor& host) : GpuTensor(host, host.dtype()) {}
  ~GpuTensor();
  GpuTensor(const GpuTensor&) = delete;
  GpuTensor& operator=(const GpuTensor&) = delete;
  GpuTensor(GpuTensor&&) noexcept = default;
  GpuTensor& operator=(GpuTensor&&) = delete;

  const tensor::Tensor& operator*() const { return tensor_; }
  /// F32 or BF16.
  std::vector<float> floats() const;
  std::vector<std::int32_t> ints() const;
  /// The elements as a host tensor of the same type would hold them.
  std::vector<std::byte> bytes() const;

 private:
  tensor::Buffer buffer_;
  tensor::Tensor tensor_;
};

/// An array on the GPU.
template <class T>
class GpuArray {
 public:
  explicit GpuArray(const std::vector<T>& values)
      : buffer_(cuda::device_memory().allocate(bytes_of(values))), size_(values.size()) {
    if (!values.empty()) {
      cuda::device_memory().copy(buffer_.data(), static_cast<const void*>(values.data()),
                                 bytes_of(values));
    }
  }
  std::span<const T> operator*() const {
    return {reinterpret_cast<const T*>(buffer_.data()), size_};
  }

 private:
  static std::int64_t bytes_of(const std::vector<T>& values) {
    return static_cast<std::int64_t>(values.size() * sizeof(T));
  }
  tensor::Buffer buffer_;
  std::size_t size_;
};

}  // namespace minimax::testing
