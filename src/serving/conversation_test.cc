// SPDX-License-Identifier: Apache-2.0
// Random conversation trees: an answer that goes on from a snapshot is the answer of a service that
// remembers nothing.
#include <gtest/gtest.h>

#include <cmath>
#include <deque>

#include "base/random.h"
#include "serving/test_client.h"
#include "tests/support/gpu.h"

namespace minimax::serving {
namespace {

using testing::ask;
using testing::Client;
using testing::random_tokens;
using testing::request_for;

using Tokens = std::vector<std::int32_t>;

using Arithmetic = std::tuple<ComputeType, Device>;

class ConversationTest : public ::testing::TestWithParam<Arithmetic> {
 protected:
  void SetUp() override {
    const auto [dtype, device] = GetParam();
    const std::string missing =
        device == Device::kCuda ? minimax::testing::missing_gpu() : std::string();
    if (!missing.empty()) {
      GTEST_SKIP() << missing;
    }
    model_.emplace(testing::small_model(dtype, 2, device));
  }

  static constexpr std::int64_t kVocabulary = 300;

  // Turns of a few conversations: each goes on from an earlier prompt and its answer, or begins
  // with one of two system prompts.
  std::vector<Request> requests(Service& cold, int count, std::uint64_t seed) {
    base::SplitMix64 random(seed);
    std::vector<Tokens> histories = {random_tokens(90, kVocabulary, 1),
                                     random_tokens(300, kVocabulary, 2)};
    std::vector<Request> all;
    for (int i = 0; i < count; ++i) {
      Tokens prompt = histories[random.next() % histories.size()];
      const auto turn = static_cast<std::int64_t>(1 + random.next() % 60);
      const Tokens words = random_tokens(turn, kVocabulary, random.next() % 8);
      prompt.insert(prompt.end(), words.begin(), words.end());
      Request request = request_for(prompt, static_cast<std::int64_t>(1 + random.next() % 20));
      request.top_logprobs = kVocabulary;
      request.config.do_sample = random.next() % 2 == 0;
      request.config.seed = random.next();
      Client client;
      ask(cold, request, client);
      EXPECT_FALSE(client.error);
      EXPECT_EQ(client.usage.cached_tokens, 0);
      expected_.push_back(client.answer());
      const Tokens& answer = expected_.back().tokens;
      prompt.insert(prompt.end(), answer.begin(), answer.end());
      histories.push_back(prompt);
      all.push_back(std::move(request));
    }
    return all;
  }

  // All at once, so that they run in any company.
  void ask_all(Service& service, const std::vector<Request>& requests) {
    clients_.clear();
    for (const Request& request : requests) {
      service.submit(request, clients_.emplace_back().sink());
    }
    for (Client& client : clients_) {
      client.wait();
      ASSERT_FALSE(client.error) << client.error->what();
    }
  }

