// SPDX-License-Identifier: Apache-2.0
#include "tests/support/op_testing.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace minimax::testing {
namespace {

constexpr std::int64_t kGuardBytes = tensor::Buffer::kAlignment;
constexpr std::byte kGuard{0xa5};
constexpr std::byte kUnwritten{0xff};

bool is_guard(const std::byte* bytes) {
  return std::all_of(bytes, bytes + kGuardBytes, [](std::byte byte) { return byte == kGuard; });
}

}  // namespace

std::vector<Target> cpu_targets() {
  std::vector<Target> targets;
  for (const cpu::Isa isa : cpu::kIsas) {
    if (cpu::can_run(isa)) {
      targets.push_back({Device::kCpu, isa});
    }
  }
  return targets;
}

std::vector<Target> all_targets() {
  std::vector<Target> targets = cpu_targets();
  targets.insert(targets.begin(), Target{});
  return targets;
}

std::string target_name(const ::testing::TestParamInfo<Target>& info) {
  return info.param.device == Device::kReference ? "reference"
                                                 : std::string(cpu::isa_name(info.param.isa));
}

TestContext::TestContext(const Target& target, int threads, std::int64_t scratch_bytes)
    : scratch_(scratch_bytes) {
  context_.device = target.device;
  context_.isa = target.isa;
  if (target.device == Device::kCpu) {
    pool_ = std::make_unique<cpu::ThreadPool>(threads);
    context_.pool = pool_.get();
    context_.scratch = &scratch_;
  }
}

GuardedTensor::GuardedTensor(tensor::DType dtype, const tensor::Shape& shape) {
  const std::int64_t bytes = shape.elements() * tensor::dtype_bytes(dtype);
  buffer_ = tensor::Buffer::allocate(bytes + 2 * kGuardBytes);
  std::byte* data = buffer_.data();
  std::fill_n(data, buffer_.bytes(), kGuard);
  std::fill_n(data + kGuardBytes, bytes, kUnwritten);
  tensor_ = tensor::Tensor(data + kGuardBytes, dtype, shape);
}

GuardedTensor::~GuardedTensor() {
  if (buffer_.data() != nullptr) {
    EXPECT_TRUE(is_guard(buffer_.data())) << "written before the begin of a tensor";
    EXPECT_TRUE(is_guard(tensor_.bytes_begin() + tensor_.bytes()))
        << "written past the end of a tensor";
  }
}

std::vector<float> GuardedTensor::to_vector() const {
  return {floats(), floats() + tensor_.elements()};
}

GuardedTensor random_tensor(const tensor::Shape& shape, std::uint64_t seed, float deviation) {
  GuardedTensor tensor(tensor::DType::kF32, shape);
  std::mt19937_64 generator(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::generate_n(tensor.floats(), tensor->elements(), [&] { return normal(generator); });
  return tensor;
}

GuardedTensor random_weight(tensor::DType dtype, const tensor::Shape& shape, std::uint64_t seed) {
  GuardedTensor weight(dtype, shape);
  std::mt19937_64 generator(seed);
  std::normal_distribution<float> normal;
  for (std::int64_t i = 0; i < weight->elements(); ++i) {
    switch (dtype) {
      case tensor::DType::kBF16:
        weight->data<tensor::BFloat16>()[i] = tensor::to_bfloat16(normal(generator));
        break;
      case tensor::DType::kF16: {
        // Random sign and fraction, exponents from 2^-3 to 2^0.
        const auto bits = static_cast<std::uint16_t>(generator());
        weight->data<tensor::Float16>()[i].bits =
            static_cast<std::uint16_t>((bits & 0x8fff) | 0x3000);
        break;
      }
      default:
        weight.floats()[i] = normal(generator);
    }
  }
  return weight;
}

std::vector<float> widened(const tensor::Tensor& tensor) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    switch (tensor.dtype()) {
      case tensor::DType::kBF16:
        values.push_back(tensor::to_float(tensor.data<tensor::BFloat16>()[i]));
        break;
      case tensor::DType::kF16:
        values.push_back(tensor::to_float(tensor.data<tensor::Float16>()[i]));
        break;
      default:
        values.push_back(tensor.data<float>()[i]);
    }
  }
  return values;
}

GuardedTensor zero_tensor(const tensor::Shape& shape) {
  GuardedTensor tensor(tensor::DType::kF32, shape);
  std::fill_n(tensor.floats(), tensor->elements(), 0.0f);
  return tensor;
}

GuardedTensor tensor_of(const tensor::Shape& shape, const std::vector<float>& values) {
  GuardedTensor tensor(tensor::DType::kF32, shape);
  EXPECT_EQ(static_cast<std::int64_t>(values.size()), tensor->elements());
  std::copy(values.begin(), values.end(), tensor.floats());
  return tensor;
}

double relative_error(const std::vector<float>& actual, const std::vector<double>& expected) {
  if (actual.size() != expected.size()) {
    return std::numeric_limits<double>::infinity();
  }
  double largest = 0.0;
  double difference = 0.0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double error = std::abs(actual[i] - expected[i]);
    if (std::isnan(error)) {
      return std::numeric_limits<double>::infinity();
    }
    difference = std::max(difference, error);
    largest = std::max(largest, std::abs(expected[i]));
  }
  return difference == 0.0 ? 0.0 : difference / largest;
}

double relative_error(const std::vector<float>& actual, const std::vector<float>& expected) {
  return relative_error(actual, std::vector<double>(expected.begin(), expected.end()));
}

}  // namespace minimax::testing
