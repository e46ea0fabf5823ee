// SPDX-License-Identifier: Apache-2.0
#include "engine/candidates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
