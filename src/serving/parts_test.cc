// SPDX-License-Identifier: Apache-2.0
// The small parts of a service, each alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "serving/memory_ledger.h"
#include "serving/pace.h"
#include "serving/parallel_tasks.h"
#include "serving/prompt_reader.h"
#include "serving/rate.h"
#include "serving/token_logprobs.h"

namespace minimax::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SnapshotPlaces, AreMultiplesOfTheIntervalAndWherePromptsPart) {
  EXPECT_THAT(snapshot_places({.tokens = 200}, 60, 1), ElementsAre(60, 120, 180));
  EXPECT_THAT(snapshot_places({.tokens = 200, .read = 70}, 60, 1), ElementsAre(120, 180));
  EXPECT_THAT(snapshot_places({.tokens = 180}, 60, 1), ElementsAre(60, 120));
  EXPECT_THAT(snapshot_places({.tokens = 200, .known = 90}, 60, 1), ElementsAre(60, 90, 120, 180));
  EXPECT_THAT(snapshot_places({.tokens = 200, .known = 120}, 60, 1), ElementsAre(60, 120, 180));
  EXPECT_THAT(snapshot_places({.tokens = 1000, .known = 450}, 0, 1), ElementsAre(450));
  // Not worth it, and the end is for others.
  EXPECT_THAT(snapshot_places({.tokens = 1000, .read = 440, .known = 450}, 0, 1), IsEmpty());
  EXPECT_THAT(snapshot_places({.tokens = 1000, .known = 1000}, 0, 1), IsEmpty());
}

TEST(SnapshotPlaces, AreBehindTheFirstMessageAndSomeWayBeforeTheEnd) {
  EXPECT_THAT(snapshot_places({.tokens = 1000, .first_end = 100}, 0, 1), ElementsAre(100));
  EXPECT_THAT(snapshot_places({.tokens = 1000, .first_end = 20}, 0, 1), IsEmpty());
  EXPECT_THAT(snapshot_places({.tokens = 200}, 1024, 1), IsEmpty());
  EXPECT_THAT(snapshot_places({.tokens = 1000}, 1024, 1), ElementsAre(936));
  EXPECT_THAT(snapshot_places({.tokens = 4100}, 10000, 1), ElementsAre(3076, 3844, 4036));
  EXPECT_THAT(snapshot_places({.tokens = 4100, .read = 3800}, 10000, 1), ElementsAre(4036));
}

TEST(SnapshotPlaces, KeepToTheGrain) {
  EXPECT_THAT(snapshot_places({.tokens = 1000, .known = 450}, 300, 128),
              ElementsAre(384, 768, 896));
  EXPECT_THAT(snapshot_places({.tokens = 1000, .known = 600}, 300, 128),
              ElementsAre(384, 512, 768, 896));
}

TEST(Pace, GivesPromptsTheirShareOfTheTime) {
  Pace pace(0.25);
  for (int i = 0; i < 50; ++i) {
    pace.note(16, 0, 0.16);          // 10 ms a row
    pace.note(16, 20, 0.16 + 0.04);  // 2 ms a token
  }
  // A third of 160 ms beside them is a quarter of both.
  EXPECT_NEAR(static_cast<double>(pace.prompt_tokens(16, 1)), 0.16 / 3 / 0.002, 1.0);
  // Many prompts for few answers: half of the time or more.
  EXPECT_NEAR(static_cast<double>(pace.prompt_tokens(16, 16)), 0.16 / 0.002, 1.0);
  EXPECT_NEAR(static_cast<double>(pace.prompt_tokens(16, 100)), 4 * 0.16 / 0.002, 1.0);
}

TEST(Pace, NeverStopsPrompts) {
  Pace pace(0.01);
  EXPECT_GT(pace.prompt_tokens(1, 1), 0);
  pace.note(1, 0, 0.001);
  pace.note(1, 10, 10.0);
  EXPECT_GT(pace.prompt_tokens(1, 1), 0);
  pace.note(1, 10, 0.0);  // faster than a step without
  EXPECT_LE(pace.prompt_tokens(1, 1), 512);
}

