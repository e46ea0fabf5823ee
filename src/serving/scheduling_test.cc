// SPDX-License-Identifier: Apache-2.0
// Requests that displace one another, wait in turn, or come and go in numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <thread>

#include "base/random.h"
#include "serving/queue_order.h"
#include "serving/test_client.h"

namespace minimax::serving {
namespace {

using testing::ask;
using testing::Client;
using testing::random_tokens;
using testing::request_for;

class SchedulingTest : public ::testing::Test {
 protected:
  std::vector<Request> mixed_requests(int count, std::int64_t most_tokens) {
    base::SplitMix64 random(3);
    std::vector<Request> all;
    for (int i = 0; i < count; ++i) {
      const auto prompt = static_cast<std::int64_t>(1 + random.next() % 100);
      Request request = request_for(
          random_tokens(prompt, 300, random.next()),
          static_cast<std::int64_t>(1 + random.next() % static_cast<std::uint64_t>(most_tokens)));
      request.config.do_sample = true;
      request.config.seed = random.next();
      request.config.num_return_sequences = i % 7 == 0 ? 2 : 1;
      request.priority = static_cast<std::int32_t>(random.next() % 3);
      all.push_back(std::move(request));
    }
    return all;
  }

  // The answers of a service in which every request is alone.
  std::vector<std::vector<std::int32_t>> alone(const std::vector<Request>& requests,
                                               const ServiceOptions& options) {
    Service service(model_, tokenizer_, options);
    std::vector<std::vector<std::int32_t>> answers;
    for (const Request& request : requests) {
      Client client;
      ask(service, request, client);
      for (std::int64_t i = 0; i < request.config.num_return_sequences; ++i) {
        answers.push_back(client.answer(i).tokens);
      }
    }
    return answers;
  }

  void expect_together_as_alone(ServiceOptions options, std::int64_t least_preemptions) {
    const std::vector<Request> requests = mixed_requests(40, 600);
    ServiceOptions quiet = options;
    quiet.kv_bytes = 0;
    const auto expected = alone(requests, quiet);
    std::deque<Client> clients;
    Service service(model_, tokenizer_, options);
    for (const Request& request : requests) {
      service.submit(request, clients.emplace_back().sink());
    }
    service.drain();
    std::size_t answer = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      ASSERT_FALSE(clients[i].error) << clients[i].error->what();
      for (std::int64_t n = 0; n < requests[i].config.num_return_sequences; ++n) {
        EXPECT_EQ(clients[i].answer(n).tokens, expected[answer++]) << "request " << i;
      }
    }
    const ServiceStatus status = service.status();
    EXPECT_GE(status.counters.preemptions, least_preemptions);
    EXPECT_EQ(status.counters.finished, 40);
    EXPECT_EQ(status.running, 0);
    EXPECT_EQ(status.waiting, 0);
    EXPECT_EQ(status.kv_bytes, 0);
  }

  // So many pages of all softmax layers together.
  std::int64_t pages(std::int64_t count) const {
    return count * 2 * 128 * 2 * 16 * static_cast<std::int64_t>(sizeof(float));
  }

