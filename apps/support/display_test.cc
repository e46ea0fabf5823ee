// SPDX-License-Identifier: Apache-2.0
// What people see: progress bars, wrapped help, text on a terminal.
#include <gtest/gtest.h>

#include "support/help_formatter.h"
#include "support/progress.h"
#include "support/terminal.h"

namespace minimax::apps {
namespace {

TEST(ProgressLine, FitsTheTerminal) {
  for (const int columns : {1, 5, 20, 40, 80, 400}) {
    for (const int done : {0, 1, 50, 100, 200}) {
      EXPECT_LT(static_cast<int>(progress_line("Reading weights", done, 100, columns).size()),
                std::max(columns, 2))
          << columns;
    }
  }
}

TEST(ProgressLine, ShowsTheShare) {
  EXPECT_EQ(progress_line("Work", 50, 100, 28), "Work  [######-------]  50 %");
  EXPECT_EQ(progress_line("Work", 0, 0, 10), "Work   0 ");
}

TEST(Wrap, BreaksAtSpaces) {
  EXPECT_EQ(wrap("one two three", 7, 2), "one two\n  three");
  EXPECT_EQ(wrap("one", 7, 2), "one");
  EXPECT_EQ(wrap("incomprehensibilities", 7, 2), "incomprehensibilities");
  EXPECT_EQ(wrap("a incomprehensibilities b", 7, 0), "a\nincomprehensibilities\nb");
}

TEST(WithoutControls, LeavesOutWhatReprogramsATerminal) {
  EXPECT_EQ(without_controls("a\x1b[31mb\x07\x7f\tc\n"), "a[31mb\tc\n");
  EXPECT_EQ(without_controls("\xc2\x9b"
                             "5n"),
            "5n");  // U+009B
  EXPECT_EQ(without_controls("\xc3\xa9 \xe4\xb8\x96"), "\xc3\xa9 \xe4\xb8\x96");
}

}  // namespace
}  // namespace minimax::apps
