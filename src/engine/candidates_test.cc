// SPDX-License-Identifier: Apache-2.0
#include "engine/candidates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace minimax::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Ids = std::vector<std::int32_t>;

TEST(LookUp, GivesWhatFollowedTheFirstPlaceOfTheLastTokens) {
  const Ids ids = {1, 2, 3, 4, 5, 1, 2, 9, 9, 1, 2};
  EXPECT_THAT(look_up(ids, 2, 3, {}), ElementsAre(3, 4, 5));
  EXPECT_THAT(look_up(ids, 2, 100, {}), ElementsAre(3, 4, 5, 1, 2, 9, 9, 1, 2));
}

TEST(LookUp, PrefersTheLongerMatch) {
  const Ids ids = {2, 7, 1, 2, 8, 1, 2};
  EXPECT_THAT(look_up(ids, 2, 1, {}), ElementsAre(8));
  EXPECT_THAT(look_up(ids, 1, 1, {}), ElementsAre(7));
  EXPECT_THAT(look_up(ids, 100, 1, {}), ElementsAre(8));
}

TEST(LookUp, FindsRunsThatOverlapThemselves) {
  EXPECT_THAT(look_up(Ids{5, 5, 5, 5}, 2, 4, {}), ElementsAre(5, 5));
}

// Compared with a search for every length at every place.
TEST(LookUp, FindsWhatAPlainSearchFinds) {
  base::SplitMix64 random(4);
  for (int round = 0; round < 2000; ++round) {
    Ids ids(1 + random.next() % 24);
    for (std::int32_t& id : ids) {
      id = static_cast<std::int32_t>(random.next() % 3);
    }
    const auto most = static_cast<std::int64_t>(1 + random.next() % 6);
    Ids expected;
    for (auto size = std::min<std::size_t>(static_cast<std::size_t>(most), ids.size() - 1);
         size > 0 && expected.empty(); --size) {
      const auto found = std::search(ids.begin(), ids.end() - 1,
                                     ids.end() - static_cast<std::ptrdiff_t>(size), ids.end());
      if (found != ids.end() - 1) {
        expected.assign(found + static_cast<std::ptrdiff_t>(size), ids.end());
      }
    }
    EXPECT_EQ(look_up(ids, most, 100, {}), expected) << round;
  }
}

TEST(LookUp, StaysLinearWhereTokensRepeat) {
  Ids ids(200000, 5);
  ids.back() = 6;
  ids[ids.size() / 2] = 6;
  const Ids found = look_up(ids, 1LL << 40, 3, {});
  EXPECT_THAT(found, ElementsAre(5, 5, 5));
}

TEST(LookUp, EndsBeforeAnEndToken) {
  const Ids ids = {1, 4, 3, 6, 1};
  EXPECT_THAT(look_up(ids, 2, 4, Ids{3, 9}), ElementsAre(4));
  EXPECT_THAT(look_up(ids, 2, 4, Ids{4}), IsEmpty());
}

TEST(LookUp, FindsNothingWhereNothingCameBefore) {
  EXPECT_THAT(look_up(Ids{1}, 2, 4, {}), IsEmpty());
  EXPECT_THAT(look_up(Ids{1, 2, 3}, 2, 4, {}), IsEmpty());
  EXPECT_THAT(look_up(Ids{1, 2, 1}, 2, 0, {}), IsEmpty());
}

}  // namespace
}  // namespace minimax::engine
