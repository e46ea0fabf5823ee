// SPDX-License-Identifier: Apache-2.0
#include "serving/prefix_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"

namespace minimax::serving {
namespace {

using Tokens = std::vector<std::int32_t>;

constexpr std::int64_t kPlenty = std::int64_t{1} << 40;

MiniMaxConfig small_config() {
  MiniMaxConfig config;
  config.num_attention_heads = 2;
  config.num_key_value_heads = 1;
  config.head_dim = 8;
  config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention};
  return config;
}

model::SequenceState state_of(std::int64_t tokens) {
  model::SequenceState state(small_config(), ops::Precision::kFloat32);
  state.extend(tokens);
  return state;
}

Tokens count_from(std::int32_t first, std::int64_t count) {
  Tokens tokens(static_cast<std::size_t>(count));
  std::iota(tokens.begin(), tokens.end(), first);
  return tokens;
}

std::int64_t found_length(PrefixCache& cache, const Tokens& tokens, const std::string& salt = "") {
  const PrefixCache::Match match = cache.find(salt, tokens, 1);
  return match.state != nullptr ? match.state->length() : 0;
}

TEST(PrefixCache, FindsTheLongestPrefix) {
  PrefixCache cache(kPlenty);
  const Tokens all = count_from(0, 100);
  for (const std::int64_t length : {60, 20, 90}) {
    cache.insert("", std::span(all).first(static_cast<std::size_t>(length)), state_of(length));
  }
  EXPECT_EQ(found_length(cache, all), 90);
  EXPECT_EQ(found_length(cache, count_from(0, 89)), 60);
  EXPECT_EQ(found_length(cache, count_from(0, 21)), 20);
  EXPECT_EQ(found_length(cache, count_from(0, 19)), 0);
  EXPECT_EQ(found_length(cache, count_from(1, 100)), 0);
  EXPECT_EQ(cache.snapshots(), 3);
}

TEST(PrefixCache, NeedsLogitsForAWholePrompt) {
  PrefixCache cache(kPlenty);
  const Tokens all = count_from(0, 50);
  cache.insert("", all, state_of(50));
  EXPECT_EQ(found_length(cache, all), 0);
  const std::vector<float> logits = {1, 2, 3};
  cache.insert("", all, state_of(50), logits);
  const PrefixCache::Match match = cache.find("", all, 1);
  ASSERT_NE(match.state, nullptr);
  EXPECT_TRUE(std::ranges::equal(match.logits, logits));
}

TEST(PrefixCache, KeepsToItsGrainButForWholePrompts) {
  PrefixCache cache(kPlenty);
  const Tokens all = count_from(0, 100);
  cache.insert("", std::span(all).first(64), state_of(64));
  cache.insert("", std::span(all).first(70), state_of(70), std::vector<float>{1});
  EXPECT_EQ(cache.find("", all, 32).state->length(), 64);
  EXPECT_EQ(cache.find("", std::span(all).first(70), 32).state->length(), 70);
}

TEST(PrefixCache, TellsWherePromptsPart) {
  PrefixCache cache(kPlenty);
  cache.insert("", count_from(0, 100), state_of(100));
  Tokens other = count_from(0, 100);
  other[40] = 7;
  const PrefixCache::Match match = cache.find("", other, 1);
  EXPECT_EQ(match.state, nullptr);
  EXPECT_EQ(match.known_tokens, 40);
}

TEST(PrefixCache, SharesNothingBetweenSalts) {
  PrefixCache cache(kPlenty);
  const Tokens all = count_from(0, 40);
  cache.insert("a", std::span(all).first(30), state_of(30));
  EXPECT_EQ(found_length(cache, all, "a"), 30);
  EXPECT_EQ(found_length(cache, all, "b"), 0);
  EXPECT_EQ(cache.find("b", all, 1).known_tokens, 0);
}

TEST(PrefixCache, CountsWhatSnapshotsShareOnce) {
  PrefixCache cache(kPlenty);
  model::SequenceState state = state_of(1000);
  const Tokens all = count_from(0, 1001);
  cache.insert("", std::span(all).first(1000), state);
  const std::int64_t one = cache.bytes();
  EXPECT_GE(one, state.bytes());
  state.extend(1);
  cache.insert("", all, state);
  // A state of the lightning layers and a page are new, seven pages are not.
  const model::StateSize size = model::state_size(small_config(), ops::Precision::kFloat32);
  EXPECT_LT(cache.bytes(), one + size.fixed_bytes + 2 * size.kv_bytes(1) + 1024);
}

TEST(PrefixCache, ForgetsWhatWasNotUsedForLongest) {
  const model::StateSize size = model::state_size(small_config(), ops::Precision::kFloat32);
  const std::int64_t each = size.fixed_bytes + size.kv_bytes(30) + 1024;
  PrefixCache cache(3 * each);
  for (std::int32_t i = 0; i < 3; ++i) {
    cache.insert("", count_from(1000 * i, 30), state_of(30));
  }
  EXPECT_EQ(found_length(cache, count_from(0, 31)), 30);
  cache.insert("", count_from(9000, 30), state_of(30));
  EXPECT_EQ(cache.snapshots(), 3);
  EXPECT_EQ(found_length(cache, count_from(0, 31)), 30);
  EXPECT_EQ(found_length(cache, count_from(1000, 31)), 0);
  EXPECT_LE(cache.bytes(), cache.budget_bytes());
}

TEST(PrefixCache, MakesRoomForStatesThatOthersHold) {
  model::SequenceState state = state_of(30);
  PrefixCache cache(state.bytes() + 2048);
  cache.insert("", count_from(0, 30), state_of(30));
  EXPECT_TRUE(cache.hold(state));
  EXPECT_EQ(cache.snapshots(), 0);
  model::SequenceState other = state_of(30);
  EXPECT_FALSE(cache.hold(other));
  cache.release(state);
  EXPECT_TRUE(cache.hold(other));
  cache.release(other);
  EXPECT_EQ(cache.bytes(), 0);
}

// Random insertions and look-ups beside a plain list of what was inserted.
TEST(PrefixCache, AgreesWithAListOfPrefixes) {
  base::SplitMix64 random(1);
  PrefixCache cache(kPlenty);
  std::vector<Tokens> known;
  for (int round = 0; round < 2000; ++round) {
    Tokens tokens(1 + random.next() % 12);
    std::ranges::generate(tokens, [&] { return static_cast<std::int32_t>(random.next() % 3); });
    std::size_t longest = 0;
    for (const Tokens& prefix : known) {
      const bool fits = prefix.size() < tokens.size() &&
                        std::ranges::equal(prefix, std::span(tokens).first(prefix.size()));
      longest = fits ? std::max(longest, prefix.size()) : longest;
    }
    ASSERT_EQ(found_length(cache, tokens), static_cast<std::int64_t>(longest)) << round;
    if (random.next() % 2 == 0) {
      cache.insert("", tokens, state_of(std::ssize(tokens)));
      known.push_back(tokens);
    }
  }
}

// A small budget: whatever is forgotten, the counts stay true.
TEST(PrefixCache, KeepsItsCountsWhateverItForgets) {
  base::SplitMix64 random(2);
  const std::int64_t budget = 12 * state_of(8).bytes();
  PrefixCache cache(budget);
  for (int round = 0; round < 2000; ++round) {
    Tokens tokens(1 + random.next() % 10);
    std::ranges::generate(tokens, [&] { return static_cast<std::int32_t>(random.next() % 3); });
    const std::string salt(1, static_cast<char>('a' + random.next() % 2));
    const PrefixCache::Match match = cache.find(salt, tokens, 1);
    if (match.state != nullptr) {
      ASSERT_LE(match.state->length(), match.known_tokens);
    }
    cache.insert(salt, tokens, state_of(std::ssize(tokens)));
    ASSERT_LE(cache.bytes(), budget);
    ASSERT_GT(cache.snapshots(), 0);
  }
}

}  // namespace
}  // namespace minimax::serving
