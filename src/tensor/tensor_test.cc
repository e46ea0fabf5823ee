// SPDX-License-Identifier: Apache-2.0
#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "minimax/error.h"
#include "tensor/buffer.h"

namespace minimax::tensor {
namespace {

TEST(Shape, RefusesProductsThatOverflow) {
  EXPECT_THROW(Shape({1LL << 32, 1LL << 32}), Error);
  EXPECT_THROW(Shape({-1}), Error);
  EXPECT_EQ(Shape({0, 1LL << 40}).elements(), 0);
  EXPECT_EQ(Shape({}).elements(), 1);
  EXPECT_EQ(Shape({2, 3})[-1], 3);
}

TEST(Tensor, RowsAreViewsOfTheSameElements) {
  Arena arena(4096);
  const Tensor tensor = arena.allocate(DType::kF32, {5, 3});
  tensor.data<float>()[3 * 3 + 1] = 7.0f;
  const Tensor rows = tensor.rows(3, 5);
  EXPECT_EQ(rows.shape(), Shape({2, 3}));
  EXPECT_EQ(rows.data<float>()[1], 7.0f);
  EXPECT_THROW(tensor.rows(3, 6), Error);
  EXPECT_THROW(tensor.data<double>(), Error);
}

TEST(Arena, RefusesMoreThanItsCapacity) {
  Arena arena(4096);
  arena.allocate(DType::kBF16, {1000});
  const std::int64_t mark = arena.used();
  EXPECT_EQ(mark % Buffer::kAlignment, 0);
  EXPECT_THROW(arena.allocate(DType::kF32, {1000}), Error);
  arena.allocate(DType::kU8, {2000});
  arena.rewind(mark);
  EXPECT_EQ(arena.used(), mark);
}

TEST(BFloat16, RoundTripsEveryValue) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const BFloat16 value{static_cast<std::uint16_t>(bits)};
    const float wide = to_float(value);
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(to_float(to_bfloat16(wide))));
    } else {
      EXPECT_EQ(to_bfloat16(wide).bits, value.bits);
    }
  }
}

TEST(BFloat16, RoundsTiesToEven) {
  EXPECT_EQ(to_float(to_bfloat16(1.0f + 0x1p-8f)), 1.0f);
  EXPECT_EQ(to_float(to_bfloat16(1.0f + 3 * 0x1p-8f)), 1.0f + 0x1p-6f);
  EXPECT_TRUE(std::isinf(to_float(to_bfloat16(std::numeric_limits<float>::max()))));
}

TEST(Float16, ConvertsEveryValueExactly) {
  for (std::uint32_t bits = 0; bits < 0x8000; ++bits) {
    const std::uint32_t exponent = bits >> 10;
    const double fraction = (bits & 0x3ff) / 1024.0;
    const float value = to_float(Float16{static_cast<std::uint16_t>(bits)});
    if (exponent == 31) {
      EXPECT_TRUE(fraction == 0 ? std::isinf(value) : std::isnan(value));
      continue;
    }
    const double expected = exponent == 0
                                ? std::ldexp(fraction, -14)
                                : std::ldexp(1.0 + fraction, static_cast<int>(exponent) - 15);
    ASSERT_EQ(static_cast<double>(value), expected) << bits;
    EXPECT_EQ(to_float(Float16{static_cast<std::uint16_t>(bits | 0x8000)}), -value);
  }
}

}  // namespace
}  // namespace minimax::tensor
