// SPDX-License-Identifier: Apache-2.0
// Quantization while loading, against the arithmetic of bitsandbytes on whole tensors.
#include "model/load_quantization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "minimax/error.h"
#include "model/loader.h"
#include "quant/bitsandbytes.h"
#include "tests/support/thrown_by.h"

namespace minimax::model {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kModel =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "models/tiny-minimax";

Model load(const std::optional<BitsAndBytesConfig>& config, Device device = Device::kCpu) {
  return load_model(kModel, HeadKind::kLanguage,
                    {.device = device, .threads = 2, .quantization_config = config});
}

std::vector<float> values_of(const quant::Matrix& matrix) {
  const auto width = static_cast<std::size_t>(matrix.shape()[1]);
  std::vector<float> values(static_cast<std::size_t>(matrix.shape().elements()));
  for (std::int64_t row = 0; row < matrix.shape()[0]; ++row) {
    quant::decode_row(matrix, row,
                      std::span(values).subspan(static_cast<std::size_t>(row) * width, width));
  }
  return values;
}

std::vector<float> expected_4bit(const std::vector<float>& weights, bool nests) {
  quant::Packed4Bit packed = quant::encode_4bit(quant::kNf4Values, weights, 64);
  if (nests) {
    const quant::NestedAbsmax nested = quant::encode_absmax(packed.absmax);
    const std::array<float, 256> map = quant::dynamic_map();
    quant::decode_absmax(
        {nested.codes, nested.absmax, map, quant::kNestedBlockElements, nested.offset},
        packed.absmax);
  }
  std::vector<float> values(weights.size());
  quant::decode_4bit(quant::kNf4Values, packed.codes, packed.absmax, 64, values);
  return values;
}

TEST(LoadQuantization, IsThatOfBitsandbytes) {
  const Model plain = load(std::nullopt);
  const std::vector<float> qkv = values_of(plain.weights.layers[0].lightning.qkv);
  const std::vector<float> expert = values_of(plain.weights.layers[2].moe.experts.down[5]);
  for (const bool nests : {false, true}) {
    for (const Device device : {Device::kCpu, Device::kReference}) {
      const Model model = load(BitsAndBytesConfig{.load_in_4bit = true,
                                                  .bnb_4bit_quant_type = Bnb4BitQuantType::kNf4,
                                                  .bnb_4bit_use_double_quant = nests},
                               device);
      EXPECT_EQ(values_of(model.weights.layers[0].lightning.qkv), expected_4bit(qkv, nests));
      EXPECT_EQ(values_of(model.weights.layers[2].moe.experts.down[5]),
                expected_4bit(expert, nests));
    }
  }
}

TEST(LoadQuantization, HasAScaleForEachRowInInt8) {
  const Model plain = load(std::nullopt);
  const quant::Matrix& qkv = plain.weights.layers[0].lightning.qkv;
  const std::vector<float> weights = values_of(qkv);
  const Model model = load(BitsAndBytesConfig{.load_in_8bit = true});
  const std::vector<float> found = values_of(model.weights.layers[0].lightning.qkv);
  const auto width = static_cast<std::size_t>(qkv.shape()[1]);
  for (std::size_t begin = 0; begin < weights.size(); begin += width) {
    std::vector<std::int8_t> codes(width);
    const float scale = quant::encode_int8_row(std::span(weights).subspan(begin, width), codes);
    for (std::size_t i = 0; i < width; ++i) {
      ASSERT_EQ(found[begin + i], quant::int8_step(scale) * static_cast<float>(codes[i]));
    }
  }
}

TEST(LoadQuantization, LeavesWhatWasNotMeant) {
  BitsAndBytesConfig config{.load_in_4bit = true};
  const Model model = load(config);
  EXPECT_EQ(model.precision, ops::Precision::kBFloat16);
  EXPECT_EQ(model.weights.embeddings.format(), quant::Format::kBF16);
  EXPECT_EQ(model.weights.head.weight.format(), quant::Format::kBF16);
  EXPECT_EQ(model.weights.layers[7].softmax.q.format(), quant::Format::kFP4);
  EXPECT_LT(model.size.weight_bytes, load(std::nullopt).size.weight_bytes / 2);
  config.llm_int8_skip_modules = {"out_proj", "model.layers.7"};
  config.bnb_4bit_compute_dtype = ComputeType::kFloat32;
  const Model other = load(config);
  EXPECT_EQ(other.precision, ops::Precision::kFloat32);
  EXPECT_EQ(other.weights.layers[0].lightning.out.format(), quant::Format::kBF16);
  EXPECT_EQ(other.weights.layers[0].lightning.qkv.format(), quant::Format::kFP4);
  EXPECT_EQ(other.weights.layers[7].softmax.q.format(), quant::Format::kBF16);
  EXPECT_EQ(other.weights.head.weight.format(), quant::Format::kFP4);
}

TEST(LoadQuantization, RefusesContradictions) {
  for (const bool both : {false, true}) {
    const auto thrown = testing::thrown_by(
        [&] { load(BitsAndBytesConfig{.load_in_8bit = both, .load_in_4bit = both}); });
    EXPECT_EQ(thrown.code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(thrown.message, HasSubstr(both ? "found both" : "found neither"));
  }
}

}  // namespace
}  // namespace minimax::model
