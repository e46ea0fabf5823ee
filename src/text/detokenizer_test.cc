// SPDX-License-Identifier: Apache-2.0
#include "text/detokenizer.h"

#include <gtest/gtest.h>

#include <random>

#include "text/utf8.h"

namespace minimax::text {
namespace {

const Tokenizer& demonstration() {
  static const Tokenizer kTokenizer =
      Tokenizer::from_directory(std::string(MINIMAX_SOURCE_DIR) + "/models/tiny-minimax");
  return kTokenizer;
}

TEST(Detokenizer, NeverShowsAPartOfACharacter) {
  Detokenizer detokenizer(demonstration());
  std::string text;
  for (const std::int32_t id : demonstration().encode("\u65E5\u672C\U0001F600\u00E9 ok")) {
    const std::string shown = detokenizer.push(id);
    EXPECT_EQ(find_invalid_utf8(shown), -1);
    EXPECT_EQ(shown.find("\uFFFD"), std::string::npos);
    text += shown;
  }
  EXPECT_EQ(text + detokenizer.flush(), "\u65E5\u672C\U0001F600\u00E9 ok");
}

TEST(Detokenizer, EqualsDecodingEverythingAtOnce) {
  std::mt19937 random(1);
  std::uniform_int_distribution<std::int32_t> any_id(
      0, static_cast<std::int32_t>(demonstration().vocab_size()) - 1);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::int32_t> ids(40);
    for (std::int32_t& id : ids) {
      id = round % 2 == 0 ? any_id(random) : any_id(random) % 260;  // mostly single bytes
    }
    const bool skip = round % 3 == 0;
    Detokenizer detokenizer(demonstration(), skip);
    std::string text;
    for (const std::int32_t id : ids) {
      text += detokenizer.push(id);
    }
    EXPECT_EQ(text + detokenizer.flush(), demonstration().decode(ids, skip));
  }
}

TEST(Detokenizer, ReplacesACharacterThatStaysUnfinished) {
  Detokenizer detokenizer(demonstration());
  const auto ids = demonstration().encode("\U0001F600");
  ASSERT_GT(ids.size(), 1u);
  EXPECT_EQ(detokenizer.push(ids[0]), "");
  EXPECT_EQ(detokenizer.flush(), "\uFFFD");
  EXPECT_EQ(detokenizer.flush(), "") << "as new after a flush";
}

}  // namespace
}  // namespace minimax::text
