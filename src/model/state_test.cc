// SPDX-License-Identifier: Apache-2.0
#include "model/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <tuple>
#include <utility>

#include "minimax/error.h"
#include "tensor/block_pool.h"
#include "tests/support/thrown_by.h"

namespace minimax::model {
namespace {

using ::testing::ElementsAre;
using testing::thrown_by;

constexpr std::int64_t kPage = SequenceState::kPageTokens;
constexpr std::int64_t kPageBytes = 2 * kPage * 5 * 4;  // KVH 1, D 5, float32
constexpr std::int64_t kLightningBytes = std::int64_t{2} * 3 * 5 * 5 * 4;

MiniMaxConfig small_config(std::int64_t window = 0) {
  MiniMaxConfig config;
  config.num_hidden_layers = 3;
  config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention,
                        LayerType::kLinearAttention};
  config.num_attention_heads = 3;
  config.num_key_value_heads = 1;
  config.head_dim = 5;
  if (window > 0) {
    config.sliding_window = window;
  }
  return config;
}

float& key(SequenceState& state, std::int64_t token) {
  const ops::KvCacheView kv = state.kv(0);
  const auto page = static_cast<std::size_t>(token / kPage - kv.first_page);
  return reinterpret_cast<float*>(kv.pages[page])[token % kPage * 5];
}

// What a forward pass does to a state: the key of the token at position p becomes p + mark, and
// the lightning states the number of tokens + mark.
void feed(SequenceState& state, std::int64_t tokens, float mark = 0.0f) {
  const std::int64_t begin = state.length();
  state.extend(tokens);
  for (std::int64_t token = begin; token < state.length(); ++token) {
    key(state, token) = static_cast<float>(token) + mark;
  }
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    std::fill_n(state.lightning(layer), 75, static_cast<float>(state.length()) + mark);
  }
}

SequenceState fed_state(std::int64_t tokens, std::int64_t window = 0) {
  SequenceState state(small_config(window), ops::Precision::kFloat32);
  feed(state, tokens);
  return state;
}

TEST(SequenceState, GrowsByWholePages) {
  SequenceState state(small_config(), ops::Precision::kBFloat16);
  const std::int64_t empty = state.bytes();
  EXPECT_EQ(empty, kLightningBytes);
  state.extend(1);
  EXPECT_EQ(state.bytes() - empty, kPageBytes / 2);
  state.extend(kPage - 1);
  EXPECT_EQ(state.bytes() - empty, kPageBytes / 2);
  state.extend(1);
  EXPECT_EQ(state.bytes() - empty, kPageBytes);
  EXPECT_EQ(state.length(), kPage + 1);
}

TEST(SequenceState, TakesTheMemoryOfItsPlan) {
  for (const std::int64_t window : {0, 1, 100, 128, 129, 700}) {
    const StateSize size = state_size(small_config(window), ops::Precision::kFloat32);
    for (const std::int64_t step : {std::int64_t{1}, std::int64_t{37}, StateSize::kLongestStep}) {
      SequenceState state(small_config(window), ops::Precision::kFloat32);
      std::int64_t slack = 0;
      while (state.length() < 3000) {
        state.extend(step);
        const std::int64_t planned = size.fixed_bytes + size.kv_bytes(state.length());
        slack = planned - state.bytes();
        EXPECT_GE(slack, 0) << window << " " << step << " " << state.length();
      }
      // The plan counts with the longest step at the worst place in its pages.
      const bool exact = window == 0;
      const bool longest = step == StateSize::kLongestStep;
      EXPECT_LE(slack, exact ? 0 : longest ? kPageBytes : 5 * kPageBytes) << window << " " << step;
    }
  }
}

// Whether the keys that the tokens from position `begin` on see are those of their positions.
bool sees_its_keys(SequenceState& state, std::int64_t begin, std::int64_t window) {
  for (std::int64_t token = std::max<std::int64_t>(0, begin + 1 - window); token < state.length();
       ++token) {
    if (key(state, token) != static_cast<float>(token)) {
      return false;
    }
  }
  return true;
}

