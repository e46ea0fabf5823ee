// SPDX-License-Identifier: Apache-2.0
#include "convert/collect_importance.h"

#include <gtest/gtest.h>

#include <numeric>

#include "convert/quantize_plan.h"
#include "io/safetensors.h"

namespace minimax::convert {
namespace {

const std::filesystem::path kModel =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "tests/golden/lightning_first";

ImportanceMatrix collect(std::int64_t tokens, std::int64_t context) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens));
  std::iota(ids.begin(), ids.end(), 3);
  return collect_importance(kModel, ids, {.load = {.threads = 2}, .context = context});
}

TEST(CollectImportance, HasWhatQuantizingNeeds) {
  const ImportanceMatrix matrix = collect(40, 40);
  const io::Checkpoint checkpoint = io::read_safetensors(kModel);
  const QuantizePlan plan = plan_quantization(checkpoint, MiniMaxConfig::from_pretrained(kModel),
                                              {.format = quant::Format::kQ8_0});
  for (const PlannedTensor& tensor : plan.tensors) {
    for (const Segment& segment : tensor.segments) {
      if (segment.parameter != "model.embed_tokens.weight") {
        EXPECT_NO_THROW(
            static_cast<void>(matrix.columns(segment.parameter, tensor.source->shape[-1])));
      }
    }
  }
}

TEST(CollectImportance, CountsEveryTokenOnce) {
  const MiniMaxConfig config = MiniMaxConfig::from_pretrained(kModel);
  for (const std::int64_t context : {40, 16, 7}) {
    const ImportanceMatrix matrix = collect(40, context);
    EXPECT_EQ(matrix.inputs().at("model.layers.0.self_attn.out_proj.weight").rows, 40);
    EXPECT_EQ(matrix.inputs().at("lm_head.weight").rows, 40);
    std::int64_t chosen = 0;
    for (std::int64_t e = 0; e < config.num_local_experts; ++e) {
      const std::string prefix = "model.layers.1.block_sparse_moe.experts." + std::to_string(e);
      chosen += matrix.inputs().at(prefix + ".w1.weight").rows;
      EXPECT_EQ(matrix.inputs().at(prefix + ".w1.weight").rows,
                matrix.inputs().at(prefix + ".w2.weight").rows);
    }
    EXPECT_EQ(chosen, 40 * config.num_experts_per_tok);
  }
}

// The norm in front of the projections makes the mean square of a row one, before its weights,
// which lie between 0.6 and 1.4.
TEST(CollectImportance, HasTheSizeOfNormedRows) {
  const ImportanceMatrix matrix = collect(40, 40);
  const auto& squares = matrix.inputs().at("model.layers.0.self_attn.qkv_proj.weight").mean_squares;
  const double mean =
      std::accumulate(squares.begin(), squares.end(), 0.0) / static_cast<double>(squares.size());
  EXPECT_GT(mean, 0.36);
  EXPECT_LT(mean, 1.96);
}

}  // namespace
}  // namespace minimax::convert
