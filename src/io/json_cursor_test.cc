// SPDX-License-Identifier: Apache-2.0
#include "io/json_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

using minimax::testing::thrown_by;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string decoded(std::string text) {
  JsonCursor cursor(text, "t");
  return std::string(cursor.string());
}

std::string skip_error(std::string text) {
  return thrown_by([&] {
           JsonCursor cursor(text, "t");
           cursor.skip_value();
           cursor.expect_end(/*any_space=*/true);
         })
      .message;
}

std::string natural_error(std::string text) {
  return thrown_by([&] { JsonCursor(text, "t").natural(); }).message;
}

TEST(JsonCursor, DecodesEscapesInPlace) {
  EXPECT_EQ(decoded(R"("a\"\\\/\b\f\n\r\tz")"), "a\"\\/\b\f\n\r\tz");
  EXPECT_EQ(decoded(R"("\u0041\u00e9\u20ac\ud83d\ude00")"), "A\u00e9\u20ac\U0001F600");
}

TEST(JsonCursor, RefusesBrokenStrings) {
  for (const char* text : {R"("\ud83d")", R"("\ude00")", R"("\ud83d\u0041")", R"("\x")",
                           R"("\u00g0")", R"("\u00)", R"("open)", "\"a\nb\"", "\"\\", "x", ""}) {
    EXPECT_THAT(thrown_by([&] { decoded(text); }).message, HasSubstr("t: expected")) << text;
  }
  EXPECT_THAT(thrown_by([] { decoded("\"\xff\""); }).message, HasSubstr("UTF-8"));
}

TEST(JsonCursor, ReadsNaturalNumbersExactly) {
  std::string text = "[0, 7,9223372036854775807 ]";
  JsonCursor cursor(text, "t");
  std::vector<std::int64_t> values;
  cursor.each_element([&] { values.push_back(cursor.natural()); });
  EXPECT_THAT(values, ElementsAre(0, 7, INT64_MAX));
}

TEST(JsonCursor, RefusesOtherNumbers) {
  for (const char* text : {"-1", "-0", "01", "1.0", "1e30", "9223372036854775808", "\"1\"", "null",
                           "true", "[1]", "+1", "NaN", "", "18446744073709551616"}) {
    EXPECT_THAT(natural_error(text), HasSubstr("expected an integer from 0")) << text;
  }
}

TEST(JsonCursor, SkipsAnyValidValue) {
  for (const char* text : {"null", " [ ] ", "{}", R"({"a":[1,-2.5e+3,0,"x",{"b":true}],"c":false})",
                           "-0.0", "1E5", "\"\""}) {
    EXPECT_EQ(skip_error(text), "nothing was thrown") << text;
  }
}

TEST(JsonCursor, RefusesInvalidValues) {
  for (const char* text : {"", "nul", "[1,]", "{,}", R"({"a"})", R"({"a":1,})", "01", "1.", ".5",
                           "-", "1e", "[1", "{", "tru", "[1 2]", "1 2", "'a'", R"({1:2})"}) {
    EXPECT_THAT(skip_error(text), HasSubstr("t: expected")) << text;
  }
}

TEST(JsonCursor, RefusesDeepNestingWithoutRecursingThere) {
  EXPECT_THAT(skip_error(std::string(1'000'000, '[')), HasSubstr("nested deeper than 64"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) {
    objects += "{\"a\":";
  }
  EXPECT_THAT(skip_error(objects), HasSubstr("nested deeper than 64"));
}

TEST(JsonCursor, NamesSubjectAndPlaceInPrintableText) {
  std::string text = "  \x1b[31m";
  JsonCursor cursor(text, "f");
  cursor.set_subject("a\nb", "shape");
  EXPECT_EQ(thrown_by([&] { cursor.natural(); }).message,
            "f: \"a\\nb\": shape: expected an integer from 0 to 9223372036854775807, found "
            "\\x1b[31m at byte 2 of the JSON");
}

}  // namespace
}  // namespace minimax::io
