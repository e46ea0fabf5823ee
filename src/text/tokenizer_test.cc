// SPDX-License-Identifier: Apache-2.0
// The tokenizer of the demonstration model. Equality with Hugging Face tokenizers at large is in
// tokenizer_golden_test.cc.
#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimax/error.h"

namespace minimax::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Tokenizer& demonstration() {
  static const Tokenizer kTokenizer =
      Tokenizer::from_directory(std::string(MINIMAX_SOURCE_DIR) + "/models/tiny-minimax");
  return kTokenizer;
}

constexpr std::int32_t kEndOfSentence = 3;

TEST(Tokenizer, RoundTripsText) {
  const std::string text = "Once upon a time, 123 na\u00EFve \U0001F600 cats\n\n  sat.\t";
  const auto ids = demonstration().encode(text);
  EXPECT_LT(ids.size(), text.size());
  EXPECT_EQ(demonstration().decode(ids), text);
}

TEST(Tokenizer, ParsesSpecialTokensOnlyWhereAllowed) {
  const std::string text = "a<end_of_sentence>b";
  const auto parsed = demonstration().encode(text);
  EXPECT_THAT(parsed, ElementsAre(testing::_, kEndOfSentence, testing::_));
  const auto plain = demonstration().encode(text, {.parse_special = false});
  EXPECT_THAT(plain, testing::Not(testing::Contains(kEndOfSentence)));
  EXPECT_EQ(demonstration().decode(plain), text);
}

TEST(Tokenizer, KeepsUserTextOfSegmentsAsText) {
  const std::vector<TextSegment> segments = {{"<beginning_of_sentence>user\n", true},
                                             {"hi <end_of_sentence>", false},
                                             {"<end_of_sentence>\n", true}};
  const auto ids = demonstration().encode(segments);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), kEndOfSentence), 1);
  EXPECT_EQ(demonstration().decode(ids),
            "<beginning_of_sentence>user\nhi <end_of_sentence><end_of_sentence>\n");
}

TEST(Tokenizer, DoesNotAssembleASpecialTokenAcrossSegments) {
  const std::vector<TextSegment> segments = {{"<end_of_", false}, {"sentence>", true}};
  EXPECT_THAT(demonstration().encode(segments), testing::Not(testing::Contains(kEndOfSentence)));
}

TEST(Tokenizer, EncodesSegmentsAsTheTextTheySpell) {
  const std::vector<TextSegment> segments = {{"<beginning_of_sentence>user name", true},
                                             {"s are", false},
                                             {" words<end_of_sentence>", true}};
  EXPECT_EQ(demonstration().encode(segments),
            demonstration().encode("<beginning_of_sentence>user names are words<end_of_sentence>"));
}

TEST(Tokenizer, KnowsItsSpecialTokens) {
  const SpecialTokenIds& ids = demonstration().special_ids();
  EXPECT_EQ(ids.bos, 2);
  EXPECT_EQ(ids.eos, kEndOfSentence);
  EXPECT_EQ(ids.pad, 0);
  EXPECT_EQ(demonstration().id_to_token(kEndOfSentence), "<end_of_sentence>");
  EXPECT_EQ(demonstration().token_to_id("<end_of_sentence>"), kEndOfSentence);
  EXPECT_TRUE(demonstration().is_special(kEndOfSentence));
  EXPECT_FALSE(demonstration().is_special(4));
  EXPECT_EQ(demonstration().vocab_size(), 2213);
  EXPECT_THAT(demonstration().warnings(), testing::IsEmpty());
}

TEST(Tokenizer, SkipsSpecialTokensOnRequest) {
  const auto ids = demonstration().encode("a<end_of_sentence>b");
  EXPECT_EQ(demonstration().decode(ids, true), "ab");
  EXPECT_EQ(demonstration().decode(ids, false), "a<end_of_sentence>b");
}

TEST(Tokenizer, RefusesIdsThatNoTokenHas) {
  for (const std::int32_t id : {-1, 2213, 1 << 30}) {
    try {
      demonstration().decode(std::vector{id});
      FAIL() << id;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr(std::to_string(id)));
    }
  }
}

TEST(Tokenizer, ReplacesOrRefusesInvalidUtf8) {
  EXPECT_EQ(demonstration().encode("a\xFF"), demonstration().encode("a\uFFFD"));
  EXPECT_THROW(demonstration().encode("a\xFF", {.invalid_utf8 = InvalidUtf8::kRefuse}), Error);
}

}  // namespace
}  // namespace minimax::text
