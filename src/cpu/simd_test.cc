// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cpu/isa.h"
#include "cpu/simd_test_kernels.h"

namespace minimax::cpu {
namespace {

using tensor::BFloat16;
using tensor::Float16;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class Simd : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!can_run(GetParam())) {
      GTEST_SKIP() << "this machine has no " << isa_name(GetParam());
    }
  }
  std::vector<float> exp(const std::vector<float>& a) const {
    std::vector<float> out(a.size(), kNaN);
    visit_isa(GetParam(), [&]<Isa kIsa>() {
      exp_array<kIsa>(a.data(), out.data(), static_cast<std::int64_t>(a.size()));
    });
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(Isas, Simd, testing::ValuesIn(kIsas),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

TEST_P(Simd, ExpIsWithinItsStatedError) {
  std::vector<float> a;
  for (float x = -87.0f; x < 88.7f; x += 0.0007f) {
    a.push_back(x);
  }
  const std::vector<float> out = exp(a);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double exact = std::exp(static_cast<double>(a[i]));
    ASSERT_NEAR(out[i] / exact, 1.0, 0x1p-22) << a[i];
  }
}

TEST_P(Simd, ExpHandlesTheEndsOfTheRange) {
  const std::vector<float> out =
      exp({0.0f, -0.0f, 89.0f, 1e30f, kInfinity, -104.0f, -1e30f, -kInfinity, kNaN, -100.0f});
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_EQ(out[1], 1.0f);
  for (int i = 2; i < 5; ++i) {
    EXPECT_EQ(out[static_cast<std::size_t>(i)], kInfinity);
  }
  for (int i = 5; i < 8; ++i) {
    EXPECT_EQ(out[static_cast<std::size_t>(i)], 0.0f);
  }
  EXPECT_TRUE(std::isnan(out[8]));
  EXPECT_NEAR(out[9], std::exp(-100.0), 0x1p-149);  // one step of the subnormal numbers
}

TEST_P(Simd, TailsEqualFullVectors) {
  std::vector<float> a(67);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<float>(i) * 0.37f - 11.0f;
  }
  const std::vector<float> all = exp(a);
  for (std::size_t n = 1; n < a.size(); ++n) {
    const std::vector<float> some =
        exp(std::vector<float>(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n)));
    ASSERT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << n;
  }
}

TEST_P(Simd, SiluAndSigmoidMatchTheirDefinition) {
  std::vector<float> a;
  for (float x = -100.0f; x < 100.0f; x += 0.013f) {
    a.push_back(x);
  }
  const auto n = static_cast<std::int64_t>(a.size());
  std::vector<float> silu(a.size());
  std::vector<float> sigmoid(a.size());
  visit_isa(GetParam(), [&]<Isa kIsa>() {
    silu_array<kIsa>(a.data(), silu.data(), n);
    sigmoid_array<kIsa>(a.data(), sigmoid.data(), n);
  });
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = a[i];
    // The error of exp and one rounding each of the sum and the quotient; below e^-88, where
    // 1 + e^-x overflows, an absolute error of e^-88.
    const double tolerance = 3 * 0x1p-22;
    const double exact = 1 / (1 + std::exp(-x));
    ASSERT_NEAR(sigmoid[i], exact, tolerance * exact + 1e-38) << x;
    ASSERT_NEAR(silu[i], x * exact, tolerance * std::abs(x) * exact + 1e-36) << x;
  }
}

TEST_P(Simd, WideningIsExactForEveryValue) {
  std::vector<BFloat16> bfloat16(0x10000 + 3);
  std::vector<Float16> float16(bfloat16.size());
  for (std::size_t i = 0; i < bfloat16.size(); ++i) {
    bfloat16[i].bits = static_cast<std::uint16_t>(i);
    float16[i].bits = static_cast<std::uint16_t>(i);
  }
  std::vector<float> a(bfloat16.size());
  std::vector<float> b(bfloat16.size());
  visit_isa(GetParam(), [&]<Isa kIsa>() {
    widen_array<kIsa>(bfloat16.data(), a.data(), static_cast<std::int64_t>(a.size()));
    widen_array<kIsa>(float16.data(), b.data(), static_cast<std::int64_t>(b.size()));
  });
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float expected_a = tensor::to_float(bfloat16[i]);
    const float expected_b = tensor::to_float(float16[i]);
    ASSERT_TRUE(std::isnan(expected_a) ? std::isnan(a[i])
                                       : std::bit_cast<int>(a[i]) == std::bit_cast<int>(expected_a))
        << i;
    ASSERT_TRUE(std::isnan(expected_b) ? std::isnan(b[i])
                                       : std::bit_cast<int>(b[i]) == std::bit_cast<int>(expected_b))
        << i;
  }
}

TEST_P(Simd, NarrowingRoundsToNearestEven) {
  std::vector<float> a = {
      0.0f,      -0.0f,    1.0f,  1.0f + 0x1p-8f, 1.0f + 3 * 0x1p-8f,
      kInfinity, kNaN,     -kNaN, -kInfinity,     std::numeric_limits<float>::max(),
      0x1p-149f, 0x1p-133f};
  std::mt19937 random(1);
  for (int i = 0; i < 10007; ++i) {
    a.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
  }
  std::vector<BFloat16> out(a.size());
  visit_isa(GetParam(), [&]<Isa kIsa>() {
    narrow_array<kIsa>(a.data(), out.data(), static_cast<std::int64_t>(a.size()));
  });
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(out[i].bits, tensor::to_bfloat16(a[i]).bits) << a[i];
  }
}

TEST_P(Simd, ReductionsAgreeWithEachOther) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (int round = 0; round < 100; ++round) {
    std::vector<float> a(64);
    for (float& value : a) {
      value = normal(random);
    }
    const Reductions found =
        visit_isa(GetParam(), [&]<Isa kIsa>() { return reduce<kIsa>(a.data()); });
    double sum = 0;
    float largest = -kInfinity;
    for (std::int64_t i = 0; i < found.lanes; ++i) {
      sum += a[static_cast<std::size_t>(i)];
      largest = std::max(largest, a[static_cast<std::size_t>(i)]);
    }
    EXPECT_TRUE(found.sum4_agrees);
    EXPECT_NEAR(found.sum, sum, 1e-5);  // 4 additions of values below 16 in float32
    EXPECT_EQ(found.largest, largest);
  }
}

}  // namespace
}  // namespace minimax::cpu
