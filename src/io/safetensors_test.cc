// SPDX-License-Identifier: Apache-2.0
// What only shows with real files: kinds of files, shards, indexes, symlinks, and reading.
#include "io/safetensors.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "io/checkpoint_reader.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using minimax::testing::SafetensorsBuilder;
using minimax::testing::TemporaryDirectory;
using minimax::testing::Thrown;
using minimax::testing::thrown_by;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Thrown read_error(const fs::path& model) {
  return thrown_by([&] { read_safetensors(model); });
}

// A file of one U8 tensor [4].
std::string one_tensor(const std::string& name, const std::string& data = "abcd") {
  return SafetensorsBuilder().tensor(name, "U8", {4}, data).build();
}

std::string index_of(const std::vector<std::pair<std::string, std::string>>& weight_map) {
  std::string members;
  for (const auto& [tensor, shard] : weight_map) {
    members += fmt::format(R"({}"{}":"{}")", members.empty() ? "" : ",", tensor, shard);
  }
  return fmt::format(R"({{"metadata":{{"total_size":8}},"weight_map":{{{}}}}})", members);
}

void write_index(const TemporaryDirectory& folder,
                 const std::vector<std::pair<std::string, std::string>>& weight_map) {
  folder.write("model.safetensors.index.json", index_of(weight_map));
}

std::string read_text(const Checkpoint& checkpoint, std::string_view name) {
  const TensorEntry& entry = checkpoint.require(name);
  std::string text(static_cast<std::size_t>(entry.bytes), '\0');
  CheckpointReader(checkpoint).read(entry, std::as_writable_bytes(std::span(text)));
  return text;
}

TEST(ReadSafetensors, ReadsTheDemonstrationModel) {
  const Checkpoint checkpoint =
      read_safetensors(fs::path(MINIMAX_SOURCE_DIR) / "models" / "tiny-minimax");
  EXPECT_EQ(checkpoint.files.size(), 4u);
  EXPECT_THAT(checkpoint.warnings, IsEmpty());
  EXPECT_EQ(checkpoint.metadata.at("format"), "pt");
  std::int64_t bytes = 0;
  for (const TensorEntry& entry : checkpoint.tensors) {
    bytes += entry.bytes;
  }
  EXPECT_EQ(bytes, 26133504);  // total_size of its index
}

TEST(ReadSafetensors, MergesShardsByName) {
  const TemporaryDirectory folder;
  folder.write("b.safetensors", one_tensor("x", "xxxx"));
  folder.write("sub/a.safetensors", one_tensor("y", "yyyy"));
  write_index(folder, {{"y", "sub/a.safetensors"}, {"x", "b.safetensors"}});
  const Checkpoint checkpoint = read_safetensors(folder.path());
  EXPECT_EQ(checkpoint.tensors.front().name, "x");
  EXPECT_EQ(read_text(checkpoint, "x"), "xxxx");
  EXPECT_EQ(read_text(checkpoint, "y"), "yyyy");
  EXPECT_EQ(checkpoint.file_of(checkpoint.require("y")).path, folder.path() / "sub/a.safetensors");
}

TEST(ReadSafetensors, PrefersTheSingleFileAndSaysSo) {
  const TemporaryDirectory folder;
  folder.write("model.safetensors", one_tensor("x"));
  EXPECT_THAT(read_safetensors(folder.path()).warnings, IsEmpty());
  write_index(folder, {{"y", "none.safetensors"}});
  EXPECT_THAT(read_safetensors(folder.path()).warnings, ElementsAre(HasSubstr("holds both")));
  EXPECT_NE(read_safetensors(folder.path() / "model.safetensors").find("x"), nullptr);
}

TEST(ReadSafetensors, TellsWhatAFolderHoldsInstead) {
  const TemporaryDirectory folder;
  EXPECT_THAT(read_error(folder.path()).message, HasSubstr("found neither"));
  folder.write("pytorch_model.bin", "x");
  const Thrown thrown = read_error(folder.path());
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message, HasSubstr("found only pytorch_model.bin"));
}