class SlidingWindow : public ::testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {};
INSTANTIATE_TEST_SUITE_P(WindowsAndSteps, SlidingWindow,
                         ::testing::Combine(::testing::Values(1, 2, 127, 128, 129, 300),
                                            ::testing::Values(1, 7, 128, 512)));

TEST_P(SlidingWindow, HoldsTheKeysThatAreSeenInConstantMemory) {
  const auto [window, step] = GetParam();
  SequenceState state(small_config(window), ops::Precision::kFloat32);
  while (state.length() < 1500) {
    const std::int64_t begin = state.length();
    feed(state, step);
    ASSERT_TRUE(sees_its_keys(state, begin, window)) << begin;
  }
  const std::int64_t settled = state.bytes();
  while (state.length() < 4000) {
    const std::int64_t begin = state.length();
    feed(state, step);
    ASSERT_TRUE(sees_its_keys(state, begin, window)) << begin;
    EXPECT_EQ(state.bytes(), settled);
  }
}

TEST(SlidingWindowState, StaysConstantOver100000TokensWithForksAndSnapshots) {
  SequenceState state(small_config(200), ops::Precision::kFloat32);
  feed(state, 512);
  const std::int64_t settled = state.bytes();
  while (state.length() < 100'000) {
    if (state.length() % 1000 == 0) {
      // A fork keeps what it sees while the original goes on.
      SequenceState fork = state;
      const std::int64_t oldest = state.length() + 1 - 200;
      feed(state, 600, 0.5f);
      EXPECT_EQ(key(fork, oldest), static_cast<float>(oldest));
      state = std::move(fork);
    }
    feed(state, 1);
    ASSERT_EQ(state.bytes(), settled) << state.length();
  }
  EXPECT_EQ(state.shared_bytes(), 0);
}

TEST(SequenceState, ImaginesTokensThatDiffer) {
  SequenceState state(small_config(), ops::Precision::kFloat32);
  state.imagine(2 * kPage + 3, 7);
  EXPECT_EQ(state.length(), 2 * kPage + 3);
  EXPECT_NE(key(state, 0), 0.0F);
  EXPECT_NE(key(state, 0), key(state, kPage));
  EXPECT_NE(key(state, 0), key(state, 1));
  EXPECT_NE(state.lightning(0)[0], state.lightning(1)[0]);
  EXPECT_EQ(thrown_by([&] { state.imagine(1, 7); }).code, ErrorCode::kInvalidArgument);
}

TEST(Fork, SharesAllMemoryUntilOneGoesOn) {
  SequenceState state = fed_state(200);
  SequenceState fork = state;
  EXPECT_EQ(fork.shared_bytes(), fork.bytes());
  EXPECT_EQ(fork.kv(0).pages[1], state.kv(0).pages[1]);

  feed(fork, 1, 0.5f);
  // The first page of keys is full and stays shared, the second is copied and written.
  EXPECT_EQ(fork.shared_bytes(), kPageBytes);
  EXPECT_EQ(state.shared_bytes(), kPageBytes);
  EXPECT_EQ(fork.bytes(), state.bytes());
}

TEST(Fork, GoesItsOwnWay) {
  SequenceState state = fed_state(200);
  SequenceState first = state;
  SequenceState second = state;
  feed(first, 100, 0.25f);
  feed(second, 3, 0.5f);
  feed(state, 1);
  EXPECT_EQ(key(first, 200), 200.25f);
  EXPECT_EQ(key(second, 200), 200.5f);
  EXPECT_EQ(key(state, 200), 200.0f);
  for (SequenceState* fork : {&first, &second, &state}) {
    EXPECT_EQ(key(*fork, 199), 199.0f);
  }
  EXPECT_EQ(first.lightning(1)[3], 300.25f);
  EXPECT_EQ(second.lightning(1)[3], 203.5f);
  EXPECT_EQ(state.lightning(1)[3], 201.0f);
}

