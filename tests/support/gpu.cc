// SPDX-License-Identifier: Apache-2.0
#include "tests/support/gpu.h"

#include <algorithm>

#include "cuda/device.h"
#include "minimax/error.h"
#include "tensor/float16.h"

namespace minimax::testing {
namespace {

using tensor::DType;
using tensor::Tensor;

constexpr std::int64_t kGuardBytes = 256;
constexpr std::byte kGuard{0xa5};
constexpr std::byte kUnwritten{0xff};

const tensor::Memory& memory() { return cuda::device_memory(); }

}  // namespace

std::string missing_gpu() {
  try {
    cuda::require_device();
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

Gpu::Gpu(std::int64_t scratch_bytes) : scratch_(memory().allocate(scratch_bytes)) {
  context_.device = Device::kCuda;
  context_.cuda = &runtime_;
  context_.scratch = &scratch_;
}

GpuTensor::GpuTensor(DType dtype, const tensor::Shape& shape) {
  const std::int64_t bytes = shape.elements() * tensor::dtype_bytes(dtype);
  std::vector<std::byte> filled(static_cast<std::size_t>(bytes + 2 * kGuardBytes), kGuard);
  std::fill_n(filled.begin() + kGuardBytes, bytes, kUnwritten);
  buffer_ = memory().allocate(std::ssize(filled));
  memory().copy(buffer_.data(), filled.data(), std::ssize(filled));
  tensor_ = Tensor(buffer_.data() + kGuardBytes, dtype, shape);
}

GpuTensor::GpuTensor(const Tensor& host, DType dtype) : GpuTensor(dtype, host.shape()) {
  if (dtype == host.dtype()) {
    memory().copy(tensor_.bytes_begin(), host.bytes_begin(), host.bytes());
    return;
  }
  std::vector<tensor::BFloat16> rounded(static_cast<std::size_t>(host.elements()));
  std::transform(host.data<float>(), host.data<float>() + host.elements(), rounded.begin(),
                 tensor::to_bfloat16);
  memory().copy(tensor_.bytes_begin(), rounded.data(), tensor_.bytes());
}

GpuTensor::~GpuTensor() {
  if (buffer_.data() == nullptr) {
    return;
  }
  std::vector<std::byte> guards(static_cast<std::size_t>(2 * kGuardBytes));
  memory().copy(guards.data(), buffer_.data(), kGuardBytes);
  memory().copy(guards.data() + kGuardBytes, tensor_.bytes_begin() + tensor_.bytes(), kGuardBytes);
  EXPECT_TRUE(std::all_of(guards.begin(), guards.end(), [](std::byte b) { return b == kGuard; }))
      << "bytes beside a tensor were written";
}

std::vector<std::byte> GpuTensor::bytes() const {
  std::vector<std::byte> bytes(static_cast<std::size_t>(tensor_.bytes()));
  memory().copy(bytes.data(), tensor_.bytes_begin(), tensor_.bytes());
  return bytes;
}

std::vector<float> GpuTensor::floats() const {
  const std::vector<std::byte> raw = bytes();
  std::vector<float> values(static_cast<std::size_t>(tensor_.elements()));
  if (tensor_.dtype() == DType::kBF16) {
    const auto* rounded = reinterpret_cast<const tensor::BFloat16*>(raw.data());
    std::transform(rounded, rounded + values.size(), values.begin(),
                   [](tensor::BFloat16 value) { return tensor::to_float(value); });
  } else {
    const auto* floats = reinterpret_cast<const float*>(raw.data());
    std::copy_n(floats, values.size(), values.begin());
  }
  return values;
}

std::vector<std::int32_t> GpuTensor::ints() const {
  const std::vector<std::byte> raw = bytes();
  const auto* begin = reinterpret_cast<const std::int32_t*>(raw.data());
  return {begin, begin + tensor_.elements()};
}

}  // namespace minimax::testing
