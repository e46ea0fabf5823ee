// SPDX-License-Identifier: Apache-2.0
// How marks follow characters. What the steps write is compared with Hugging Face in
// tokenizer_feature_test.cc.
#include "text/normalizer.h"

#include <gtest/gtest.h>

namespace minimax::text {
namespace {

// "marks" with one digit per byte of the result.
std::string marks_after(std::vector<NormalizerStep> steps, std::string text, std::string marks) {
  for (char& mark : marks) {
    mark = static_cast<char>(mark == '1');
  }
  MarkedText marked{std::move(text), std::move(marks), false};
  Normalizer(std::move(steps)).apply(marked);
  EXPECT_EQ(marked.marks.size(), marked.text.size());
  for (char& mark : marked.marks) {
    mark = mark != 0 ? '1' : '0';
  }
  return marked.text + " " + marked.marks;
}

std::vector<NormalizerStep> one(NormalizerStep step) {
  std::vector<NormalizerStep> steps;
  steps.push_back(std::move(step));
  return steps;
}

TEST(Normalizer, MovesMarksWithTheirCharacters) {
  EXPECT_EQ(marks_after(one(LowercaseText{}), "AbC", "101"), "abc 101");
  EXPECT_EQ(marks_after(one(LowercaseText{}), "\u0130x", "110"), "i\u0307x 1110");
  EXPECT_EQ(marks_after(one(StripSpaces{true, true}), " a b ", "01101"), "a b 110");
  EXPECT_EQ(marks_after(one(PrependText{"__"}), "ab", "10"), "__ab 1110");
  EXPECT_EQ(marks_after(one(ReplaceText{Pattern::literal("b"), "xyz"}), "abc", "101"),
            "axyzc 10001");
}

TEST(Normalizer, AllowsWhatSeveralCharactersBecomeOnlyIfAllAreAllowed) {
  EXPECT_EQ(marks_after(one(NormalizeForm{UnicodeForm::kNfc}), "ae\u0301z", "11111"),
            "a\u00E9z 1111");
  EXPECT_EQ(marks_after(one(NormalizeForm{UnicodeForm::kNfc}), "ae\u0301z", "11001"),
            "a\u00E9z 1001");
}

TEST(Normalizer, SortsMarksAndKeepsTheOrderOfEquals) {
  const Normalizer nfd(one(NormalizeForm{UnicodeForm::kNfd}));
  EXPECT_EQ(nfd.apply("a\u0301\u0323\u0302\u0334"), "a\u0334\u0323\u0301\u0302");
}

TEST(Normalizer, LeavesCharactersThatHuggingFaceDoesNotKnow) {
  const Normalizer nfkc(one(NormalizeForm{UnicodeForm::kNfkc}));
  EXPECT_EQ(nfkc.apply("\u32FF"), "\u32FF") << "the era Reiwa came with Unicode 12.1";
  EXPECT_EQ(nfkc.apply("\u337E"), "\u660E\u6CBB") << "the era Meiji is old";
}

}  // namespace
}  // namespace minimax::text