TEST(Fork, IsParkedElsewhereAndComesBack) {
  tensor::BlockPool elsewhere(tensor::host_memory(), 2 * kLightningBytes);
  SequenceState state = fed_state(7);
  SequenceState fork = state;
  fork.park(elsewhere.memory());
  EXPECT_EQ(fork.shared_bytes(), kPageBytes);  // keys and values stay
  EXPECT_EQ(fork.save(), state.save());
  feed(state, 1, 0.5f);
  EXPECT_EQ(fork.lightning_values(1)[74], 7.0f);
  EXPECT_EQ(elsewhere.free_bytes(), 0);
  feed(fork, 1, 0.5f);
  EXPECT_EQ(elsewhere.free_bytes(), kLightningBytes);
  EXPECT_EQ(fork.save(), state.save());
}

TEST(Fork, IsFedInAThreadOfItsOwn) {
  const SequenceState state = fed_state(200, 150);
  std::vector<SequenceState> forks(4, state);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < forks.size(); ++i) {
      threads.emplace_back([&fork = forks[i], mark = static_cast<float>(i) / 8] {
        for (int step = 0; step < 100; ++step) {
          const SequenceState before = fork;
          feed(fork, 3, mark);
        }
      });
    }
  }
  for (std::size_t i = 0; i < forks.size(); ++i) {
    EXPECT_EQ(key(forks[i], 499), 499.0f + static_cast<float>(i) / 8);
    EXPECT_EQ(forks[i].lightning(0)[0], 500.0f + static_cast<float>(i) / 8);
    EXPECT_EQ(forks[i].shared_bytes(), 0);
  }
}

TEST(Truncate, GoesBackToTheNearestSnapshot) {
  for (const std::int64_t window : {0, 50}) {
    SequenceState state = fed_state(100, window);
    state.snapshot();
    feed(state, 200);
    state.snapshot();
    feed(state, 40, 0.5f);
    EXPECT_THAT(state.snapshot_lengths(), ElementsAre(100, 300));

    EXPECT_EQ(state.truncate(340), 0);
    EXPECT_EQ(state.length(), 340);
    EXPECT_EQ(state.truncate(333), 33);
    EXPECT_EQ(state.length(), 300);
    EXPECT_EQ(state.lightning(0)[0], 300.0f);
    EXPECT_EQ(key(state, 299), 299.0f);
    feed(state, 33);
    EXPECT_EQ(key(state, 310), 310.0f);

    EXPECT_EQ(state.truncate(299), 199);
    EXPECT_THAT(state.snapshot_lengths(), ElementsAre(100));
    EXPECT_EQ(state.length(), 100);
    EXPECT_EQ(key(state, 60), 60.0f);
    // Nothing is left of what came later.
    EXPECT_EQ(state.save(), fed_state(100, window).save());
  }
}

TEST(Truncate, BecomesEmptyWithoutASnapshot) {
  SequenceState state = fed_state(300);
  EXPECT_EQ(state.truncate(7), 7);
  EXPECT_EQ(state.save(), SequenceState(small_config(), ops::Precision::kFloat32).save());
  EXPECT_EQ(state.bytes(), kLightningBytes);
}

TEST(Truncate, RefusesLengthsThatTheStateNeverHad) {
  SequenceState state = fed_state(10);
  EXPECT_EQ(thrown_by([&] { state.truncate(11); }).message,
            "truncate: expected a length from 0 to 10, found 11");
  EXPECT_EQ(thrown_by([&] { state.truncate(-1); }).code, ErrorCode::kInvalidArgument);
}

TEST(Snapshot, IsKeptOnceForALengthAndCostsWhatHasChanged) {
  SequenceState state = fed_state(200);
  const std::int64_t before = state.bytes();
  state.snapshot();
  state.snapshot();
  EXPECT_THAT(state.snapshot_lengths(), ElementsAre(200));
  EXPECT_EQ(state.bytes(), before);
  feed(state, 1);
  EXPECT_EQ(state.bytes(), before + kLightningBytes + kPageBytes);
  EXPECT_EQ(state.shared_bytes(), 0);
  state.drop_snapshots();
  EXPECT_EQ(state.bytes(), before);
}

}  // namespace
}  // namespace minimax::model
