// SPDX-License-Identifier: Apache-2.0
// What the goldens of tests/golden/quant cannot show: limits and refusals.
#include "quant/bitsandbytes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "minimax/error.h"
#include "quant/decode.h"
#include "quant/encode.h"

namespace minimax::quant {
namespace {

std::vector<float> random_weights(std::size_t size) {
  base::SplitMix64 random(11);
  std::vector<float> weights(size);
  for (float& weight : weights) {
    weight = static_cast<float>(random.uniform() * 2 - 1);
  }
  return weights;
}

/// The widest gap between neighbours is 0.3039 for nf4 and 1/3 for fp4: half of it bounds the
/// error.
void expect_error_within_half_a_gap(const Code4BitValues& values, double gap) {
  for (const std::size_t size : {1U, 2U, 63U, 64U, 65U, 100U, 2049U}) {
    const std::vector<float> weights = random_weights(size);
    const Packed4Bit packed = encode_4bit(values, weights, 64);
    std::vector<float> decoded(size);
    decode_4bit(values, packed.codes, packed.absmax, 64, decoded);
    for (std::size_t i = 0; i < size; ++i) {
      const double absmax = packed.absmax[i / 64];
      ASSERT_NEAR(decoded[i], weights[i], absmax * (gap / 2 + 1e-6)) << size << " " << i;
    }
  }
}

TEST(Encode4Bit, StaysWithinHalfAGapAtOddSizes) {
  expect_error_within_half_a_gap(kNf4Values, 0.303807);
  expect_error_within_half_a_gap(kFp4Values, 1.0 / 3);
}

TEST(Encode4Bit, TakesZerosDenormalsAndTheLargestNumbers) {
  std::vector<float> weights(192, 0.0f);
  weights[64] = std::numeric_limits<float>::denorm_min();
  weights[128] = std::numeric_limits<float>::max();
  weights[129] = -std::numeric_limits<float>::max();
  const Packed4Bit packed = encode_4bit(kNf4Values, weights, 64);
  std::vector<float> decoded(weights.size());
  decode_4bit(kNf4Values, packed.codes, packed.absmax, 64, decoded);
  for (std::size_t i = 0; i < 64; ++i) {
    ASSERT_EQ(decoded[i], 0.0f);
  }
  // A magnitude below 1e-38 is not scaled up to 1: it may vanish.
  EXPECT_NEAR(decoded[64], weights[64], 1e-38);
  EXPECT_EQ(decoded[128], weights[128]);
  EXPECT_EQ(decoded[129], weights[129]);
}

TEST(Encode4Bit, RefusesNumbersThatAreNotFinite) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    EXPECT_THROW(encode_4bit(kNf4Values, std::vector<float>{1.0f, bad}, 64), Error);
    std::vector<std::int8_t> codes(2);
    EXPECT_THROW(encode_int8_row(std::vector<float>{1.0f, bad}, codes), Error);
    EXPECT_THROW(encode_absmax(std::vector<float>{1.0f, bad}), Error);
  }
  EXPECT_THROW(encode_4bit(kNf4Values, std::vector<float>(2), 0), Error);
}

TEST(Decode4Bit, RefusesSizesThatDoNotFit) {
  std::vector<float> out(65);
  const std::vector<std::uint8_t> codes(33);
  EXPECT_NO_THROW(decode_4bit(kNf4Values, codes, std::vector<float>(2), 64, out));
  EXPECT_THROW(decode_4bit(kNf4Values, codes, std::vector<float>(1), 64, out), Error);
  EXPECT_THROW(
      decode_4bit(kNf4Values, std::vector<std::uint8_t>(32), std::vector<float>(2), 64, out),
      Error);
}

TEST(Join4Bit, DecodesToTheSameNumbers) {
  const std::vector<float> weights = random_weights(448);
  for (const std::int64_t block_elements : {64, 128, 4096}) {
    const Packed4Bit packed = encode_4bit(kFp4Values, weights, block_elements);
    std::vector<float> expected(weights.size());
    decode_4bit(kFp4Values, packed.codes, packed.absmax, block_elements, expected);
    std::vector<std::byte> joined(static_cast<std::size_t>(row_bytes(Format::kFP4, 448)));
    join_4bit(packed.codes, packed.absmax, block_elements, joined);
    std::vector<float> decoded(weights.size());
    decode_row(Format::kFP4, joined, decoded);
    EXPECT_EQ(decoded, expected) << block_elements;
  }
}

