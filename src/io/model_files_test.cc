// SPDX-License-Identifier: Apache-2.0
#include "io/model_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimax/error.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

using minimax::testing::TemporaryDirectory;
using minimax::testing::thrown_by;
using ::testing::HasSubstr;

TEST(ModelFiles, TakesAFileByItsNameOrItsStart) {
  const TemporaryDirectory directory;
  const auto named = directory.write("m.gguf", "anything");
  const auto other = directory.write("sha256-abc", "GGUF and more");
  EXPECT_EQ(find_gguf(named), named);
  EXPECT_EQ(find_gguf(other), other);
  EXPECT_EQ(find_gguf(directory.path() / "absent"), std::nullopt);
}

TEST(ModelFiles, TakesTheOnlyModelOfAFolder) {
  const TemporaryDirectory directory;
  EXPECT_EQ(find_gguf(directory.path()), std::nullopt);
  directory.write("m-00002-of-00002.gguf", "");
  directory.write("m-00001-of-00002.gguf", "");
  EXPECT_EQ(find_gguf(directory.path()), directory.path() / "m-00001-of-00002.gguf");
  directory.write("config.json", "{}");
  EXPECT_EQ(find_gguf(directory.path()), std::nullopt);
}

TEST(ModelFiles, NamesTheModelsAmongWhichToChoose) {
  const TemporaryDirectory directory;
  directory.write("a.gguf", "");
  directory.write("b.gguf", "");
  const auto thrown = thrown_by([&] { find_gguf(directory.path()); });
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message, HasSubstr("found 2; name one of them: a.gguf, b.gguf"));
}

TEST(ModelFiles, GuessesWhatAnotherFileIs) {
  const TemporaryDirectory directory;
  const auto path = directory.write("model.bin", "PK\x03\x04 and so on");
  const auto thrown = thrown_by([&] { find_gguf(path); });
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message, HasSubstr("or a GGUF file, found another file (it looks like a zip"));
}

}  // namespace
}  // namespace minimax::io
