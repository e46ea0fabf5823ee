// SPDX-License-Identifier: Apache-2.0
#include "tensor/block_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <thread>
#include <vector>

#include "base/build.h"
#include "tensor/shared_buffer.h"

namespace minimax::tensor {
namespace {

bool is_filled_with(const std::byte* data, std::int64_t bytes, std::byte value) {
  return std::ranges::all_of(std::span(data, static_cast<std::size_t>(bytes)),
                             [&](std::byte each) { return each == value; });
}

TEST(BlockPool, UsesWhatWasGivenBackAgainAndClearsIt) {
  BlockPool pool(host_memory(), 10000);
  const std::byte* first = nullptr;
  {
    const SharedBuffer buffer = SharedBuffer::allocate(5000, pool.memory());
    first = buffer.data();
    std::fill_n(buffer.data(), 5000, std::byte{7});
    EXPECT_EQ(pool.free_bytes(), 0);
  }
  EXPECT_EQ(pool.free_bytes(), 5000);
  const SharedBuffer other = SharedBuffer::allocate(4000, pool.memory());  // sizes do not mix
  EXPECT_NE(other.data(), first);
  const SharedBuffer again = SharedBuffer::allocate(5000, pool.memory());
  EXPECT_EQ(again.data(), first);
  EXPECT_TRUE(is_filled_with(again.data(), 5000, std::byte{0}));
  EXPECT_EQ(pool.free_bytes(), 0);
}

TEST(BlockPool, ClearsBehindWhatIsCopied) {
  BlockPool pool(host_memory(), 10000);
  {
    std::fill_n(SharedBuffer::allocate(5000, pool.memory()).data(), 5000, std::byte{7});
  }
  const SharedBuffer original = SharedBuffer::allocate(5000, pool.memory());
  std::fill_n(original.data(), 5000, std::byte{1});
  SharedBuffer copy = original;
  {
    std::fill_n(SharedBuffer::allocate(5000, pool.memory()).data(), 5000, std::byte{7});
  }
  copy.unshare(100);
  EXPECT_TRUE(is_filled_with(copy.data(), 100, std::byte{1}));
  EXPECT_TRUE(is_filled_with(copy.data() + 100, 4900, std::byte{0}));
}

TEST(BlockPool, KeepsWhatItReserved) {
  BlockPool pool(host_memory(), 0);
  pool.reserve(5000, 3);
  EXPECT_EQ(pool.free_bytes(), 15000);
  std::vector<const std::byte*> reserved;
  {
    std::vector<SharedBuffer> buffers;
    for (int i = 0; i < 4; ++i) {
      buffers.push_back(SharedBuffer::allocate(5000, pool.memory()));
      std::fill_n(buffers.back().data(), 5000, std::byte{7});
      reserved.push_back(buffers.back().data());
    }
    EXPECT_EQ(pool.free_bytes(), 0);
    EXPECT_EQ(buffers[0].data()[4999], std::byte{7});  // blocks do not overlap
  }
  EXPECT_EQ(pool.free_bytes(), 15000);  // the fourth went back to the system
  const SharedBuffer again = SharedBuffer::allocate(5000, pool.memory());
  EXPECT_THAT(std::span(reserved).first(3), ::testing::Contains(again.data()));
  EXPECT_TRUE(is_filled_with(again.data(), 5000, std::byte{0}));
}

TEST(BlockPool, KeepsNoMoreThanItMay) {
  BlockPool pool(host_memory(), 10000);
  {
    std::vector<SharedBuffer> buffers;
    for (int i = 0; i < 5; ++i) {
      buffers.push_back(SharedBuffer::allocate(4000, pool.memory()));
    }
  }
  EXPECT_EQ(pool.free_bytes(), 8000);
}

TEST(BlockPool, PreparesLargeBlocksInPieces) {
  constexpr std::int64_t kBytes = std::int64_t{5} << 20;
  BlockPool pool(host_memory(), 2 * kBytes);
  EXPECT_TRUE(pool.prepare(kBytes, 1));
  EXPECT_TRUE(pool.prepare(kBytes, 1));
  EXPECT_EQ(pool.free_bytes(), 0);
  EXPECT_TRUE(pool.prepare(kBytes, 1));
  EXPECT_EQ(pool.free_bytes(), kBytes);
  EXPECT_FALSE(pool.prepare(kBytes, 1));
}

TEST(BlockPool, PreparesBlocks) {
  BlockPool pool(host_memory(), 10000);
  EXPECT_TRUE(pool.prepare(3000, 2));
  EXPECT_TRUE(pool.prepare(3000, 2));
  EXPECT_FALSE(pool.prepare(3000, 2));  // there are two
  EXPECT_FALSE(pool.prepare(5000, 1));  // no room
  const SharedBuffer buffer = SharedBuffer::allocate(3000, pool.memory());
  EXPECT_EQ(pool.free_bytes(), 3000);
  EXPECT_TRUE(is_filled_with(buffer.data(), 3000, std::byte{0}));
}

TEST(BlockPool, PoisonsWhatIsFreeInDebugBuilds) {
  if (!base::kIsDebugBuild) {
    GTEST_SKIP() << "only debug builds do";
  }
  BlockPool pool(host_memory(), 10000);
  const std::byte* freed = SharedBuffer::allocate(100, pool.memory()).data();
  EXPECT_TRUE(is_filled_with(freed, 100, std::byte{0xFF}));
}

TEST(BlockPool, ServesSeveralThreads) {
  BlockPool pool(host_memory(), 10000);
  std::vector<std::jthread> threads;
  std::vector<int> wrong(4);
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const SharedBuffer buffer = SharedBuffer::allocate(1000, pool.memory());
        count += is_filled_with(buffer.data(), 1000, std::byte{0}) ? 0 : 1;
        std::fill_n(buffer.data(), 1000, std::byte{9});
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, std::vector<int>(4));
  EXPECT_LE(pool.free_bytes(), 4000);
}

}  // namespace
}  // namespace minimax::tensor
