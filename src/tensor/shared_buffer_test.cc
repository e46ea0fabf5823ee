// SPDX-License-Identifier: Apache-2.0
#include "tensor/shared_buffer.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <utility>

namespace minimax::tensor {
namespace {

TEST(SharedBuffer, IsSharedUntilOneOwnerWrites) {
  SharedBuffer first = SharedBuffer::allocate(100);
  first.data()[7] = std::byte{1};
  SharedBuffer second = first;
  EXPECT_EQ(first.owners(), 2);
  EXPECT_EQ(first.data(), second.data());

  second.unshare(100);
  EXPECT_FALSE(first.is_shared());
  EXPECT_FALSE(second.is_shared());
  EXPECT_EQ(second.data()[7], std::byte{1});
  second.data()[7] = std::byte{2};
  EXPECT_EQ(first.data()[7], std::byte{1});

  const std::byte* const before = second.data();
  second.unshare(100);
  EXPECT_EQ(second.data(), before);
}

TEST(SharedBuffer, CountsItsOwnersThroughMovesAndAssignments) {
  SharedBuffer first = SharedBuffer::allocate(1);
  SharedBuffer second = first;
  const SharedBuffer third = std::move(second);
  EXPECT_EQ(third.owners(), 2);
  second = third;
  EXPECT_EQ(third.owners(), 3);
  first = SharedBuffer();
  EXPECT_EQ(third.owners(), 2);
  second = SharedBuffer::allocate(1);
  EXPECT_EQ(third.owners(), 1);
  EXPECT_EQ(SharedBuffer().owners(), 0);
}

// Reads what is shared, then writes to a copy of its own.
void read_and_write(SharedBuffer mine, std::byte mark, int& wrong) {
  wrong += mine.data()[0] != std::byte{1} ? 1 : 0;
  mine.unshare(64);
  wrong += mine.data()[0] != std::byte{1} ? 1 : 0;
  mine.data()[0] = mark;
  wrong += mine.data()[0] != mark ? 1 : 0;
}

// The one that comes last writes in place. Under ThreadSanitizer this also shows that the count
// orders the reads of the others before these writes.
TEST(SharedBuffer, IsReadAndWrittenByOwnersInSeveralThreads) {
  for (int round = 0; round < 200; ++round) {
    SharedBuffer shared = SharedBuffer::allocate(64);
    shared.data()[0] = std::byte{1};
    int wrong[3] = {0, 0, 0};
    {
      const std::jthread first(read_and_write, shared, std::byte{2}, std::ref(wrong[0]));
      const std::jthread second(read_and_write, shared, std::byte{3}, std::ref(wrong[1]));
      read_and_write(std::move(shared), std::byte{4}, wrong[2]);
    }
    ASSERT_EQ(wrong[0] + wrong[1] + wrong[2], 0);
  }
}

}  // namespace
}  // namespace minimax::tensor