  std::optional<MiniMaxForCausalLM> model_;
  Tokenizer tokenizer_ = testing::demonstration_tokenizer();
  std::vector<testing::Collected> expected_;
  std::deque<Client> clients_;
};

void expect_near(const testing::Collected& found, const testing::Collected& expected,
                 double tolerance) {
  ASSERT_EQ(found.tokens, expected.tokens);
  for (std::size_t i = 0; i < found.tokens.size(); ++i) {
    std::vector<float> a(300);
    std::vector<float> b(300);
    for (const auto& [id, logprob] : found.logprobs[i].top) {
      a[static_cast<std::size_t>(id)] = logprob;
    }
    for (const auto& [id, logprob] : expected.logprobs[i].top) {
      b[static_cast<std::size_t>(id)] = logprob;
    }
    const double range =
        expected.logprobs[i].top.front().second - expected.logprobs[i].top.back().second;
    for (std::size_t id = 0; id < a.size(); ++id) {
      ASSERT_LE(std::abs(a[id] - b[id]), tolerance * range) << "token " << i << " id " << id;
    }
  }
}

TEST_P(ConversationTest, GivesTheBitsOfAColdRunWhereBatchesMakeNoDifference) {
  Service cold(*model_, tokenizer_,
               {.snapshot_bytes = 0, .batch_invariant = true, .chunk_tokens = 32});
  const std::vector<Request> all = requests(cold, 40, 1);
  Service warm(*model_, tokenizer_,
               {.max_running = 5,
                .snapshot_bytes = 1 << 24,
                .snapshot_interval_tokens = 64,
                .batch_invariant = true,
                .chunk_tokens = 32});
  // One after the other, then together and out of order: the first ones are then the last.
  std::int64_t cached = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Client client;
    ask(warm, all[i], client);
    expect_near(client.answer(), expected_[i], 0.0);
    cached += client.usage.cached_tokens;
  }
  EXPECT_GT(cached, 2000);
  ask_all(warm, all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    expect_near(clients_[i].answer(), expected_[i], 0.0);
  }
}

TEST_P(ConversationTest, GivesTheLogitsOfAColdRunOtherwise) {
  if (std::get<ComputeType>(GetParam()) != ComputeType::kFloat32) {
    GTEST_SKIP() << "in bfloat16, where a prompt is cut changes the rounding by more";
  }
  Service cold(*model_, tokenizer_, {.snapshot_bytes = 0});
  const std::vector<Request> all = requests(cold, 40, 2);
  for (const std::int64_t bytes : {std::int64_t{1} << 24, std::int64_t{200000}}) {
    Service warm(*model_, tokenizer_,
                 {.max_running = 5, .snapshot_bytes = bytes, .snapshot_interval_tokens = 100});
    for (int round = 0; round < 2; ++round) {
      ask_all(warm, all);
      for (std::size_t i = 0; i < all.size(); ++i) {
        expect_near(clients_[i].answer(), expected_[i], 1e-5);
      }
    }
    EXPECT_GT(warm.status().counters.cached_tokens, 1000);
    EXPECT_LE(warm.status().snapshot_bytes, bytes);
  }
}

std::string arithmetic_name(const ::testing::TestParamInfo<Arithmetic>& test) {
  const auto [dtype, device] = test.param;
  return std::string(dtype == ComputeType::kFloat32 ? "float32" : "bfloat16") +
         (device == Device::kCuda ? "_cuda" : "_cpu");
}

INSTANTIATE_TEST_SUITE_P(All, ConversationTest,
                         ::testing::Combine(::testing::Values(ComputeType::kFloat32,
                                                              ComputeType::kBFloat16),
                                            ::testing::Values(Device::kCpu, Device::kCuda)),
                         arithmetic_name);

TEST(Conversation, GoesOnFromSnapshotsThatAreWellPlaced) {
  MiniMaxForCausalLM model = testing::small_model();
  const Tokenizer tokenizer = testing::demonstration_tokenizer();
  Service service(model, tokenizer);
  const auto cached = [&](const Tokens& prompt, Client& client) {
    ask(service, request_for(prompt, 10), client);
    return client.usage.cached_tokens;
  };
  Client first;
  Tokens prompt = random_tokens(500, 300, 1);
  EXPECT_EQ(cached(prompt, first), 0);
  Client same;
  EXPECT_EQ(cached(prompt, same), 500);  // the end of a prompt
  EXPECT_EQ(same.answer().tokens, first.answer().tokens);

  Tokens next = prompt;
  const Tokens& answer = first.answer().tokens;
  next.insert(next.end(), answer.begin(), answer.end());
  next.push_back(5);
  Client second;
  EXPECT_EQ(cached(next, second), 509);  // the end of an answer, whose last token was not read

  Client third;
  Tokens other(prompt.begin(), prompt.begin() + 300);
  other.resize(400, 7);
  EXPECT_EQ(cached(other, third), 0);  // where prompts part, the second time
  other.back() = 8;
  other[310] = 9;
  Client fourth;
  EXPECT_EQ(cached(other, fourth), 300);
}

TEST(Conversation, SharesNothingBetweenSalts) {
  MiniMaxForCausalLM model = testing::small_model();
  const Tokenizer tokenizer = testing::demonstration_tokenizer();
  Service service(model, tokenizer);
  Request request = request_for(random_tokens(500, 300, 1), 3);
  for (const char* salt : {"a", "b"}) {
    request.cache_salt = salt;
    Client client;
    ask(service, request, client);
    EXPECT_EQ(client.usage.cached_tokens, 0);
  }
}

}  // namespace
}  // namespace minimax::serving
