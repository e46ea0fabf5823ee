// SPDX-License-Identifier: Apache-2.0
// What the tests of operations share: the devices and instruction sets to run on, and tensors that
// start as NaN between guard bytes, so that an output element left out or a write past the end
// fails the test.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ops/context.h"
#include "tensor/buffer.h"
#include "tensor/tensor.h"

namespace minimax::testing {

/// Where an operation is run.
struct Target {
  Device device = Device::kReference;
  cpu::Isa isa = cpu::Isa::kScalar;
};

/// The CPU with each instruction set that this machine has.
std::vector<Target> cpu_targets();
/// The reference, then cpu_targets().
std::vector<Target> all_targets();
/// For INSTANTIATE_TEST_SUITE_P: "reference", "scalar", "avx2", "avx2_vnni", "avx512".
std::string target_name(const ::testing::TestParamInfo<Target>& info);

/// Owns what a Context refers to.
class TestContext {
 public:
  explicit TestContext(const Target& target, int threads = 2, std::int64_t scratch_bytes = 0);
  const ops::Context& operator*() const { return context_; }

 private:
  std::unique_ptr<cpu::ThreadPool> pool_;
  tensor::Arena scratch_;
  ops::Context context_;
};

/// A tensor whose bytes are all 0xff (NaN, -1) until written, between guards that the destructor
/// expects unchanged.
class GuardedTensor {
 public:
  GuardedTensor(tensor::DType dtype, const tensor::Shape& shape);
  ~GuardedTensor();
  GuardedTensor(const GuardedTensor&) = delete;
  GuardedTensor& operator=(const GuardedTensor&) = delete;
  GuardedTensor(GuardedTensor&&) noexcept = default;
  GuardedTensor& operator=(GuardedTensor&&) = delete;

  const tensor::Tensor& operator*() const { return tensor_; }
  const tensor::Tensor* operator->() const { return &tensor_; }
  float* floats() const { return tensor_.data<float>(); }
  std::int32_t* ints() const { return tensor_.data<std::int32_t>(); }
  std::vector<float> to_vector() const;

 private:
  tensor::Buffer buffer_;
  tensor::Tensor tensor_;
};

/// F32, normally distributed with that deviation; the same for the same seed.
GuardedTensor random_tensor(const tensor::Shape& shape, std::uint64_t seed, float deviation = 1.0f);
/// F32, F16 or BF16 as a weight matrix might be: magnitudes about 1, of both signs.
GuardedTensor random_weight(tensor::DType dtype, const tensor::Shape& shape, std::uint64_t seed);
/// Elements of an F32, F16 or BF16 tensor.
std::vector<float> widened(const tensor::Tensor& tensor);
/// F32, all zero.
GuardedTensor zero_tensor(const tensor::Shape& shape);
/// F32 with the elements of `values`.
GuardedTensor tensor_of(const tensor::Shape& shape, const std::vector<float>& values);

/// max |actual - expected| / max |expected|; infinity where actual is NaN or the sizes differ.
double relative_error(const std::vector<float>& actual, const std::vector<double>& expected);
double relative_error(const std::vector<float>& actual, const std::vector<float>& expected);

/// Units in the last place of a float32 of the largest magnitude, as a relative error: what one
/// rounding can change.
inline constexpr double kRounding = 0x1p-24;

}  // namespace minimax::testing
