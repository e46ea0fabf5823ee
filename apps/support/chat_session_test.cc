// SPDX-License-Identifier: Apache-2.0
// The session itself is tested through the program (tests/e2e), which has a model.
#include "support/chat_session.h"

#include <gtest/gtest.h>

namespace minimax::apps {
namespace {

using Ids = std::vector<std::int32_t>;

TEST(Continues, NeedsMoreThanThePrefix) {
  EXPECT_TRUE(continues(Ids{1, 2, 3}, Ids{1, 2}));
  EXPECT_TRUE(continues(Ids{1}, Ids{}));
  EXPECT_FALSE(continues(Ids{1, 2}, Ids{1, 2}));
  EXPECT_FALSE(continues(Ids{1, 2}, Ids{1, 2, 3}));
  EXPECT_FALSE(continues(Ids{1, 9, 3}, Ids{1, 2}));
  EXPECT_FALSE(continues(Ids{}, Ids{}));
}

}  // namespace
}  // namespace minimax::apps
