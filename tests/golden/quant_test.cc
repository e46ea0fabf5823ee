// SPDX-License-Identifier: Apache-2.0
// The formats of src/quant against the packages that define them; README.md says what the files of
// tests/golden/quant hold.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "quant/decode.h"
#include "quant/encode.h"
#include "quant/format.h"
#include "tests/golden/quant_golden.h"

namespace minimax::testing {
namespace {

using quant::FormatInfo;

class DecodeGolden : public ::testing::TestWithParam<FormatInfo> {};

TEST_P(DecodeGolden, EqualsBitForBitForEveryByteInEveryPlace) {
  const GoldenFile golden = quant_golden("decode");
  const FormatInfo& row = GetParam();
  const std::string name(row.name);
  const std::vector<std::byte> blocks = golden.bytes(name + ".blocks");
  const std::vector<std::int64_t> hashes = golden.integers(name + ".hashes");
  const std::vector<float> second_block = golden.floats(name + ".values");
  ASSERT_EQ(std::ssize(blocks), std::ssize(hashes) * row.block_bytes);
  std::vector<float> decoded(static_cast<std::size_t>(row.block_elements));
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const auto size = static_cast<std::size_t>(row.block_bytes);
    quant::decode_row(row.format, std::span(blocks).subspan(i * size, size), decoded);
    if (i == 1) {
      ASSERT_EQ(decoded, second_block);
    }
    ASSERT_EQ(fnv1a(std::as_bytes(std::span(decoded))), hashes[i]) << "block " << i;
  }
}

class EncodeGolden : public ::testing::TestWithParam<FormatInfo> {
 protected:
  static constexpr std::size_t kWidth = 512;

  std::string name() const { return std::string(GetParam().name); }

  std::vector<std::byte> encode(std::size_t row, const quant::EncodeOptions& options) const {
    std::vector<std::byte> bytes(
        static_cast<std::size_t>(quant::row_bytes(GetParam().format, kWidth)));
    quant::encode_row(GetParam().format, values(row), options, bytes);
    return bytes;
  }

  std::span<const float> values(std::size_t row) const {
    return std::span(rows_).subspan(row * kWidth, kWidth);
  }

  double error(std::size_t row, std::span<const float> weights,
               const std::vector<std::byte>& bytes) const {
    std::vector<float> decoded(kWidth);
    quant::decode_row(GetParam().format, bytes, decoded);
    double sum = 0;
    for (std::size_t i = 0; i < kWidth; ++i) {
      const double difference = static_cast<double>(decoded[i]) - values(row)[i];
      sum += weights[i] * difference * difference;
    }
    return sum;
  }

  void expect_no_more_error(const std::string& tensor, std::span<const float> weights,
                            const quant::EncodeOptions& options) const {
    const std::vector<float> theirs = golden_.floats(name() + tensor);
    for (std::size_t row = 0; row < theirs.size(); ++row) {
      const double ours = error(row, weights, encode(row, options));
      EXPECT_LE(ours, theirs[row] * (1 + 1e-6))
          << name() << " row " << row << " ratio " << ours / theirs[row];
    }
  }

  GoldenFile golden_ = quant_golden("encode");
  std::vector<float> rows_ = golden_.floats("rows");
};

class EncodeReferenceGolden : public EncodeGolden {};

TEST_P(EncodeReferenceGolden, GivesTheBytesOfGgml) {
  const std::vector<std::byte> expected = golden_.bytes(name() + ".reference");
  const auto row_bytes = static_cast<std::size_t>(quant::row_bytes(GetParam().format, kWidth));
  for (std::size_t row = 0; row < rows_.size() / kWidth; ++row) {
    const auto bytes = encode(row, {.method = quant::EncodeMethod::kReference});
    ASSERT_EQ(std::memcmp(bytes.data(), expected.data() + row * row_bytes, row_bytes), 0) << row;
  }
}

TEST_P(EncodeGolden, SearchLosesNoMoreThanGgml) {
  expect_no_more_error(".error", std::vector<float>(kWidth, 1.0f), {});
}

TEST_P(EncodeGolden, WeightedSearchLosesNoMoreThanGgml) {
  const std::vector<float> importance = golden_.floats("importance");
  expect_no_more_error(".weighted_error", importance, {.importance = importance});
}

std::vector<FormatInfo> gguf_formats() {
  std::vector<FormatInfo> rows;
  for (const FormatInfo& row : quant::formats()) {
    if (row.gguf_id && row.block_elements > 1) {
      rows.push_back(row);
    }
  }
  return rows;
}

std::vector<FormatInfo> formats_with_reference() {
  using quant::Format;
  std::vector<FormatInfo> rows;
  for (const Format format :
       {Format::kQ8_0, Format::kQ4_0, Format::kQ4_1, Format::kQ5_0, Format::kQ5_1}) {
    rows.push_back(quant::info(format));
  }
  return rows;
}

std::string name_of(const ::testing::TestParamInfo<FormatInfo>& test) {
  return std::string(test.param.name);
}

INSTANTIATE_TEST_SUITE_P(Gguf, DecodeGolden, ::testing::ValuesIn(gguf_formats()), name_of);
INSTANTIATE_TEST_SUITE_P(Gguf, EncodeReferenceGolden, ::testing::ValuesIn(formats_with_reference()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Gguf, EncodeGolden, ::testing::ValuesIn(gguf_formats()), name_of);

}  // namespace
}  // namespace minimax::testing
