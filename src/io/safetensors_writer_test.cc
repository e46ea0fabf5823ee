// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "io/checkpoint_reader.h"
#include "io/safetensors.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using minimax::testing::read_bytes;
using minimax::testing::TemporaryDirectory;
using minimax::testing::Thrown;
using minimax::testing::thrown_by;
using tensor::DType;
using ::testing::HasSubstr;

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::int64_t files_in(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(SafetensorsWriter, WritesTensorsPieceByPieceInTurn) {
  const TemporaryDirectory folder;
  const fs::path path = folder.path() / "out.safetensors";
  SafetensorsWriter writer(path,
                           {{"logits", DType::kF32, {2, 1}},
                            {"none", DType::kF32, {0, 7}},
                            {"hidden \"\u00e9\"", DType::kBF16, {2}}},
                           {{"made by", "a \"test\"\n"}});
  writer.append(0, as_bytes("aaaa"));
  writer.append(2, as_bytes("h"));
  writer.append(0, as_bytes("bbbb"));
  writer.append(2, as_bytes("iii"));
  EXPECT_FALSE(fs::exists(path));
  writer.commit();

  const Checkpoint checkpoint = read_safetensors(path);
  EXPECT_EQ(checkpoint.metadata.at("made by"), "a \"test\"\n");
  const CheckpointReader reader(checkpoint);
  const auto read = [&](const char* name) {
    const TensorEntry& entry = checkpoint.require(name);
    std::string text(static_cast<std::size_t>(entry.bytes), '\0');
    reader.read(entry, std::as_writable_bytes(std::span(text)));
    return text;
  };
  EXPECT_EQ(read("logits"), "aaaabbbb");
  EXPECT_EQ(read("hidden \"\u00e9\""), "hiii");
  EXPECT_EQ(checkpoint.require("logits").offset % 8, 0);
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST(SafetensorsWriter, LeavesTheOldFileAloneUntilTheCommit) {
  const TemporaryDirectory folder;
  const fs::path path = folder.write("out.safetensors", "old");
  {
    SafetensorsWriter writer(path, {{"x", DType::kU8, {4}}});
    writer.append(0, as_bytes("ab"));
    EXPECT_EQ(files_in(folder.path()), 2);
    const Thrown thrown = thrown_by([&] { writer.commit(); });
    EXPECT_THAT(thrown.message, HasSubstr("x: expected 2 more bytes"));
  }
  EXPECT_EQ(read_bytes(path), "old");
  EXPECT_EQ(files_in(folder.path()), 1);
}

TEST(SafetensorsWriter, ReplacesTheFileBehindASymlink) {
  const TemporaryDirectory folder;
  const fs::path file = folder.write("real/out.safetensors", "old");
  const fs::path link = folder.path() / "link.safetensors";
  fs::create_symlink(file, link);
  SafetensorsWriter(link, {}).commit();
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_TRUE(read_safetensors(file).tensors.empty());
}

TEST(SafetensorsWriter, RefusesWhatTheReaderWouldRefuse) {
  const TemporaryDirectory folder;
  const auto code = [&](const std::vector<TensorPlan>& plans) {
    return thrown_by([&] { SafetensorsWriter(folder.path() / "x", plans); }).code;
  };
  EXPECT_EQ(code({{"a", DType::kU8, {1}}, {"a", DType::kU8, {1}}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{"a\nb", DType::kU8, {1}}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{std::string(2000, 'n'), DType::kU8, {1}}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{"a", DType::kF64, {INT64_MAX}}}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({{"a", DType::kU8, {INT64_MAX}}, {"b", DType::kU8, {1}}}),
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(files_in(folder.path()), 0);
}

TEST(SafetensorsWriter, RefusesMoreBytesThanAnnounced) {
  const TemporaryDirectory folder;
  SafetensorsWriter writer(folder.path() / "x", {{"a", DType::kU8, {2}}, {"b", DType::kU8, {2}}});
  EXPECT_EQ(thrown_by([&] { writer.append(0, as_bytes("abc")); }).code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(thrown_by([&] { writer.append(2, as_bytes("a")); }).code, ErrorCode::kInvalidArgument);
}

TEST(SafetensorsWriter, NeverReplacesADevice) {
  EXPECT_EQ(thrown_by([] { SafetensorsWriter("/dev/null", {}); }).code,
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST(SafetensorsWriter, ReportsAFolderThatIsNotThere) {
  const Thrown thrown = thrown_by([] { SafetensorsWriter("/nonexistent/x.safetensors", {}); });
  EXPECT_EQ(thrown.code, ErrorCode::kIo);
  EXPECT_THAT(thrown.message, HasSubstr("/nonexistent/x.safetensors"));
}

// A limit on the size of files stands in for a full disk: both fail before the first byte.
TEST(SafetensorsWriter, ReportsAtOnceThatThereIsNoRoom) {
  const TemporaryDirectory folder;
  struct rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = old;
  small.rlim_cur = 1 << 16;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Thrown thrown = thrown_by([&] {
    SafetensorsWriter writer(folder.path() / "x", {{"a", DType::kU8, {1 << 20}}});
    writer.append(0, as_bytes(std::string(1 << 20, 'x')));
  });
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(thrown.code, ErrorCode::kIo);
  EXPECT_EQ(files_in(folder.path()), 0);
}

}  // namespace
}  // namespace minimax::io
