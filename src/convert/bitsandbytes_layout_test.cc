// SPDX-License-Identifier: Apache-2.0
// The checkpoints of bitsandbytes that are written, against those that transformers saved of the
// same model (tests/golden/README.md).
#include "convert/bitsandbytes_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "convert/quantize.h"
#include "io/checkpoint_reader.h"
#include "io/safetensors.h"
#include "quant/bitsandbytes.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::convert {
namespace {

using minimax::testing::TemporaryDirectory;
using minimax::testing::thrown_by;
using ::testing::HasSubstr;

const std::filesystem::path kGolden =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "tests/golden/bitsandbytes_models";
const std::string kQkv = "model.layers.0.self_attn.qkv_proj.weight";
const std::string kExpert = "model.layers.0.block_sparse_moe.experts.1.w2.weight";

std::filesystem::path quantize_golden(const TemporaryDirectory& folder, const PlanOptions& options,
                                      DoubleQuant double_quant) {
  const QuantizeSource source = open_quantize_source(kGolden / "source");
  const QuantizePlan plan = plan_quantization(source.checkpoint, source.config, options);
  quantize(source, plan, folder.path() / "out",
           {.layout = Layout::kBitsandbytes, .double_quant = double_quant});
  return folder.path() / "out";
}

template <class T>
std::vector<T> values_of(const io::CheckpointReader& reader, const io::TensorEntry& entry) {
  std::vector<T> values(static_cast<std::size_t>(entry.bytes) / sizeof(T));
  reader.read(entry, std::as_writable_bytes(std::span(values)));
  return values;
}

base::Json state_of(const io::CheckpointReader& reader, const io::TensorEntry& entry) {
  const auto text = values_of<char>(reader, entry);
  return base::parse_json(std::string_view(text.data(), text.size()), entry.name);
}

struct SavedKind {
  const char* name;
  quant::Format format;
  DoubleQuant double_quant;
};

class Saved : public ::testing::TestWithParam<SavedKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, Saved,
                         ::testing::Values(SavedKind{"nf4", quant::Format::kNF4, DoubleQuant::kOn},
                                           SavedKind{"fp4", quant::Format::kFP4, DoubleQuant::kOff},
                                           SavedKind{"int8", quant::Format::kInt8F32,
                                                     DoubleQuant::kOff}),
                         [](const auto& test) { return std::string(test.param.name); });

// The mean of the scales is torch's sum in float32 and ours in float64: whatever follows from it
// may differ in the last bits, in the codes of scales by one.
void expect_nearly_equal(const io::CheckpointReader& reader, const io::TensorEntry& ours,
                         const io::CheckpointReader& their_reader, const io::TensorEntry& theirs) {
  if (ours.name.find("quant_state") != std::string::npos) {
    const base::Json mine = state_of(reader, ours);
    const base::Json saved = state_of(their_reader, theirs);
    for (const auto& [key, value] : saved.object()) {
      ASSERT_NE(mine.find(key), nullptr) << key;
      if (key == "nested_offset") {
        EXPECT_NEAR(mine.find(key)->number(), value.number(), 1e-6 * value.number());
      } else {
        EXPECT_EQ(base::write_json(*mine.find(key)), base::write_json(value)) << key;
      }
    }
  } else if (ours.name.ends_with("nested_absmax")) {
    const auto mine = values_of<float>(reader, ours);
    const auto saved = values_of<float>(their_reader, theirs);
    for (std::size_t i = 0; i < mine.size(); ++i) {
      EXPECT_NEAR(mine[i], saved[i], 1e-5 * saved[i]) << ours.name;
    }
  } else {
    const auto mine = values_of<std::uint8_t>(reader, ours);
    const auto saved = values_of<std::uint8_t>(their_reader, theirs);
    int different = 0;
    for (std::size_t i = 0; i < mine.size(); ++i) {
      different += mine[i] != saved[i] ? 1 : 0;
    }
    const bool follows_the_mean = ours.name.ends_with(".absmax");
    EXPECT_LE(different, follows_the_mean ? std::ssize(mine) / 500 + 1 : 0) << ours.name;
  }
}