  MiniMaxForCausalLM model_ = testing::small_model(ComputeType::kFloat32, 2);
  Tokenizer tokenizer_ = testing::demonstration_tokenizer();
};

TEST_F(SchedulingTest, DisplacesAndGoesOnFromTheStateThatWasKept) {
  expect_together_as_alone({.max_running = 8,
                            .kv_bytes = pages(14),
                            .snapshot_bytes = 1 << 24,
                            .batch_invariant = true,
                            .chunk_tokens = 64},
                           1);
}

TEST_F(SchedulingTest, DisplacesAndReadsAgainWhatCouldNotBeKept) {
  expect_together_as_alone({.max_running = 8,
                            .kv_bytes = pages(14),
                            .snapshot_bytes = 0,
                            .batch_invariant = true,
                            .chunk_tokens = 64},
                           1);
}

TEST_F(SchedulingTest, LetsARequestOfABetterPriorityDisplaceAnother) {
  Service service(model_, tokenizer_, {.max_running = 1});
  Client slow;
  Request request = request_for(random_tokens(50, 300, 1), 3000);
  request.priority = 1;
  const RequestId id = service.submit(request, slow.sink());
  while (service.status().counters.generated_tokens == 0) {
    std::this_thread::yield();
  }
  Client urgent;
  ask(service, request_for(random_tokens(50, 300, 2), 5), urgent);
  EXPECT_FALSE(slow.has_ended());
  EXPECT_EQ(service.status().counters.preemptions, 1);
  service.cancel(id);
  slow.wait();
  EXPECT_EQ(slow.answer().finish_reason, FinishReason::kCancelled);
}

TEST_F(SchedulingTest, TellsOfAPromptOnceThoughItReadsItTwice) {
  Service service(model_, tokenizer_, {.max_running = 1, .snapshot_bytes = 0});
  Client slow;
  Request request = request_for(random_tokens(50, 300, 1), 200);
  request.priority = 1;
  request.prompt_logprobs = 0;
  request.top_logprobs = 0;
  service.submit(request, slow.sink());
  while (service.status().counters.generated_tokens < 3) {
    std::this_thread::yield();
  }
  Client urgent;
  ask(service, request_for(random_tokens(50, 300, 2), 5), urgent);
  slow.wait();
  EXPECT_EQ(slow.prompt_logprobs.size(), 49u);
  EXPECT_EQ(slow.answer().tokens.size(), 200u);
  EXPECT_EQ(slow.answer().logprobs.size(), 200u);
}

TEST_F(SchedulingTest, LeaksNothingOfAbortedRequests) {
  Service service(model_, tokenizer_, {.max_running = 4, .max_waiting = 100});
  base::SplitMix64 random(5);
  std::deque<Client> clients;
  for (int i = 0; i < 1000; ++i) {
    Client& client = clients.emplace_back();
    const RequestId id = service.submit(
        request_for(random_tokens(static_cast<std::int64_t>(1 + random.next() % 200), 300, 1),
                    3000),
        client.sink());
    std::this_thread::sleep_for(std::chrono::microseconds(random.next() % 2000));
    service.cancel(id);
    if (clients.size() > 20) {
      clients.front().wait();
      EXPECT_EQ(clients.front().last_events, 1);
      clients.pop_front();
    }
  }
  service.drain();
  const ServiceStatus status = service.status();
  EXPECT_EQ(status.counters.cancelled, 1000);
  EXPECT_EQ(status.running, 0);
  EXPECT_EQ(status.kv_bytes, 0);
  EXPECT_EQ(status.requests.size(), 0u);
}

TEST_F(SchedulingTest, TakesRequestsFromManyThreads) {
  std::deque<Client> clients(40);
  Service service(model_, tokenizer_, {.max_running = 6, .kv_bytes = pages(40)});
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < clients.size(); i += 4) {
        const RequestId id = service.submit(
            request_for(random_tokens(static_cast<std::int64_t>(20 + i), 300, i % 5), 20),
            clients[i].sink());
        if (i % 3 == 0) {
          service.cancel(id);
        }
        EXPECT_GE(service.status().slots, service.status().running);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  service.drain();
  for (Client& client : clients) {
    EXPECT_EQ(client.last_events, 1);
    EXPECT_EQ(client.events_after_the_last, 0);
    EXPECT_FALSE(client.error);
  }
}

TEST_F(SchedulingTest, ReadsWhatManyPromptsBeginWithOnce) {
  const std::vector<std::int32_t> shared = random_tokens(2048, 300, 1);
  std::deque<Client> clients(8);
  Service service(model_, tokenizer_, {.max_running = 8});
  for (std::size_t i = 0; i < clients.size(); ++i) {
    std::vector<std::int32_t> prompt = shared;
    const std::vector<std::int32_t> own = random_tokens(30, 300, 10 + i);
    prompt.insert(prompt.end(), own.begin(), own.end());
    service.submit(request_for(prompt, 4), clients[i].sink());
  }
  service.drain();
  EXPECT_GE(service.status().counters.cached_tokens, 7 * 2048);
  EXPECT_LE(service.status().counters.computed_tokens, 2048 + 8 * 30);
}

TEST_F(SchedulingTest, LetsNoClientKeepTheOthersOut) {
  std::deque<Client> clients(105);
  std::atomic<std::int64_t> ended = 0;
  std::atomic<std::int64_t> ended_before_the_late_ones = 0;
  std::atomic<std::int64_t> late_ended = 0;
  Service service(model_, tokenizer_, {.max_running = 4, .snapshot_bytes = 0});
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const bool is_late = i >= 100;
    clients[i].on_event = [&, is_late](const Event& event) {
      if (!event.is_last) {
        return;
      }
      ++ended;
      if (is_late && ++late_ended == 5) {
        ended_before_the_late_ones = ended.load();
      }
    };
    Request request = request_for(random_tokens(10, 300, i), 60);
    request.cache_salt = is_late ? "late" : "busy";
    service.submit(request, clients[i].sink());
  }
  service.drain();
  EXPECT_EQ(late_ended, 5);
  // Of four sequences the late client soon has two: its five requests are done long before the
  // hundred that came first.
  EXPECT_LT(ended_before_the_late_ones, 60);
}

// A sink may itself talk to the service.
TEST_F(SchedulingTest, LetsSinksSubmitAndCancel) {
  Client second;
  Client first;
  Service service(model_, tokenizer_);
  first.on_event = [&](const Event& event) {
    if (event.is_last) {
      EXPECT_EQ(event.finish_reason, FinishReason::kCancelled);
      service.submit(request_for(random_tokens(5, 300, 2), 3), second.sink());
    } else {
      service.cancel(1);
    }
  };
  service.submit(request_for(random_tokens(5, 300, 1), 1000), first.sink());
  second.wait();
  EXPECT_EQ(second.answer().tokens.size(), 3u);
}

QueuePlace place(std::int32_t priority, int second, std::int64_t beside = 0) {
  return {.priority = priority,
          .since = Clock::time_point() + std::chrono::seconds(second),
          .running_beside = beside};
}

TEST(FirstInLine, GoesByPriorityThenClientThenAge) {
  const Clock::time_point now = Clock::time_point() + std::chrono::seconds(10);
  EXPECT_EQ(first_in_line(std::vector{place(1, 1), place(0, 2), place(0, 3)}, now, 30), 1u);
  EXPECT_EQ(first_in_line(std::vector{place(0, 1, 4), place(0, 2, 1)}, now, 30), 1u);
  EXPECT_EQ(first_in_line(std::vector{place(0, 2), place(0, 1)}, now, 30), 1u);
}

TEST(FirstInLine, LetsNobodyWaitForEver) {
  const Clock::time_point now = Clock::time_point() + std::chrono::seconds(40);
  EXPECT_EQ(first_in_line(std::vector{place(0, 35), place(9, 5, 7), place(5, 3)}, now, 30), 2u);
}

}  // namespace
}  // namespace minimax::serving
