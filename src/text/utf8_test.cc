// SPDX-License-Identifier: Apache-2.0
#include "text/utf8.h"

#include <gtest/gtest.h>

namespace minimax::text {
namespace {

TEST(Utf8, RoundTripsEveryScalarValue) {
  for (char32_t value = 0; value <= 0x10FFFF; ++value) {
    if (value >= 0xD800 && value <= 0xDFFF) {
      continue;
    }
    std::string text;
    append_utf8(value, text);
    const CodePoint point = decode_utf8(text, 0);
    ASSERT_TRUE(point.valid) << static_cast<std::uint32_t>(value);
    ASSERT_EQ(point.value, value);
    ASSERT_EQ(point.length, static_cast<std::int64_t>(text.size()));
    ASSERT_EQ(find_invalid_utf8(text), -1);
  }
}

struct ReplacementCase {
  const char* name;
  std::string_view input;
  std::string_view expected;
};

// The expected texts are what Python's bytes.decode("utf-8", errors="replace") returns.
TEST(Utf8, ReplacesInvalidBytesAsPythonDoes) {
  const ReplacementCase cases[] = {
      {"lone continuation",
       "a\x80"
       "b",
       "a\uFFFD"
       "b"},
      {"overlong slash", "\xC0\xAF", "\uFFFD\uFFFD"},
      {"surrogate", "\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"truncated four bytes", "\xF0\x9F\x98", "\uFFFD"},
      {"truncated, then text", "\xF0\x9F\x98z", "\uFFFDz"},
      {"above the last plane", "\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"byte ff", "\xFF\xFE", "\uFFFD\uFFFD"},
      {"valid text", "na\u00EFve \U0001F600", "na\u00EFve \U0001F600"},
      {"invalid after long ASCII", "0123456789abcdef\xE2\x82", "0123456789abcdef\uFFFD"},
  };
  for (const ReplacementCase& c : cases) {
    EXPECT_EQ(replace_invalid_utf8(c.input), c.expected) << c.name;
  }
}

TEST(Utf8, FindsTheUnfinishedSuffix) {
  EXPECT_EQ(incomplete_utf8_suffix(""), 0);
  EXPECT_EQ(incomplete_utf8_suffix("abc"), 0);
  EXPECT_EQ(incomplete_utf8_suffix("\u20AC"), 0);
  EXPECT_EQ(incomplete_utf8_suffix("a\xE2"), 1);
  EXPECT_EQ(incomplete_utf8_suffix("a\xE2\x82"), 2);
  EXPECT_EQ(incomplete_utf8_suffix("a\xF0\x9F\x98"), 3);
  EXPECT_EQ(incomplete_utf8_suffix("a\xED\xA0"), 0) << "a surrogate can never become valid";
  EXPECT_EQ(incomplete_utf8_suffix("a\x80\x80"), 0);
}

}  // namespace
}  // namespace minimax::text