TEST_P(Saved, HasTheTensorsThatTransformersSaves) {
  const TemporaryDirectory folder;
  const auto out = quantize_golden(folder,
                                   {.format = GetParam().format,
                                    .keep = {{"*.experts.*", std::nullopt}},
                                    .blocks_span_rows = true},
                                   GetParam().double_quant);
  const io::Checkpoint ours = io::read_safetensors(out, io::Parts::kAsStored);
  const io::Checkpoint theirs =
      io::read_safetensors(kGolden / GetParam().name, io::Parts::kAsStored);
  const io::CheckpointReader reader(ours);
  const io::CheckpointReader their_reader(theirs);
  ASSERT_EQ(ours.tensors.size(), theirs.tensors.size());
  for (const io::TensorEntry& expected : theirs.tensors) {
    const io::TensorEntry& entry = ours.require(expected.name);
    EXPECT_EQ(entry.dtype, expected.dtype) << entry.name;
    if (entry.name.find("quant_state") == std::string::npos) {
      ASSERT_EQ(entry.shape, expected.shape) << entry.name;
    }
    expect_nearly_equal(reader, entry, their_reader, expected);
  }
}

TEST(FullLayout, HasTheBytesOfQuantize4BitForExperts) {
  const TemporaryDirectory folder;
  const auto out = quantize_golden(
      folder, {.format = quant::Format::kFP4, .blocks_span_rows = true}, DoubleQuant::kOff);
  const io::Checkpoint source = io::read_safetensors(kGolden / "source");
  const io::CheckpointReader source_reader(source);
  const auto raw = values_of<tensor::BFloat16>(source_reader, source.require(kExpert));
  std::vector<float> weights;
  for (const tensor::BFloat16 value : raw) {
    weights.push_back(tensor::to_float(value));
  }
  const quant::Packed4Bit expected = quant::encode_4bit(quant::kFp4Values, weights, 64);
  const io::Checkpoint ours = io::read_safetensors(out, io::Parts::kAsStored);
  const io::CheckpointReader reader(ours);
  EXPECT_EQ(values_of<std::uint8_t>(reader, ours.require(kExpert)), expected.codes);
  EXPECT_EQ(values_of<float>(reader, ours.require(kExpert + ".absmax")), expected.absmax);
}

TEST(FullLayout, ReadsBackWithRowsThatAreNoWholeBlocks) {
  const TemporaryDirectory folder;
  const auto out = quantize_golden(
      folder, {.format = quant::Format::kNF4, .blocks_span_rows = true}, DoubleQuant::kOn);
  const io::Checkpoint checkpoint = io::read_safetensors(out);
  EXPECT_EQ(checkpoint.require(kQkv).format, quant::Format::kNF4);
  EXPECT_EQ(checkpoint.require(kExpert).dtype, tensor::DType::kF32);  // rows of 96
  EXPECT_EQ(checkpoint.require("lm_head.weight").dtype, tensor::DType::kBF16);
}

TEST(BitsandbytesConfig, NamesTheTypeAndWhatIsSkipped) {
  const TemporaryDirectory folder;
  const auto out = quantize_golden(folder,
                                   {.format = quant::Format::kNF4,
                                    .keep = {{"*.o_proj.weight", std::nullopt}},
                                    .blocks_span_rows = true},
                                   DoubleQuant::kOn);
  const base::Json config = base::read_json_file((out / "config.json").string());
  const std::string text = base::write_json(*config.find("quantization_config"));
  for (const char* part : {R"("quant_method":"bitsandbytes")", R"("load_in_4bit":true)",
                           R"("bnb_4bit_quant_type":"nf4")", R"("bnb_4bit_use_double_quant":true)",
                           R"("lm_head")", R"("model.layers.1.self_attn.o_proj")"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_NO_THROW(MiniMaxConfig::from_pretrained(out));
}

TEST(BitsandbytesLayout, RefusesOtherFormats) {
  const TemporaryDirectory folder;
  const auto refusal = [&](const PlanOptions& options) {
    return thrown_by([&] { quantize_golden(folder, options, DoubleQuant::kOn); }).message;
  };
  EXPECT_THAT(refusal({.format = quant::Format::kQ8_0}), HasSubstr("found q8_0"));
  EXPECT_THAT(refusal({.format = quant::Format::kNF4,
                       .keep = {{"*.w1.weight", quant::Format::kFP4}},
                       .blocks_span_rows = true}),
              HasSubstr("one of nf4, fp4 and int8_f32"));
}

}  // namespace
}  // namespace minimax::convert
