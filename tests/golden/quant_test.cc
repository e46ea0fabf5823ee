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

std::vector<FormatInfo> gguf_formats() {
  std::vector<FormatInfo> rows;
  for (const FormatInfo& row : quant::formats()) {
    if (row.gguf_id && row.block_elements > 1) {
      rows.push_back(row);
    }
  }
  return rows;
}

std::string name_of(const ::testing::TestParamInfo<FormatInfo>& test) {
  return std::string(test.param.name);
}

INSTANTIATE_TEST_SUITE_P(Gguf, DecodeGolden, ::testing::ValuesIn(gguf_formats()), name_of);

}  // namespace
}  // namespace minimax::testing
