// SPDX-License-Identifier: Apache-2.0
#include "text/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimax/error.h"

namespace minimax::text {
namespace {

const std::filesystem::path kDemonstrationModel =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "models" / "tiny-minimax";

base::Json conversation(std::string_view text) { return base::parse_json(text, "conversation"); }

TEST(ChatTemplate, RendersTheDemonstrationModel) {
  const ChatTemplate model = ChatTemplate::from_directory(kDemonstrationModel);
  const auto segments = model.render(conversation(R"([{"role":"user","content":"Hi"}])"));
  EXPECT_EQ(join_segments(segments),
            "<beginning_of_sentence>user name=user\nHi<end_of_sentence>\n"
            "<beginning_of_sentence>ai name=assistant\n");
  EXPECT_TRUE(model.warnings().empty());
}

}  // namespace
}  // namespace minimax::text
