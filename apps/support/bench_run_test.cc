// SPDX-License-Identifier: Apache-2.0
#include "support/bench_run.h"

#include <gtest/gtest.h>

#include "engine/pretrained_model.h"

namespace minimax::apps {
namespace {

TEST(ExpertCount, CountsWhatAnyRowChose) {
  ExpertCount count(4, 2);
  // Experts 0 and 1, then 1 and 3: three in all.
  count.add(std::vector<float>{3, 2, 1, 0, -1, 5, -2, 4});
  EXPECT_EQ(count.mean(), 3);
  // Both rows the same two.
  count.add(std::vector<float>{0, 0, 1, 1, 2, 2, 3, 3});
  EXPECT_EQ(count.mean(), 2.5);
}

TEST(BenchRun, GeneratesWithSeveralSequences) {
  const LoadOptions options{.threads = 1};
  const std::filesystem::path directory = MINIMAX_SOURCE_DIR "/tests/golden/softmax_first";
  auto model = MiniMaxForCausalLM::from_pretrained(directory, options);
  const WorkModel work{model.config(), model::measure_of(model.impl().model)};
  const InterruptScope scope;
  BenchRun run(model, work, scope, {.repetitions = 2});
  const BenchResult one = run.generation({.depth = 3, .tokens = 4});
  EXPECT_EQ(one.test, "tg@3");
  EXPECT_EQ(one.experts, static_cast<double>(model.config().num_experts_per_tok));
  const BenchResult all = run.generation({.depth = 3, .tokens = 4, .sequences = 5});
  EXPECT_EQ(all.test, "tg@3x5");
  EXPECT_EQ(all.tokens, 20);
  EXPECT_EQ(all.seconds.size(), 2U);
  EXPECT_GE(all.experts, one.experts);
  EXPECT_LE(all.experts, static_cast<double>(model.config().num_local_experts));
  EXPECT_GT(all.bytes, one.bytes);
  EXPECT_LT(all.bytes, 5 * one.bytes);
}

}  // namespace
}  // namespace minimax::apps
