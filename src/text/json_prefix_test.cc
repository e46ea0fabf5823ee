// SPDX-License-Identifier: Apache-2.0
#include "text/json_prefix.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/random.h"

namespace minimax::text {
namespace {

constexpr std::string_view kObjects[] = {
    "{}",
    R"({"a": 1, "b": [-0.5e+10, 0, 12.25, 1E3], "c": {"d": []}})",
    R"({ "text" : "q\"\\\/\b\f\n\r\t\u00e9 )"
    "\xC3\xA9"
    R"(" , "yes":true,"no":false,"none":null,"more":[[],{}] })",
    R"({"":"", "x":[{"y":"z"},[1,[2,[3]]]]})",
};

// What stands for `text` where nothing follows.
std::string closed(const std::string& text) {
  JsonPrefix prefix;
  for (const char c : text) {
    if (!prefix.accept(c)) {
      break;
    }
  }
  return text.substr(0, prefix.safe()) + prefix.closing();
}

TEST(JsonPrefix, TakesObjectsWhole) {
  for (const std::string_view object : kObjects) {
    JsonPrefix prefix;
    for (const char c : object) {
      EXPECT_FALSE(prefix.is_complete());
      ASSERT_TRUE(prefix.accept(c)) << object;
    }
    EXPECT_TRUE(prefix.is_complete());
    EXPECT_EQ(prefix.safe(), object.size());
    EXPECT_EQ(prefix.closing(), "");
    EXPECT_FALSE(prefix.accept(' '));
  }
}

TEST(JsonPrefix, ClosesWhatIsCutOffAfterTheLastValue) {
  EXPECT_EQ(closed(R"({"city": "Par)"), R"({"city": "Par"})");
  EXPECT_EQ(closed(R"({"city": "Par\u00)"), R"({"city": "Par"})");
  EXPECT_EQ(closed(R"({"city": "Paris", "da)"), R"({"city": "Paris"})");
  EXPECT_EQ(closed(R"({"a": [1, 23)"), R"({"a": [1]})");  // it may have been 234
  EXPECT_EQ(closed(R"({"a": [1, 23, )"), R"({"a": [1, 23]})");
  EXPECT_EQ(closed(R"({"a": tru)"), "{}");
  EXPECT_EQ(closed(R"({"a": {"b": )"), R"({"a": {}})");
}

TEST(JsonPrefix, StopsWhereNoJsonGoesOn) {
  EXPECT_EQ(closed(R"({"a": 01})"), R"({"a": 0})");
  EXPECT_EQ(closed(R"({"a": foo})"), "{}");
  EXPECT_EQ(closed(R"({"a": "\x"})"), R"({"a": ""})");
  EXPECT_EQ(closed("{\"a\": \"b\nc\"}"), R"({"a": "b"})");
  EXPECT_EQ(closed(R"({"a": [1}, "b": 2})"), R"({"a": [1]})");
  EXPECT_EQ(closed(R"({"a": 1,})"), R"({"a": 1})");
  EXPECT_EQ(closed(R"({'a': 1})"), "{}");
  EXPECT_EQ(closed("[1]"), "");
  std::string deep = R"({"a":)" + std::string(JsonPrefix::kMaxDepth, '[');
  EXPECT_EQ(closed(deep).size(), deep.size() - 1 + JsonPrefix::kMaxDepth);
}

TEST(JsonPrefix, GivesJsonWhereverItIsCutOrChanged) {
  base::SplitMix64 random(1);
  for (const std::string_view object : kObjects) {
    for (std::size_t size = 1; size <= object.size(); ++size) {
      std::string text(object.substr(0, size));
      const bool in_character =
          size < object.size() && (static_cast<unsigned char>(object[size]) & 0xC0U) == 0x80U;
      if (!in_character) {
        EXPECT_NO_THROW(base::parse_json(closed(text), "object")) << text;
      }
      text = object;
      constexpr std::string_view kBytes = "{}[]\",:\\0-e.tn ";
      text[1 + random.next() % (text.size() - 1)] = kBytes[random.next() % kBytes.size()];
      constexpr std::string_view kWide = "\xC3\xA9";
      const bool is_cut = object.find(kWide) != text.find(kWide);
      if (!is_cut) {
        EXPECT_NO_THROW(base::parse_json(closed(text), "object")) << text;
      }
    }
  }
}

}  // namespace
}  // namespace minimax::text
