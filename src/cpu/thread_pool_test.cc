// SPDX-License-Identifier: Apache-2.0
#include "cpu/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "minimax/error.h"

namespace minimax::cpu {
namespace {

class ThreadPoolSizes : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolSizes, testing::Values(1, 2, 3, 5, 16));

TEST_P(ThreadPoolSizes, RangesCoverEveryIndexOnce) {
  ThreadPool pool(GetParam());
  EXPECT_EQ(pool.threads(), GetParam());
  for (const std::int64_t count : {0, 1, 2, 3, 63, 100, 2049}) {
    for (const std::int64_t grain : {1, 4, 64}) {
      // Not atomic on purpose: ThreadSanitizer then checks that the ranges are disjoint.
      std::vector<int> hits(static_cast<std::size_t>(count), 0);
      pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end, int thread) {
        EXPECT_LT(begin, end);
        EXPECT_EQ(begin % grain, 0);
        EXPECT_TRUE(end % grain == 0 || end == count);
        EXPECT_TRUE(thread >= 0 && thread < pool.threads());
        for (std::int64_t i = begin; i < end; ++i) {
          ++hits[static_cast<std::size_t>(i)];
        }
      });
      EXPECT_EQ(hits, std::vector<int>(static_cast<std::size_t>(count), 1));
    }
  }
}

TEST_P(ThreadPoolSizes, EveryRegionSeesTheOneBefore) {
  ThreadPool pool(GetParam());
  std::vector<std::int64_t> values(97, 0);
  for (int round = 0; round < 2000; ++round) {
    pool.parallel_for(97, 1, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        ++values[static_cast<std::size_t>((i + round) % 97)];
      }
    });
  }
  EXPECT_EQ(values, std::vector<std::int64_t>(97, 2000));
}

TEST_P(ThreadPoolSizes, SleepingThreadsWakeUp) {
  ThreadPool pool(GetParam());
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));  // longer than they spin
    std::atomic<std::int64_t> sum{0};
    pool.parallel_for(1000, 1, [&](std::int64_t begin, std::int64_t end, int) {
      sum += (end - begin) * (begin + end - 1) / 2;
    });
    EXPECT_EQ(sum, 999 * 1000 / 2);
  }
}

TEST(ThreadPool, AllThreadsTakePart) {
  ThreadPool pool(3);
  std::atomic<int> arrived{0};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  pool.parallel_for(3, 1, [&](std::int64_t, std::int64_t, int) {
    ++arrived;  // each range waits for the other two, so one thread cannot run them all
    while (arrived < 3 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
  });
  EXPECT_LT(std::chrono::steady_clock::now(), deadline);
}

TEST(ThreadPool, RefusesFewerThanOneThread) {
  EXPECT_THROW(ThreadPool(0), Error);
  EXPECT_THROW(ThreadPool(-1), Error);
  EXPECT_THROW(ThreadPool(1 << 20), Error);
}

}  // namespace
}  // namespace minimax::cpu
