// SPDX-License-Identifier: Apache-2.0
// src/quant/bitsandbytes against the package of that name, bytes for bytes; README.md says what
// tests/golden/quant/bitsandbytes.safetensors holds.
#include "quant/bitsandbytes.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "tests/golden/quant_golden.h"

namespace minimax::testing {
namespace {

std::vector<std::uint8_t> codes_of(const GoldenFile& golden, const std::string& tensor) {
  const std::vector<std::byte> bytes = golden.bytes(tensor);
  std::vector<std::uint8_t> codes(bytes.size());
  std::memcpy(codes.data(), bytes.data(), bytes.size());
  return codes;
}

struct Case {
  const char* kind;
  const quant::Code4BitValues& values;
  std::int64_t block_elements;
  std::string key() const { return std::string(kind) + "." + std::to_string(block_elements); }
};

class BitsandbytesGolden : public ::testing::TestWithParam<Case> {
 protected:
  GoldenFile golden_ = quant_golden("bitsandbytes");
  std::vector<float> weights_ = golden_.floats("weights");
};

TEST_P(BitsandbytesGolden, EncodesTheSameBytes) {
  const auto packed = quant::encode_4bit(GetParam().values, weights_, GetParam().block_elements);
  EXPECT_EQ(packed.codes, codes_of(golden_, GetParam().key() + ".codes"));
  EXPECT_EQ(packed.absmax, golden_.floats(GetParam().key() + ".absmax"));
}

TEST_P(BitsandbytesGolden, DecodesTheSameNumbers) {
  const std::string key = GetParam().key();
  std::vector<float> decoded(weights_.size());
  quant::decode_4bit(GetParam().values, codes_of(golden_, key + ".codes"),
                     golden_.floats(key + ".absmax"), GetParam().block_elements, decoded);
  EXPECT_EQ(fnv1a(std::as_bytes(std::span(decoded))), golden_.integers(key + ".hash")[0]);
}

TEST_P(BitsandbytesGolden, QuantizesTheScalesToTheSameBytes) {
  const std::string key = GetParam().key();
  const std::vector<float> scales = golden_.floats(key + ".absmax");
  const float offset = golden_.floats(key + ".nested.offset")[0];
  const auto nested = quant::encode_absmax(scales, offset);
  EXPECT_EQ(nested.codes, codes_of(golden_, key + ".nested.codes"));
  EXPECT_EQ(nested.absmax, golden_.floats(key + ".nested.absmax"));
  // torch adds in float32, we in float64: a part in a million apart at most for these 643 scales.
  EXPECT_NEAR(quant::encode_absmax(scales).offset, offset, offset * 1e-6f);
}

TEST_P(BitsandbytesGolden, DecodesTheSameScales) {
  const std::string key = GetParam().key();
  const std::vector<float> expected = golden_.floats(key + ".nested.decoded");
  std::vector<float> scales(expected.size());
  quant::decode_absmax(
      {codes_of(golden_, key + ".nested.codes"), golden_.floats(key + ".nested.absmax"),
       golden_.floats("map"), 256, golden_.floats(key + ".nested.offset")[0]},
      scales);
  EXPECT_EQ(scales, expected);
}

constexpr const auto& kNf4 = quant::kNf4Values;
constexpr const auto& kFp4 = quant::kFp4Values;

INSTANTIATE_TEST_SUITE_P(Blocks, BitsandbytesGolden,
                         ::testing::Values(Case{"nf4", kNf4, 32}, Case{"nf4", kNf4, 64},
                                           Case{"nf4", kNf4, 128}, Case{"nf4", kNf4, 4096},
                                           Case{"fp4", kFp4, 32}, Case{"fp4", kFp4, 64},
                                           Case{"fp4", kFp4, 128}, Case{"fp4", kFp4, 4096}),
                         [](const auto& test) {
                           return test.param.kind + std::string("_") +
                                  std::to_string(test.param.block_elements);
                         });

TEST(BitsandbytesMap, EqualsTheDynamicMap) {
  const auto map = quant::dynamic_map();
  EXPECT_EQ(std::vector<float>(map.begin(), map.end()), quant_golden("bitsandbytes").floats("map"));
}

TEST(BitsandbytesInt8, EncodesAndDecodesTheSameRows) {
  const GoldenFile golden = quant_golden("bitsandbytes");
  const std::vector<float> rows = golden.floats("int8.rows");
  const std::vector<float> expected = golden.floats("int8.decoded");
  const std::vector<float> scales = golden.floats("int8.scales");
  const std::vector<std::byte> codes = golden.bytes("int8.codes");
  const std::size_t width = rows.size() / scales.size();
  std::vector<std::int8_t> row(width);
  std::vector<float> decoded(width);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    ASSERT_EQ(quant::encode_int8_row(std::span(rows).subspan(i * width, width), row), scales[i]);
    ASSERT_EQ(std::memcmp(row.data(), codes.data() + i * width, width), 0) << "row " << i;
    quant::decode_int8_row(row, scales[i], decoded);
    ASSERT_EQ(std::memcmp(decoded.data(), expected.data() + i * width, width * sizeof(float)), 0);
  }
}

}  // namespace
}  // namespace minimax::testing
