// SPDX-License-Identifier: Apache-2.0
#include "support/conversation.h"

#include <gtest/gtest.h>

#include "minimax/error.h"
#include "support/exit_code.h"

namespace minimax::apps {
namespace {

std::string text_of(const base::JsonArray& messages) { return base::write_json(messages); }

TEST(Conversation, IsAnArrayOrAMemberOfAnObject) {
  const std::string array = R"([{"role":"user","content":"Hi"}])";
  EXPECT_EQ(text_of(parse_messages(array, "x")), array);
  EXPECT_EQ(text_of(parse_messages(R"({"messages":)" + array + "}", "x")), array);
  EXPECT_THROW(parse_messages("5", "x"), Error);
  EXPECT_THROW(parse_messages("{}", "x"), Error);
}

TEST(Conversation, HasOneSystemMessageAtItsHead) {
  base::JsonArray messages = {make_message("user", "Hi")};
  set_system_message(messages, "one");
  set_system_message(messages, "two");
  EXPECT_EQ(text_of(messages),
            R"([{"role":"system","content":"two"},{"role":"user","content":"Hi"}])");
  EXPECT_EQ(system_message(messages), "two");
  set_system_message(messages, "");
  EXPECT_EQ(system_message(messages), "");
  EXPECT_EQ(text_of(messages), R"([{"role":"user","content":"Hi"}])");
}

TEST(Conversation, LosesItsLatestExchange) {
  base::JsonArray messages = {make_message("user", "a"), make_message("assistant", "b"),
                              make_message("user", "c"), make_message("assistant", "d")};
  EXPECT_EQ(remove_latest_exchange(messages), "c");
  EXPECT_EQ(messages.size(), 2U);
  EXPECT_EQ(remove_latest_exchange(messages), "a");
  EXPECT_THROW(remove_latest_exchange(messages), UsageError);
}

TEST(Conversation, GivesTheTextOfParts) {
  base::JsonArray messages = parse_messages(
      R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])",
      "x");
  EXPECT_EQ(remove_latest_exchange(messages), "ab");
}

TEST(Message, IsAlwaysValidUtf8) {
  EXPECT_EQ(make_message("user", "a\xff").find("content")->string(), "a\xef\xbf\xbd");
}

}  // namespace
}  // namespace minimax::apps
