// SPDX-License-Identifier: Apache-2.0
#include "convert/quantize_plan.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/safetensors.h"
#include "minimax/error.h"

namespace minimax::convert {
namespace {

const std::filesystem::path kModel =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "models/tiny-minimax";

class Plan : public ::testing::Test {
 protected:
  QuantizePlan plan(const PlanOptions& options) const {
    return plan_quantization(checkpoint_, config_, options);
  }

  static const PlannedTensor& find(const QuantizePlan& plan, std::string_view name) {
    for (const PlannedTensor& tensor : plan.tensors) {
      if (tensor.source->name == name) {
        return tensor;
      }
    }
    throw std::out_of_range(std::string(name));
  }

  io::Checkpoint checkpoint_ = io::read_safetensors(kModel);
  MiniMaxConfig config_ = MiniMaxConfig::from_pretrained(kModel);
};

TEST(Matches, TakesStarsAndQuestionMarks) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*.w2.*", "experts.0.w2.weight"));
  EXPECT_TRUE(matches("*ab*ab", "abxabyab"));
  EXPECT_TRUE(matches("layers.?.x", "layers.7.x"));
  EXPECT_FALSE(matches("layers.?.x", "layers.17.x"));
  EXPECT_FALSE(matches("w2", "w2.weight"));
  EXPECT_FALSE(matches("*w2", "w2.weight"));
  EXPECT_FALSE(matches("?", ""));
}

TEST(Matches, TakesNoLongerThanTheProductOfBothLengths) {
  const std::string name(1000, 'a');
  std::string pattern;
  for (int i = 0; i < 400; ++i) {
    pattern += "a*";
  }
  EXPECT_FALSE(matches(pattern + "b", name));
}

TEST_F(Plan, QuantizesProjectionsAndExpertsOnly) {
  for (const PlannedTensor& tensor : plan({.format = quant::Format::kQ8_0}).tensors) {
    const std::string& name = tensor.source->name;
    const bool expected = name.find("_proj") != std::string::npos ||
                          name.find("experts") != std::string::npos ||
                          name.find("output_gate") != std::string::npos;
    EXPECT_EQ(tensor.format.has_value(), expected) << name;
  }
}

TEST_F(Plan, FallsBackWhereRowsDoNotDivide) {
  const QuantizePlan q6_k = plan({.format = quant::Format::kQ6_K});
  const PlannedTensor& down = find(q6_k, "model.layers.0.block_sparse_moe.experts.0.w2.weight");
  EXPECT_EQ(down.format, quant::Format::kQ8_0);
  EXPECT_EQ(down.wanted, quant::Format::kQ6_K);
  EXPECT_EQ(down.bytes(), 256 * 192 / 32 * 34);
  const PlannedTensor& up = find(q6_k, "model.layers.0.block_sparse_moe.experts.0.w1.weight");
  EXPECT_EQ(up.format, quant::Format::kQ6_K);
  EXPECT_FALSE(up.wanted.has_value());
}

TEST_F(Plan, LetsTheLastRuleHold) {
  const QuantizePlan kept = plan({.format = quant::Format::kQ8_0,
                                  .keep = {{"*", quant::Format::kQ4_0},
                                           {"*.qkv_proj.weight", quant::Format::kQ5_0},
                                           {"model.layers.1.*", std::nullopt}}});
  EXPECT_EQ(find(kept, "lm_head.weight").format, quant::Format::kQ4_0);
  EXPECT_EQ(find(kept, "model.layers.0.self_attn.qkv_proj.weight").format, quant::Format::kQ5_0);
  EXPECT_FALSE(find(kept, "model.layers.1.self_attn.qkv_proj.weight").format.has_value());
  EXPECT_FALSE(find(kept, "model.norm.weight").format.has_value());
}

TEST_F(Plan, RefusesARuleForNothing) {
  EXPECT_THROW(plan({.keep = {{"model.norm.weight", quant::Format::kQ8_0}}}), Error);
}

TEST_F(Plan, LeavesNumbersThatHaveTheFormatAlready) {
  EXPECT_EQ(plan({.format = quant::Format::kBF16}).bytes(),
            plan({.keep = {{"*", std::nullopt}}}).bytes());
}

TEST_F(Plan, CoversEveryRowOfEveryProjection) {
  for (const PlannedTensor& tensor : plan({}).tensors) {
    std::int64_t rows = 0;
    for (const Segment& segment : tensor.segments) {
      EXPECT_EQ(segment.first_row, rows);
      rows += segment.rows;
    }
    if (tensor.format) {
      EXPECT_EQ(rows, tensor.source->shape[0]);
    }
  }
}

}  // namespace
}  // namespace minimax::convert
