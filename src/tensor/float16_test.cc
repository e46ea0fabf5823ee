// SPDX-License-Identifier: Apache-2.0
#include "tensor/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace minimax::tensor {
namespace {

TEST(Float16, KeepsEveryBinary16Number) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const Float16 half{static_cast<std::uint16_t>(bits)};
    if (std::isnan(to_float(half))) {
      EXPECT_TRUE(std::isnan(to_float(to_float16(to_float(half)))));
    } else {
      ASSERT_EQ(to_float16(to_float(half)).bits, half.bits);
    }
  }
}

TEST(Float16, RoundsToTheNearestAndTiesToEven) {
  for (std::uint16_t bits = 0; bits < 0x7bffu; ++bits) {
    const float lower = to_float(Float16{bits});
    const float upper = to_float(Float16{static_cast<std::uint16_t>(bits + 1)});
    const float middle = (lower + upper) / 2;  // exact: one more bit than binary16 has
    const auto even = static_cast<std::uint16_t>(bits + (bits & 1u));
    ASSERT_EQ(to_float16(middle).bits, even);
    ASSERT_EQ(to_float16(std::nextafter(middle, 0.0f)).bits, bits);
    ASSERT_EQ(to_float16(std::nextafter(middle, 1e9f)).bits, bits + 1);
    ASSERT_EQ(to_float16(-middle).bits, even | 0x8000u);
  }
}

TEST(Float16, OverflowsToInfinity) {
  EXPECT_EQ(to_float16(std::nextafter(65520.0f, 0.0f)).bits, 0x7bffu);
  EXPECT_EQ(to_float16(65520.0f).bits, 0x7c00u);
  EXPECT_EQ(to_float16(-std::numeric_limits<float>::infinity()).bits, 0xfc00u);
}

}  // namespace
}  // namespace minimax::tensor
