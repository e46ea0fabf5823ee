// SPDX-License-Identifier: Apache-2.0
// Properties that hold for every format of the table; tests/golden/quant_test.cc compares with
// ggml.
#include "quant/encode.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "minimax/error.h"
#include "quant/decode.h"

namespace minimax::quant {
namespace {

constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();

class Encode : public ::testing::TestWithParam<FormatInfo> {
 protected:
  /// `row` encoded and decoded.
  std::vector<float> round_trip(const std::vector<float>& row, const EncodeOptions& options) const {
    std::vector<std::byte> bytes(
        static_cast<std::size_t>(row_bytes(GetParam().format, std::ssize(row))));
    encode_row(GetParam().format, row, options, bytes);
    std::vector<float> decoded(row.size());
    decode_row(GetParam().format, bytes, decoded);
    return decoded;
  }

  std::vector<float> row_of(std::int64_t blocks, float value = 0.0f) const {
    return std::vector<float>(static_cast<std::size_t>(blocks * GetParam().block_elements), value);
  }

  std::vector<float> uniform_row(std::int64_t blocks) const {
    base::SplitMix64 random(17);
    std::vector<float> row = row_of(blocks);
    for (float& value : row) {
      value = static_cast<float>(2 * random.uniform() - 1);
    }
    return row;
  }
};

double squared_error(const std::vector<float>& a, const std::vector<float>& b,
                     const std::vector<float>& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += weights[i] * difference * difference;
  }
  return sum;
}

/// The root of the mean squared error of n even levels over [-1, 1] is (2 / n) / sqrt(12); uneven
/// levels lose up to twice as much on numbers that are uniform. f16 and bf16 round to 2^-11, 2^-8,
/// e4m3 to 2^-4 of a number, which is below 1.
double error_bound(Format format) {
  return visit_format(format, []<BlockFormat F>() {
    if constexpr (CodedFormat<F>) {
      return 2 * (2.0 / (F::kMaxCode - F::kMinCode + 1)) / std::sqrt(12.0);
    } else {
      return std::is_same_v<F, FP8>           ? 0x1p-4 / std::sqrt(12.0)
             : sizeof(typename F::Block) == 4 ? 0.0
                                              : 0x1p-8;
    }
  });
}

TEST_P(Encode, StaysWithinTheErrorOfItsLevels) {
  for (const std::int64_t blocks : {1, 3, 7}) {
    const std::vector<float> row = uniform_row(blocks);
    const std::vector<float> ones(row.size(), 1.0f);
    const double bound = error_bound(GetParam().format);
    for (const EncodeMethod method : {EncodeMethod::kSearched, EncodeMethod::kReference}) {
      const std::vector<float> decoded = round_trip(row, {.method = method});
      EXPECT_LE(std::sqrt(squared_error(row, decoded, ones) / static_cast<double>(row.size())),
                bound);
    }
  }
}

TEST_P(Encode, SearchLosesNoMoreThanTheReference) {
  const std::vector<float> row = uniform_row(9);
  const std::vector<float> ones(row.size(), 1.0f);
  const double searched = squared_error(row, round_trip(row, {}), ones);
  const double reference =
      squared_error(row, round_trip(row, {.method = EncodeMethod::kReference}), ones);
  EXPECT_LE(searched, reference);
}

TEST_P(Encode, SpendsItsPrecisionWhereItIsImportant) {
  const std::vector<float> row = uniform_row(3);
  std::vector<float> importance(row.size());
  base::SplitMix64 random(23);
  for (float& weight : importance) {
    const double uniform = random.uniform();
    weight = static_cast<float>(uniform * uniform * uniform * uniform);
  }
  const double with = squared_error(row, round_trip(row, {.importance = importance}), importance);
  const double without = squared_error(row, round_trip(row, {}), importance);
  EXPECT_LE(with, without);
  const bool searches = GetParam().block_elements > 1 && GetParam().format != Format::kNF4 &&
                        GetParam().format != Format::kFP4 &&
                        GetParam().format != Format::kInt8F32 && GetParam().format != Format::kFP8;
  EXPECT_EQ(with < without, searches);
}

TEST_P(Encode, KeepsZerosAndWhatHasNoWeight) {
  const std::vector<float> zeros = row_of(2);
  for (const EncodeMethod method : {EncodeMethod::kSearched, EncodeMethod::kReference}) {
    EXPECT_EQ(round_trip(zeros, {.method = method}), zeros);
  }
  for (const float value : round_trip(uniform_row(2), {.importance = zeros})) {
    ASSERT_LE(std::abs(value), 4.0f);
  }
}

TEST_P(Encode, StaysFiniteForTheLargestNumbers) {
  for (const EncodeMethod method : {EncodeMethod::kSearched, EncodeMethod::kReference}) {
    for (const float value : {kLargest, -kLargest, 1e6f, 1e30f}) {
      std::vector<float> row = uniform_row(1);
      row.front() = value;
      row.back() = -value;
      for (const float decoded : round_trip(row, {.method = method})) {
        ASSERT_TRUE(std::isfinite(decoded)) << value;
      }
      for (const float decoded : round_trip(row_of(1, value), {.method = method})) {
        ASSERT_TRUE(std::isfinite(decoded) && decoded * value >= 0) << value;
      }
    }
  }
}

TEST_P(Encode, StaysSmallForDenormals) {
  for (const EncodeMethod method : {EncodeMethod::kSearched, EncodeMethod::kReference}) {
    // The least binary16 is 6e-8: below it a scale vanishes, or is rounded up to it.
    for (const float value : {kDenormal, -1e-40f, 1e-38f, -1e-20f, 5e-9f, 1e-7f}) {
      std::vector<float> row = row_of(1);
      row.front() = value;
      row.back() = -value / 2;
      const std::vector<float> decoded = round_trip(row, {.method = method});
      for (std::size_t i = 0; i < row.size(); ++i) {
        ASSERT_NEAR(decoded[i], row[i], 2e-7) << value;
      }
    }
  }
}

TEST_P(Encode, RefusesWhatIsNotFiniteOrDoesNotFit) {
  std::vector<float> row = uniform_row(2);
  std::vector<std::byte> bytes(
      static_cast<std::size_t>(row_bytes(GetParam().format, std::ssize(row))));
  std::vector<float> importance(row.size(), 1.0f);
  const auto encode = [&](std::span<const float> weights) {
    encode_row(GetParam().format, row, {.importance = weights}, bytes);
  };
  EXPECT_NO_THROW(encode(importance));
  EXPECT_THROW(encode(std::span(importance).first(1)), Error);
  importance.back() = -1.0f;
  EXPECT_THROW(encode(importance), Error);
  importance.back() = std::nanf("");
  EXPECT_THROW(encode(importance), Error);
  bytes.pop_back();
  EXPECT_THROW(encode({}), Error);
  bytes.resize(bytes.size() + 1);
  row.back() = std::numeric_limits<float>::infinity();
  EXPECT_THROW(encode({}), Error);
}

std::string name_of(const ::testing::TestParamInfo<FormatInfo>& test) {
  return std::string(test.param.name);
}

INSTANTIATE_TEST_SUITE_P(Formats, Encode, ::testing::ValuesIn(formats().begin(), formats().end()),
                         name_of);

}  // namespace
}  // namespace minimax::quant
