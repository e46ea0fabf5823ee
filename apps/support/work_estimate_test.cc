// SPDX-License-Identifier: Apache-2.0
#include "support/work_estimate.h"

#include <gtest/gtest.h>

namespace minimax::apps {
namespace {

// One lightning and one softmax layer, small enough to count by hand.
WorkModel small_model() {
  WorkModel model;
  model.config.vocab_size = 100;
  model.config.hidden_size = 8;
  model.config.intermediate_size = 16;
  model.config.num_hidden_layers = 2;
  model.config.num_attention_heads = 2;
  model.config.num_key_value_heads = 1;
  model.config.head_dim = 4;
  model.config.num_local_experts = 4;
  model.config.num_experts_per_tok = 2;
  model.config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention};
  model.measure.precision = ops::Precision::kFloat32;
  model.measure.size.active_parameters = 1000;
  model.measure.size.active_weight_bytes = 4000;
  model.measure.size.expert_weight_bytes = 2400;
  return model;
}

TEST(DecodeWork, CountsWeightsStateAndKeys) {
  // State: 2 heads of 4 x 4 float32, there and back. Keys and values: 1 head of 4 floats each.
  const double state = 2 * 2 * 16 * 4;
  const double token = 2 * 4 * 4;
  EXPECT_DOUBLE_EQ(decode_work(small_model(), {.depth = 0}).bytes, 4000 + state + token);
  EXPECT_DOUBLE_EQ(decode_work(small_model(), {.depth = 9}).bytes, 4000 + state + 10 * token);
  // Parameters and lm_head; 4 flops for every element of the state; 4 D a key and head.
  EXPECT_DOUBLE_EQ(decode_work(small_model(), {.depth = 9}).flops,
                   2 * (1000 + 800) + 4 * 2 * 16 + 4 * 2 * 4 * 10);
}

TEST(DecodeWork, SharesWeightsBetweenSequences) {
  const WorkModel model = small_model();
  const double one = decode_work(model, {.depth = 5}).bytes;
  const double states = one - 4000;
  // Three of four experts instead of the two of one token.
  EXPECT_DOUBLE_EQ(decode_work(model, {.depth = 5, .sequences = 3, .experts = 3}).bytes,
                   4000 + 2400.0 / 4 + 3 * states);
  EXPECT_DOUBLE_EQ(decode_work(model, {.depth = 5, .sequences = 3, .experts = 3}).flops,
                   3 * decode_work(model, {.depth = 5}).flops);
}

TEST(PrefillWork, ReadsEveryChosenExpertOnce) {
  const double experts = 2400;
  const WorkModel model = small_model();
  EXPECT_NEAR(prefill_work(model, 1).bytes, decode_work(model, {}).bytes, 1e-6);
  const double difference = prefill_work(model, 1000).bytes - prefill_work(model, 1).bytes;
  EXPECT_NEAR(difference, experts / 2 + 999 * 2 * 4 * 4, 1e-3);
}

TEST(PrefillWork, GrowsWithTheTokens) {
  const WorkModel model = small_model();
  EXPECT_GT(prefill_work(model, 512).flops, 4 * prefill_work(model, 128).flops);
}

}  // namespace
}  // namespace minimax::apps
