// SPDX-License-Identifier: Apache-2.0
// What torch encodes and decodes is in src/io/joined_fp8_test.cc.
#include "quant/fp8.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace minimax::quant {
namespace {

TEST(E4M3, ComesBackFromEveryCode) {
  for (int code = 0; code < 256; ++code) {
    const auto byte = static_cast<std::uint8_t>(code);
    const float value = from_e4m3(byte);
    if ((byte & 0x7f) == 0x7f) {
      EXPECT_TRUE(std::isnan(value)) << code;
    } else {
      EXPECT_EQ(to_e4m3(value), byte) << code;
    }
  }
}

TEST(E4M3, RoundsHalfwayCasesToEven) {
  for (int code = 0; code < 0x7e; ++code) {
    const auto low = static_cast<std::uint8_t>(code);
    const auto high = static_cast<std::uint8_t>(code + 1);
    const float middle = (from_e4m3(low) + from_e4m3(high)) / 2;
    EXPECT_EQ(to_e4m3(middle), code % 2 == 0 ? low : high);
    EXPECT_EQ(to_e4m3(std::nextafter(middle, 0.0f)), low);
    EXPECT_EQ(to_e4m3(-std::nextafter(middle, 1e9f)), high | 0x80);
  }
}

TEST(E4M3, EndsAtTheLargestNumber) {
  for (const float value : {448.0f, 464.0f, 1e30f, std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(to_e4m3(value), 0x7e);
    EXPECT_EQ(to_e4m3(-value), 0xfe);
  }
}

TEST(FP8, GivesTheLargestNumberOfABlockTheLargestCode) {
  std::vector<float> values(128, 0.25f);
  values[77] = -3.0f;
  FP8::Block block;
  encode_fp8_block(values, block);
  EXPECT_EQ(block.codes[77], 0xfe);
  EXPECT_FLOAT_EQ(FP8::decode(block, 77), -3.0f);
  EXPECT_NEAR(FP8::decode(block, 0), 0.25f, 0.25f / 16);
}

}  // namespace
}  // namespace minimax::quant