TEST(Rate, ForgetsWhatIsOld) {
  Rate rate;
  const auto begin = Rate::Clock::now();
  for (int i = 0; i < 1000; ++i) {
    rate.add(1, begin + std::chrono::milliseconds(100 * i));
  }
  const auto end = begin + std::chrono::seconds(100);
  EXPECT_NEAR(rate.per_second(end), 10.0, 0.3);
  EXPECT_LT(rate.per_second(end + std::chrono::seconds(60)), 0.01);
}

TEST(TokenLogprobs, AreThoseOfTheRow) {
  const std::vector<float> logits = {1.0f, 3.0f, 3.0f, 0.0f};
  const TokenLogprobs found = token_logprobs(logits, 0, 3);
  const double total = std::log(std::exp(1.0) + 2 * std::exp(3.0) + 1.0);
  EXPECT_NEAR(found.logprob, 1.0 - total, 1e-6);
  ASSERT_EQ(found.top.size(), 3u);
  EXPECT_EQ(found.top[0].first, 1);  // of equals the lower id
  EXPECT_EQ(found.top[1].first, 2);
  EXPECT_EQ(found.top[2].first, 0);
  EXPECT_NEAR(found.top[0].second, 3.0 - total, 1e-6);
  EXPECT_EQ(token_logprobs(logits, 0, 100).top.size(), 4u);
  EXPECT_THAT(token_logprobs(logits, 0, 0).top, IsEmpty());
}

TEST(TokenLogprobs, RefuseNumbersThatAreNone) {
  const std::vector<float> logits = {1.0f, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_THROW(token_logprobs(logits, 0, 1), Error);
}

TEST(RunTasks, TellsWhichOnesFailed) {
  cpu::ThreadPool pool(2);
  for (cpu::ThreadPool* threads : {&pool, static_cast<cpu::ThreadPool*>(nullptr)}) {
    std::vector<int> done(10);
    const auto thrown = run_tasks(threads, 10, [&](std::int64_t i) {
      done[static_cast<std::size_t>(i)] = 1;
      if (i == 3) {
        throw std::bad_alloc();
      }
    });
    EXPECT_THAT(done, ::testing::Each(1));
    for (std::size_t i = 0; i < thrown.size(); ++i) {
      EXPECT_EQ(thrown[i] != nullptr, i == 3);
    }
    EXPECT_EQ(error_of(thrown[3]).code(), ErrorCode::kOutOfMemory);
    EXPECT_THROW(rethrow_first(thrown), std::bad_alloc);
  }
}

TEST(MemoryLedger, CountsSharedBlocksOnceAndForgetsThem) {
  MiniMaxConfig config;
  config.num_attention_heads = 2;
  config.num_key_value_heads = 1;
  config.head_dim = 8;
  config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention};
  model::SequenceState state(config, ops::Precision::kFloat32);
  state.extend(300);
  model::SequenceState fork = state;
  MemoryLedger ledger;
  ledger.add(state);
  EXPECT_EQ(ledger.bytes(), state.bytes());
  ledger.add(fork);
  EXPECT_EQ(ledger.bytes(), state.bytes());
  ledger.remove(state);
  EXPECT_EQ(ledger.bytes(), fork.bytes());
  ledger.remove(fork);
  EXPECT_EQ(ledger.bytes(), 0);
}

// What reserve() promises to those that must not fail later.
TEST(SequenceState, HasRoomOnceItWasReserved) {
  MiniMaxConfig config;
  config.num_attention_heads = 2;
  config.num_key_value_heads = 1;
  config.head_dim = 8;
  config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention};
  model::SequenceState state(config, ops::Precision::kFloat32);
  state.extend(100);
  const model::SequenceState fork = state;
  state.reserve(200);
  EXPECT_EQ(state.length(), 100);
  const std::int64_t bytes = state.bytes();
  state.extend(200);
  EXPECT_EQ(state.bytes(), bytes);
  EXPECT_EQ(state.shared_bytes(), 0);
}

}  // namespace
}  // namespace minimax::serving
