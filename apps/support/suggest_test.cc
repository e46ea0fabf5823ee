// SPDX-License-Identifier: Apache-2.0
#include "support/suggest.h"

#include <gtest/gtest.h>

namespace minimax::apps {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", "abc"), 0);
  EXPECT_EQ(edit_distance("abc", "abxc"), 1);
  EXPECT_EQ(edit_distance("abc", "ac"), 1);
  EXPECT_EQ(edit_distance("abc", "axc"), 1);
  EXPECT_EQ(edit_distance("abc", "acb"), 1);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
}

TEST(NearestWord, IsFoundWithinAThirdOfTheLetters) {
  const std::vector<std::string> known = {"--temperature", "--threads", "--top-k", "--top-p"};
  EXPECT_EQ(nearest_word("--temprature", known), "--temperature");
  EXPECT_EQ(nearest_word("--thread", known), "--threads");
  EXPECT_EQ(nearest_word("--topk", known), "--top-k");
  EXPECT_EQ(nearest_word("--frobnicate", known), "");
}

TEST(NearestWord, IsNothingForEndlessWords) {
  EXPECT_EQ(nearest_word(std::string(1 << 20, 'a'), {std::string(1 << 20, 'a')}), "");
}

}  // namespace
}  // namespace minimax::apps
