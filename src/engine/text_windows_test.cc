// SPDX-License-Identifier: Apache-2.0
#include "engine/text_windows.h"

#include <gtest/gtest.h>

#include <numeric>

#include "minimax/error.h"

namespace minimax::engine {
namespace {

std::vector<std::int32_t> text(std::int32_t tokens) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens));
  std::iota(ids.begin(), ids.end(), 100);
  return ids;
}

TEST(TextWindows, JudgeTheSecondHalfOfWhatLiesSideBySide) {
  const std::vector<Window> windows = cut_windows(29, {.context = 8});
  ASSERT_EQ(windows.size(), 3U);
  EXPECT_EQ(windows[2].begin, 16);
  EXPECT_EQ(windows[2].tokens, 8);
  // Tokens 5, 6 and 7: the predictions of tokens 4 to 6, and 7 predicts beyond the window.
  EXPECT_EQ(windows[2].judged, 3);
  EXPECT_EQ(cut_windows(63, {.context = 7}).front().judged, 3);
}

TEST(TextWindows, OverlapWithAStride) {
  const std::vector<Window> windows = cut_windows(30, {.context = 8, .stride = 4});
  ASSERT_EQ(windows.size(), 5U);
  EXPECT_EQ(windows[4].begin, 16);
  EXPECT_EQ(windows[4].tokens, 10);
  EXPECT_EQ(windows[4].judged, 4);
}

TEST(TextWindows, StayWithinTheText) {
  for (std::int64_t tokens = 12; tokens < 60; ++tokens) {
    for (const std::int64_t stride : {0, 1, 3, 4, 7}) {
      const WindowOptions options{.context = 8, .stride = stride};
      const Window last = cut_windows(tokens, options).back();
      EXPECT_LE(last.begin + last.tokens, tokens) << tokens << " " << stride;
      EXPECT_LT(last.judged, last.tokens);
    }
  }
}

TEST(TextWindows, AreAtMostAsManyAsWanted) {
  EXPECT_EQ(cut_windows(100, {.context = 10, .most_windows = 4}).size(), 4U);
  EXPECT_EQ(cut_windows(100, {.context = 10, .most_windows = 40}).size(), 10U);
}

TEST(TextWindows, ReadAllButTheLastToken) {
  const WindowOptions options{.context = 8};
  const Window window = cut_windows(20, options)[1];
  EXPECT_EQ(tokens_to_read(window, text(20), options),
            (std::vector<std::int32_t>{108, 109, 110, 111, 112, 113, 114}));
}

TEST(TextWindows, BeginWithTheTokenThatBeginsSequences) {
  WindowOptions options{.context = 8, .bos = 1};
  EXPECT_EQ(tokens_to_read(cut_windows(20, options)[1], text(20), options),
            (std::vector<std::int32_t>{1, 109, 110, 111, 112, 113, 114}));
  options.stride = 2;
  EXPECT_EQ(tokens_to_read(cut_windows(20, options)[1], text(20), options).front(), 102);
}

TEST(TextWindows, RefuseWhatDoesNotFit) {
  EXPECT_THROW(cut_windows(7, {.context = 8}), Error);
  EXPECT_THROW(cut_windows(9, {.context = 8, .stride = 4}), Error);
  EXPECT_THROW(cut_windows(100, {.context = 3}), Error);
  EXPECT_THROW(cut_windows(100, {.context = 8, .stride = 8}), Error);
  EXPECT_THROW(cut_windows(100, {.context = 8, .stride = -1}), Error);
}

}  // namespace
}  // namespace minimax::engine
