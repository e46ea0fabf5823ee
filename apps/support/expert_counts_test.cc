// SPDX-License-Identifier: Apache-2.0
#include "support/expert_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimax/error.h"

namespace minimax::apps {
namespace {

TEST(ExpertCounts, AreTheRowsThatEachExpertSaw) {
  convert::ImportanceMatrix matrix;
  matrix.set("model.layers.1.block_sparse_moe.experts.2.w1.weight", {{1.0F}, 7});
  matrix.set("model.layers.0.block_sparse_moe.experts.0.w1.weight", {{1.0F}, 3});
  matrix.set("model.layers.0.block_sparse_moe.experts.1.w2.weight", {{1.0F}, 5});
  matrix.set("model.layers.9.self_attn.qkv_proj.weight", {{1.0F}, 9});
  EXPECT_THAT(expert_counts(matrix), ::testing::ElementsAre(3, 0, 0, 0, 0, 7));
}

TEST(ExpertCounts, AreInAnImportanceMatrixOfAMixture) {
  convert::ImportanceMatrix matrix;
  matrix.set("model.layers.0.self_attn.qkv_proj.weight", {{1.0F}, 9});
  EXPECT_THROW(expert_counts(matrix), Error);
}

}  // namespace
}  // namespace minimax::apps