TEST(ReadSafetensors, F1RefusesWhatIsNoRegularFile) {
  const TemporaryDirectory folder;
  const fs::path shard = folder.path() / "model.safetensors";
  fs::create_directory(shard);
  EXPECT_THAT(read_error(folder.path()).message,
              AllOf(HasSubstr("found a directory"), HasSubstr("not a safetensors file")));
  fs::remove(shard);
  ASSERT_EQ(::mkfifo(shard.c_str(), 0600), 0);
  EXPECT_THAT(read_error(folder.path()).message,
              AllOf(HasSubstr("found a pipe"), HasSubstr("not a safetensors file")));
  const Thrown device = read_error("/dev/zero");
  EXPECT_EQ(device.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(device.message, HasSubstr("found a device"));
}

TEST(ReadSafetensors, F9RefusesRandomTruncations) {
  const TemporaryDirectory folder;
  SafetensorsBuilder builder;
  for (int i = 0; i < 30; ++i) {
    builder.tensor(fmt::format("t{}", i), "F32", {10, 10}, std::string(400, 'x'));
  }
  const std::string file = builder.build();
  const fs::path path = folder.write("model.safetensors", file);
  std::mt19937 random(2);
  for (int trial = 0; trial < 500; ++trial) {
    fs::resize_file(path, file.size());
    fs::resize_file(path, random() % file.size());
    ASSERT_EQ(read_error(folder.path()).code, ErrorCode::kCorruptFile);
  }
}

TEST(CheckpointReader, F10ReportsAFileCutShortWhileItIsRead) {
  const TemporaryDirectory folder;
  const fs::path path = folder.write("model.safetensors", one_tensor("x"));
  const Checkpoint checkpoint = read_safetensors(folder.path());
  const CheckpointReader reader(checkpoint);
  fs::resize_file(path, fs::file_size(path) - 1);
  std::vector<std::byte> data(4);
  const Thrown thrown = thrown_by([&] { reader.read(checkpoint.require("x"), data); });
  EXPECT_EQ(thrown.code, ErrorCode::kIo);
  EXPECT_THAT(thrown.message, AllOf(HasSubstr(path.string()), HasSubstr("cut short")));
  EXPECT_THAT(thrown_by([&] { CheckpointReader again(checkpoint); }).message,
              HasSubstr("expected 65 bytes as when it was checked, found 64"));
}

TEST(CheckpointReader, ReadsRangesAndRefusesThoseOutside) {
  const TemporaryDirectory folder;
  folder.write("model.safetensors", one_tensor("x"));
  const Checkpoint checkpoint = read_safetensors(folder.path());
  const CheckpointReader reader(checkpoint);
  const TensorEntry& entry = checkpoint.require("x");
  std::string two(2, '\0');
  const auto bytes = std::as_writable_bytes(std::span(two));
  reader.prefetch(entry, 0, entry.bytes);
  reader.read(entry, 1, bytes);
  EXPECT_EQ(two, "bc");
  for (const std::int64_t begin : {std::int64_t{-1}, std::int64_t{3}, std::int64_t{5}, INT64_MAX}) {
    EXPECT_EQ(thrown_by([&] { reader.read(entry, begin, bytes); }).code,
              ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(thrown_by([&] { reader.read(entry, bytes); }).code, ErrorCode::kInvalidArgument);
}

TEST(CheckpointReader, ServesThreadsAtOnce) {
  const TemporaryDirectory folder;
  SafetensorsBuilder builder;
  for (int i = 0; i < 4; ++i) {
    builder.tensor(fmt::format("t{}", i), "U8", {100'000},
                   std::string(100'000, static_cast<char>('a' + i)));
  }
  folder.write("model.safetensors", builder.build());
  const Checkpoint checkpoint = read_safetensors(folder.path());
  const CheckpointReader reader(checkpoint);
  std::vector<std::string> data(4, std::string(100'000, '\0'));
  std::vector<std::thread> threads;
  threads.reserve(data.size());
  for (std::size_t i = 0; i < data.size(); ++i) {
    threads.emplace_back(
        [&, i] { reader.read(checkpoint.tensors[i], std::as_writable_bytes(std::span(data[i]))); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::size_t i = 0; i < data.size(); ++i) {
    EXPECT_EQ(data[i], std::string(100'000, static_cast<char>('a' + i)));
  }
}

TEST(ReadSafetensors, F11ListsAllMissingShardsAtOnce) {
  const TemporaryDirectory folder;
  folder.write("b.safetensors", one_tensor("x"));
  fs::create_symlink("nowhere", folder.path() / "c.safetensors");
  write_index(folder, {{"w", "a.safetensors"}, {"x", "b.safetensors"}, {"y", "c.safetensors"}});
  const Thrown thrown = read_error(folder.path());
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message,
              HasSubstr("incomplete: 2 of 3 files are missing: a.safetensors, c.safetensors"));
}

TEST(ReadSafetensors, F11RefusesShardsOutsideTheFolder) {
  const TemporaryDirectory parent;
  const fs::path outside = parent.write("outside.safetensors", one_tensor("x"));
  for (const std::string& shard :
       {std::string("../outside.safetensors"), outside.string(),
        std::string("sub/../../outside.safetensors"), std::string(""), std::string(".."),
        std::string("a\\u0000b"), std::string("a\\nb")}) {
    parent.write("model/model.safetensors.index.json", index_of({{"x", shard}}));
    const Thrown thrown = read_error(parent.path() / "model");
    EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile) << shard;
    EXPECT_THAT(thrown.message, HasSubstr("\"weight_map\": \"x\": expected a file")) << shard;
  }
  fs::create_symlink("../outside.safetensors", parent.path() / "model/link.safetensors");
  parent.write("model/model.safetensors.index.json", index_of({{"x", "link.safetensors"}}));
  EXPECT_THAT(read_error(parent.path() / "model").message, HasSubstr("found a symlink to"));
}

TEST(ReadSafetensors, F11FollowsSymlinksOnlyIntoTheSameHubRepository) {
  const TemporaryDirectory cache;
  cache.write("models--o--a/blobs/1234", one_tensor("x"));
  cache.write("models--o--b/blobs/5678", one_tensor("x"));
  cache.write("other.safetensors", one_tensor("x"));
  const fs::path snapshot = cache.path() / "models--o--a/snapshots/c0ffee";
  fs::create_directories(snapshot);
  const fs::path file = snapshot / "model.safetensors";
  fs::create_symlink("../../blobs/1234", file);
  const Checkpoint checkpoint = read_safetensors(snapshot);
  EXPECT_EQ(read_text(checkpoint, "x"), "abcd");
  EXPECT_EQ(checkpoint.files[0].path.filename(), "model.safetensors");
  for (const char* target : {"../../../models--o--b/blobs/5678", "../../../other.safetensors"}) {
    fs::remove(file);
    fs::create_symlink(target, file);
    EXPECT_THAT(read_error(snapshot).message, HasSubstr("found a symlink to")) << target;
  }
}

TEST(ReadSafetensors, FollowsSymlinksFromAFolderIntoAHubCache) {
  const TemporaryDirectory parent;
  parent.write("models--o--a/blobs/1234", one_tensor("x"));
  fs::create_directory(parent.path() / "model");
  fs::create_symlink(parent.path() / "models--o--a/blobs/1234",
                     parent.path() / "model/model.safetensors");
  EXPECT_EQ(read_text(read_safetensors(parent.path() / "model"), "x"), "abcd");
}

TEST(ReadSafetensors, F11RefusesATensorInTwoShards) {
  const TemporaryDirectory folder;
  folder.write("a.safetensors", one_tensor("x"));
  folder.write(
      "b.safetensors",
      SafetensorsBuilder().tensor("x", "U8", {1}, "x").tensor("y", "U8", {1}, "y").build());
  write_index(folder, {{"x", "a.safetensors"}, {"y", "b.safetensors"}});
  EXPECT_THAT(read_error(folder.path()).message,
              AllOf(HasSubstr("\"x\""), HasSubstr("a.safetensors"), HasSubstr("b.safetensors")));
  write_index(folder, {{"x", "a.safetensors"}, {"x", "b.safetensors"}});
  EXPECT_THAT(read_error(folder.path()).message, HasSubstr("\"x\" appears twice"));
}

TEST(ReadSafetensors, F12RefusesAListedTensorThatIsAbsent) {
  const TemporaryDirectory folder;
  folder.write("a.safetensors", one_tensor("x"));
  folder.write("b.safetensors", one_tensor("y"));
  write_index(folder, {{"x", "a.safetensors"}, {"y", "b.safetensors"}, {"z", "b.safetensors"}});
  EXPECT_THAT(read_error(folder.path()).message,
              HasSubstr("\"z\": expected in b.safetensors, which does not hold it"));
  write_index(folder, {{"x", "b.safetensors"}, {"y", "a.safetensors"}});
  EXPECT_THAT(read_error(folder.path()).message,
              HasSubstr("\"x\": expected in b.safetensors, found in a.safetensors"));
}

TEST(ReadSafetensors, F12WarnsOfTensorsThatTheIndexDoesNotList) {
  const TemporaryDirectory folder;
  folder.write(
      "a.safetensors",
      SafetensorsBuilder().tensor("x", "U8", {1}, "x").tensor("y", "U8", {1}, "y").build());
  write_index(folder, {{"x", "a.safetensors"}});
  const Checkpoint checkpoint = read_safetensors(folder.path());
  EXPECT_THAT(checkpoint.warnings,
              ElementsAre(HasSubstr("hold 1 tensors that it does not list, the first is \"y\"")));
  EXPECT_NE(checkpoint.find("y"), nullptr);
}

TEST(ReadSafetensors, RefusesBrokenIndexes) {
  const TemporaryDirectory folder;
  for (const char* text :
       {"", "{}", "[]", "null", "{\"weight_map\":[]}", "{\"weight_map\":{\"x\":1}}",
        "{\"weight_map\":{}", "{\"weight_map\":{}} x", "{\"weight_map\":{},\"weight_map\":{}}",
        "{\"metadata\":{},\"metadata\":{},\"weight_map\":{}}",
        "{\"weight_map\":{\"\xff\":\"a\"}}"}) {
    folder.write("model.safetensors.index.json", text);
    const Thrown thrown = read_error(folder.path());
    EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile) << text;
    EXPECT_THAT(thrown.message, HasSubstr("model.safetensors.index.json")) << text;
  }
}

// Reading as a user without rights to the file; the test may run as root, who has them all.
TEST(ReadSafetensors, F17ReportsAnUnreadableFileAsFailedInput) {
  const TemporaryDirectory folder;
  fs::permissions(folder.path(), fs::perms::all);
  fs::permissions(folder.write("model.safetensors", one_tensor("x")), fs::perms::none);
  const bool is_root = ::geteuid() == 0;
  if (is_root) {
    ::setfsuid(65534);
  }
  const Thrown thrown = read_error(folder.path());
  if (is_root) {
    ::setfsuid(0);
  }
  EXPECT_EQ(thrown.code, ErrorCode::kIo);
  EXPECT_THAT(thrown.message, HasSubstr("Permission denied"));
}

TEST(ReadSafetensors, ReportsAPathThatDoesNotExist) {
  EXPECT_EQ(read_error("/nonexistent/model").code, ErrorCode::kIo);
}

TEST(ReadSafetensors, EscapesNamesOfFilesInMessages) {
  const TemporaryDirectory folder;
  folder.write("evil\x1b[2J\n/model.safetensors", "12345678");
  EXPECT_THAT(read_error(folder.path() / "evil\x1b[2J\n").message,
              AllOf(HasSubstr("evil\\x1b[2J\\n"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace minimax::io
