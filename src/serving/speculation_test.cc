// SPDX-License-Identifier: Apache-2.0
// Speculative decoding in a service: candidates change how many tokens a step gives, never which.
#include <gtest/gtest.h>

#include <deque>

#include "serving/test_client.h"

namespace minimax::serving {
namespace {

using testing::ask;
using testing::Client;
using testing::random_tokens;
using testing::request_for;

class SpeculationTest : public ::testing::Test {
 protected:
  // Prompts that repeat themselves, so that there is something to look up.
  std::vector<Request> requests(std::int64_t new_tokens = 60) const {
    std::vector<Request> all;
    for (std::uint64_t i = 0; i < 12; ++i) {
      std::vector<std::int32_t> prompt = random_tokens(20, 300, i);
      const std::vector<std::int32_t> again = prompt;
      prompt.insert(prompt.end(), again.begin(), again.end());
      Request request = request_for(prompt, new_tokens);
      request.top_logprobs = 1;
      // Rounding must not decide between two tokens: the likeliest ones of a small random model
      // are far enough apart with few exceptions, so that this bias makes answers repetitive.
      request.config.logit_bias = {{static_cast<std::int32_t>(i), 1.0}};
      all.push_back(std::move(request));
    }
    return all;
  }

  std::vector<std::vector<std::int32_t>> plain_answers(std::int64_t new_tokens) {
    Service service(model_, tokenizer_);
    std::vector<std::vector<std::int32_t>> answers;
    for (const Request& request : requests(new_tokens)) {
      Client client;
      ask(service, request, client);
      answers.push_back(client.answer().tokens);
    }
    return answers;
  }

  ServiceStatus expect_plain_answers(const ServiceOptions& options, std::int64_t new_tokens = 60) {
    const auto expected = plain_answers(new_tokens);
    std::deque<Client> clients;
    Service service(model_, tokenizer_, options);
    for (const Request& request : requests(new_tokens)) {
      service.submit(request, clients.emplace_back().sink());
    }
    service.drain();
    for (std::size_t i = 0; i < clients.size(); ++i) {
      EXPECT_FALSE(clients[i].error);
      EXPECT_EQ(clients[i].answer().tokens, expected[i]) << i;
      EXPECT_EQ(clients[i].answer().logprobs.size(), expected[i].size()) << i;
    }
    return service.status();
  }

  MiniMaxForCausalLM model_ = testing::small_model();
  Tokenizer tokenizer_ = testing::demonstration_tokenizer();
};

TEST_F(SpeculationTest, GivesTheSameTokensByLookingUpWhatCameBefore) {
  const ServiceStatus status = expect_plain_answers({.prompt_lookup_tokens = 4});
  EXPECT_GT(status.counters.drafted_tokens, 50);
  EXPECT_GT(status.counters.accepted_tokens, 0);
  EXPECT_LT(status.counters.accepted_tokens, status.counters.drafted_tokens);
  EXPECT_EQ(status.kv_bytes, 0);
}

TEST_F(SpeculationTest, GivesTheSameTokensWithADraftModel) {
  // Its own draft: everything is accepted but for the rounding of passes of several tokens.
  MiniMaxForCausalLM draft = testing::small_model();
  const ServiceStatus status = expect_plain_answers({.draft_model = &draft, .draft_tokens = 3});
  EXPECT_GT(status.counters.accepted_tokens, status.counters.drafted_tokens * 9 / 10);
}

TEST_F(SpeculationTest, GoesOnAfterItWasDisplaced) {
  // 32 KiB is a page of the softmax layer: not all answers fit together.
  const ServiceStatus status = expect_plain_answers({.max_running = 12,
                                                     .kv_bytes = std::int64_t{8} * 32768,
                                                     .snapshot_bytes = 0,
                                                     .prompt_lookup_tokens = 40},
                                                    300);
  EXPECT_GT(status.counters.drafted_tokens, 50);
  EXPECT_GT(status.counters.preemptions, 0);
}

TEST_F(SpeculationTest, LeavesRequestsWithProcessorsOfTheirOwnAlone) {
  Service service(model_, tokenizer_, {.prompt_lookup_tokens = 4});
  Request request = requests().front();
  request.logits_processors = [] {
    return std::vector<LogitsProcessor>{
        [](std::span<const std::int32_t>, std::span<float> scores) { scores[7] = 100.0F; }};
  };
  Client client;
  ask(service, request, client);
  EXPECT_EQ(client.answer().tokens, std::vector<std::int32_t>(60, 7));
  EXPECT_EQ(service.status().counters.drafted_tokens, 0);
}

}  // namespace
}  // namespace minimax::serving
