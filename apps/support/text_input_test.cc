// SPDX-License-Identifier: Apache-2.0
#include "support/text_input.h"

#include <gtest/gtest.h>

#include "minimax/error.h"
#include "support/exit_code.h"

namespace minimax::apps {
namespace {

using Ids = std::vector<std::int32_t>;

TEST(TokenIds, AreReadFromNumbersAndJson) {
  EXPECT_EQ(parse_token_ids("1 22,3\n 4\t", "x"), (Ids{1, 22, 3, 4}));
  EXPECT_EQ(parse_token_ids(" [1, 22]", "x"), (Ids{1, 22}));
  EXPECT_EQ(parse_token_ids(R"({"ids": [2147483647]})", "x"), (Ids{2147483647}));
  EXPECT_EQ(parse_token_ids("", "x"), Ids{});
  EXPECT_EQ(parse_token_ids("[]", "x"), Ids{});
}

TEST(TokenIds, AreRefusedWithTheirPlace) {
  for (const char* text : {"1 -2", "1 x", "1 2147483648", "1 0x2", "1 2.0"}) {
    try {
      parse_token_ids(text, "ids.txt");
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptFile);
      EXPECT_NE(std::string(error.what()).find("ids.txt: expected a token id as element 1"),
                std::string::npos)
          << error.what();
    }
  }
  EXPECT_THROW(parse_token_ids("[1, -2]", "x"), Error);
  EXPECT_THROW(parse_token_ids("[1, 2", "x"), Error);
  EXPECT_THROW(parse_token_ids(R"({"id": []})", "x"), Error);
}

TEST(TokenIds, OfAFlagAreAMatterOfUsage) {
  EXPECT_EQ(read_token_ids("3,4", "--tokens"), (Ids{3, 4}));
  EXPECT_THROW(read_token_ids("3,a", "--tokens"), UsageError);
  EXPECT_THROW(read_token_ids("@/nothing/here", "--tokens"), Error);
}

}  // namespace
}  // namespace minimax::apps