TEST(Join4Bit, EqualsTheEncoderOfRows) {
  const std::vector<float> row = random_weights(192);
  const Packed4Bit packed = encode_4bit(kNf4Values, row, 64);
  std::vector<std::byte> joined(static_cast<std::size_t>(row_bytes(Format::kNF4, 192)));
  std::vector<std::byte> encoded(joined.size());
  join_4bit(packed.codes, packed.absmax, 64, joined);
  encode_row(Format::kNF4, row, {}, encoded);
  EXPECT_EQ(joined, encoded);
}

TEST(Join4Bit, RefusesSizesThatDoNotFit) {
  std::vector<std::byte> out(72);
  const std::vector<std::uint8_t> codes(64);
  const std::vector<float> absmax(2);
  EXPECT_NO_THROW(join_4bit(codes, absmax, 64, out));
  EXPECT_THROW(join_4bit(codes, std::span(absmax).first(1), 64, out), Error);
  EXPECT_THROW(join_4bit(codes, absmax, 32, out), Error);
  EXPECT_THROW(join_4bit(codes, absmax, 0, out), Error);
  EXPECT_THROW(join_4bit(std::span(codes).first(48), absmax, 64, out), Error);
  EXPECT_THROW(join_4bit(codes, absmax, 64, std::span(out).first(71)), Error);
}

TEST(DecodeAbsmax, RefusesSizesThatDoNotFit) {
  const std::vector<std::uint8_t> codes(257);
  const std::vector<float> absmax(2);
  const std::array<float, 256> map = dynamic_map();
  std::vector<float> scales(257);
  EXPECT_NO_THROW(decode_absmax({codes, absmax, map, 256, 0.0f}, scales));
  EXPECT_THROW(decode_absmax({codes, absmax, std::span(map).first(255), 256, 0.0f}, scales), Error);
  EXPECT_THROW(decode_absmax({codes, std::span(absmax).first(1), map, 256, 0.0f}, scales), Error);
  EXPECT_THROW(decode_absmax({codes, absmax, map, 0, 0.0f}, scales), Error);
}

TEST(Int8Row, StaysWithinHalfAStep) {
  const std::vector<float> weights = random_weights(2049);
  std::vector<std::int8_t> codes(weights.size());
  const float scale = encode_int8_row(weights, codes);
  std::vector<float> decoded(weights.size());
  decode_int8_row(codes, scale, decoded);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    ASSERT_NEAR(decoded[i], weights[i], scale / 127.0f * 0.5001f) << i;
  }
}

TEST(JoinInt8, DecodesToTheSameNumbers) {
  const std::vector<float> weights = random_weights(384);
  std::vector<std::int8_t> codes(weights.size());
  std::vector<float> expected(weights.size());
  std::vector<float> scales;
  for (std::size_t at = 0; at < weights.size(); at += 192) {
    const auto row = std::span(codes).subspan(at, 192);
    scales.push_back(encode_int8_row(std::span(weights).subspan(at, 192), row));
    decode_int8_row(row, scales.back(), std::span(expected).subspan(at, 192));
  }
  std::vector<std::byte> joined(static_cast<std::size_t>(row_bytes(Format::kInt8F32, 384)));
  join_int8(codes, scales, 192, joined);
  std::vector<float> decoded(weights.size());
  decode_row(Format::kInt8F32, joined, decoded);
  for (std::size_t i = 0; i < decoded.size(); ++i) {
    // Both are products of three numbers: they differ by the rounding of the order.
    ASSERT_NEAR(decoded[i], expected[i], 2e-7 * std::abs(expected[i])) << i;
  }
  EXPECT_THROW(join_int8(codes, scales, 96, joined), Error);
  EXPECT_THROW(join_int8(codes, std::span(scales).first(1), 192, joined), Error);
  EXPECT_THROW(join_int8(codes, scales, 192, std::span(joined).first(68)), Error);
}

TEST(Int8Row, TakesZerosAndDenormals) {
  std::vector<std::int8_t> codes(2);
  EXPECT_EQ(encode_int8_row(std::vector<float>{0.0f, 0.0f}, codes), 0.0f);
  EXPECT_EQ(codes[0], 0);
  const float tiny = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(encode_int8_row(std::vector<float>{tiny, -tiny}, codes), tiny);
  EXPECT_EQ(codes[0], 0);
}

}  // namespace
}  // namespace minimax::quant
