// SPDX-License-Identifier: Apache-2.0
#include "ops/softmax_attention/kv_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace minimax::ops {
namespace {

using tensor::DType;

// All finite numbers of e4m3 with their codes, by the definition of the format.
double e4m3_value(int code) {
  const int exponent = code / 8 % 16;
  const double value =
      exponent == 0 ? std::ldexp(code % 8, -9) : std::ldexp(8 + code % 8, exponent - 10);
  return code >= 128 ? -value : value;
}

double nearest_e4m3(double x) {
  double best = 0.0;
  for (int code = 0; code < 256; ++code) {
    if (code % 128 == 127) {
      continue;  // NaN
    }
    const double value = e4m3_value(code);
    const double gain = std::abs(x - best) - std::abs(x - value);
    if (gain > 0 || (gain == 0 && code % 2 == 0)) {
      best = value;
    }
  }
  return best;
}

TEST(KvFormat, RoundsToTheNearestFloat8) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> exponents(-12.0f, 10.0f);
  for (int i = 0; i < 2000; ++i) {
    const float x = std::exp2(exponents(random)) * (i % 2 == 0 ? 1.0f : -1.0f);
    EXPECT_EQ(from_e4m3(to_e4m3(x)), nearest_e4m3(x)) << x;
  }
  for (int code = 0; code < 255; ++code) {
    if (code % 128 == 127) {
      continue;
    }
    EXPECT_EQ(from_e4m3(static_cast<std::uint8_t>(code)), e4m3_value(code)) << code;
    EXPECT_EQ(to_e4m3(static_cast<float>(e4m3_value(code))), code);
    const double middle = 0.5 * (e4m3_value(code) + e4m3_value(code + 1));
    if (code % 128 < 126) {
      EXPECT_EQ(to_e4m3(static_cast<float>(middle)), code + code % 2) << "a tie goes to even";
    }
  }
}

struct Row {
  Row(DType dtype, const std::vector<float>& values)
      : bytes(static_cast<std::size_t>(kv_page_bytes(dtype, 1, std::ssize(values)))),
        row(kv_row(dtype, bytes.data(), 1, 0, std::ssize(values))) {
    encode_row(row, values.data(), std::ssize(values));
  }
  float float_scale() const { return *reinterpret_cast<const float*>(row.scales); }
  float group_scale(std::size_t group) const {
    return tensor::to_float(reinterpret_cast<const tensor::BFloat16*>(row.scales)[group]);
  }
  int nibble(std::size_t i) const {
    return std::to_integer<int>(row.codes[i / 2] >> (i % 2 * 4)) % 16;
  }
  std::vector<std::byte> bytes;
  KvRow row;
};

std::vector<float> random_row(std::size_t size) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(size);
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  return values;
}

TEST(KvFormat, KeepsFloat8WithinASixteenthOfEachNumber) {
  const std::vector<float> values = random_row(100);
  const Row row(DType::kF8E4M3, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float found =
        from_e4m3(std::to_integer<std::uint8_t>(row.row.codes[i])) * row.float_scale();
    // Three bits behind the point; the smallest step is 2^-9 scales.
    EXPECT_NEAR(found, values[i], std::abs(values[i]) / 16 + row.float_scale() * 0x1p-10f);
  }
}

TEST(KvFormat, KeepsInt4WithinHalfAStep) {
  const std::vector<float> values = random_row(77);  // the last group has 13
  const Row row(DType::kU8, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float scale = row.group_scale(i / 32);
    const float found = static_cast<float>(row.nibble(i) - 8) * scale;
    // On the side where codes end at 7, one step is missing.
    EXPECT_LE(std::abs(found - values[i]), std::abs(scale) * 1.04f);
    if (std::abs(values[i]) < 7 * std::abs(scale)) {
      EXPECT_LE(std::abs(found - values[i]), std::abs(scale) * 0.501f);
    }
  }
}

TEST(KvFormat, MakesZerosOfZerosAndNaNOfWhatIsNotFinite) {
  for (const DType dtype : {DType::kF8E4M3, DType::kU8}) {
    std::vector<float> values(32, 0.0f);
    const Row zeros(dtype, values);
    EXPECT_EQ(dtype == DType::kU8 ? zeros.nibble(3) - 8 : zeros.nibble(3), 0);
    for (const float bad :
         {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      values[5] = bad;
      const Row row(dtype, values);
      EXPECT_TRUE(std::isnan(dtype == DType::kU8 ? row.group_scale(0) : row.float_scale()));
    }
  }
}

}  // namespace
}  // namespace minimax::ops
