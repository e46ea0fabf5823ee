// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::base {
namespace {

using minimax::testing::TemporaryDirectory;
using minimax::testing::thrown_by;

TEST(Printable, EscapesEverythingThatATerminalObeys) {
  EXPECT_EQ(printable("a\n\t\x1b[2J\x7f"), "a\\n\\x09\\x1b[2J\\x7f");
  EXPECT_EQ(printable("\u0085\u009b31m\u00a0\u00e9"), "\\x85\\x9b31m\u00a0\u00e9");
}

TEST(Printable, EscapesBytesThatAreNotUtf8) {
  EXPECT_EQ(printable("\x89HDF\xff"), "\\x89HDF\\xff");
  EXPECT_EQ(printable("\xe2\x82z\xc3"), "\\xe2\\x82z\\xc3");                  // cut off
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");  // too long, surrogate
  EXPECT_EQ(printable("\xf0\x9f\x98\x80\xf4\x90\x80\x80"), "\xf0\x9f\x98\x80\\xf4\\x90\\x80\\x80");
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(printable("ab\u20ac", 4), "ab... (5 bytes)");
  EXPECT_EQ(printable("ab\u20acd", 5), "ab\u20ac... (6 bytes)");
}

TEST(WriteFileAtomically, ReplacesFilesAndLeavesNothingBehind) {
  const TemporaryDirectory folder;
  const std::filesystem::path path = folder.write("f", "old");
  write_file_atomically(path, "new");
  EXPECT_EQ(read_file(path), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(WriteFileAtomically, NeverReplacesADevice) {
  EXPECT_EQ(thrown_by([] { write_file_atomically("/dev/null", "x"); }).code, ErrorCode::kIo);
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(ReadFile, RefusesWhatIsTooLargeOrNoFile) {
  const TemporaryDirectory folder;
  const std::filesystem::path path = folder.write("f", "12345");
  EXPECT_EQ(read_file(path, 5), "12345");
  EXPECT_EQ(thrown_by([&] { read_file(path, 4); }).code, ErrorCode::kCorruptFile);
  EXPECT_EQ(thrown_by([&] { read_file(folder.path()); }).code, ErrorCode::kCorruptFile);
  EXPECT_EQ(thrown_by([&] { read_file("/dev/zero"); }).code, ErrorCode::kCorruptFile);
  EXPECT_EQ(thrown_by([&] { read_file(folder.path() / "none"); }).code, ErrorCode::kIo);
}

}  // namespace
}  // namespace minimax::base
