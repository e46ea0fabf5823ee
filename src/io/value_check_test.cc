// SPDX-License-Identifier: Apache-2.0
#include "io/value_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "io/safetensors.h"
#include "quant/format.h"
#include "tensor/float16.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temporary_directory.h"

namespace minimax::io {
namespace {

using minimax::testing::bytes_of;
using minimax::testing::SafetensorsBuilder;
using minimax::testing::TemporaryDirectory;
using tensor::DType;

template <class T>
ValueCounts count(DType dtype, const std::vector<T>& values) {
  return count_values(dtype, std::as_bytes(std::span(values)));
}

TEST(CountValues, TellsKindsOfFloatsApart) {
  using Limits = std::numeric_limits<float>;
  const ValueCounts expected{.elements = 9, .nan = 2, .infinite = 2, .subnormal = 2, .zero = 2};
  EXPECT_EQ(count<float>(DType::kF32, {0.0f, -0.0f, 1.0f, Limits::infinity(), -Limits::infinity(),
                                       Limits::quiet_NaN(), -Limits::signaling_NaN(),
                                       Limits::denorm_min(), -Limits::min() / 2}),
            expected);
  EXPECT_EQ(
      count<double>(DType::kF64, {0, -0.0, 1, INFINITY, -INFINITY, NAN, -NAN, 5e-324, -1e-310}),
      expected);
}

// Every bit pattern of the small types, against the conversion to float.
TEST(CountValues, AgreesWithTheConversionOfEveryHalfFloat) {
  std::vector<std::uint16_t> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<std::uint16_t>(i);
  }
  EXPECT_EQ(
      count(DType::kBF16, all),
      (ValueCounts{.elements = 65536, .nan = 254, .infinite = 2, .subnormal = 254, .zero = 2}));
  EXPECT_EQ(
      count(DType::kF16, all),
      (ValueCounts{.elements = 65536, .nan = 2046, .infinite = 2, .subnormal = 2046, .zero = 2}));
}

TEST(CountValues, KnowsTheEightBitTypes) {
  std::vector<std::uint8_t> all(256);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<std::uint8_t>(i);
  }
  EXPECT_EQ(count(DType::kF8E4M3, all),
            (ValueCounts{.elements = 256, .nan = 2, .infinite = 0, .subnormal = 14, .zero = 2}));
  EXPECT_EQ(count(DType::kF8E5M2, all),
            (ValueCounts{.elements = 256, .nan = 6, .infinite = 2, .subnormal = 6, .zero = 2}));
}

TEST(CountValues, CountsZerosOfIntegers) {
  EXPECT_EQ(count<std::int64_t>(DType::kI64, {0, 1, 256, 0}),
            (ValueCounts{.elements = 4, .zero = 2}));
  EXPECT_EQ(count_values(DType::kU8, {}), ValueCounts{});
}

TEST(CountValues, CountsWhatBlocksDecodeTo) {
  std::vector<std::byte> blocks(std::size_t{2} * 34);  // of Q8_0: a scale and 32 codes
  blocks[1] = std::byte{0x7c};                         // an infinite scale: 0 times it is NaN
  blocks[2] = std::byte{1};
  const ValueCounts counts = count_blocks(quant::Format::kQ8_0, blocks);
  EXPECT_EQ(counts,
            (ValueCounts{.elements = 64, .nan = 31, .infinite = 1, .subnormal = 0, .zero = 32}));
}

TEST(CountValues, FindsSingleValuesInLongTensorsOfAFile) {
  const std::size_t elements = (5 << 20) + 3;  // several pieces, and a rest
  std::vector<std::uint16_t> values(elements, 0x3f80);
  values[0] = 0x7fc0;
  values[elements / 2] = 0xff80;
  values[elements - 1] = 0x7fff;
  const TemporaryDirectory folder;
  folder.write("model.safetensors",
               SafetensorsBuilder()
                   .tensor("pad", "U8", {1}, "p")
                   .tensor("w", "BF16", {static_cast<std::int64_t>(elements)}, bytes_of(values))
                   .build());
  const Checkpoint checkpoint = read_safetensors(folder.path());
  EXPECT_EQ(
      count_values(CheckpointReader(checkpoint), checkpoint.require("w")),
      (ValueCounts{.elements = static_cast<std::int64_t>(elements), .nan = 2, .infinite = 1}));
}

}  // namespace
}  // namespace minimax::io
