// SPDX-License-Identifier: Apache-2.0
// What only shows with real files: kinds of files, split models, memory, and reading.
#include "io/gguf.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "io/checkpoint_reader.h"
#include "tests/support/allocation_meter.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

namespace fs = std::filesystem;
using minimax::testing::gguf_string;
using minimax::testing::GgufBuilder;
using minimax::testing::number_bytes;
using minimax::testing::peak_allocation_of;
using minimax::testing::TemporaryDirectory;
using minimax::testing::Thrown;
using minimax::testing::thrown_by;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint32_t kI8 = 24;
constexpr std::int64_t kMiB = 1 << 20;

Thrown read_error(const fs::path& path) {
  return thrown_by([&] { read_gguf(path); });
}

std::string read_text(const Checkpoint& checkpoint, std::string_view name) {
  const TensorEntry& entry = checkpoint.require(name);
  std::string text(static_cast<std::size_t>(entry.bytes), '\0');
  CheckpointReader(checkpoint).read(entry, std::as_writable_bytes(std::span(text)));
  return text;
}

// Part `number` (from 0) of `count`, with the keys and types that llama.cpp writes.
GgufBuilder part(int number, int count, int tensors) {
  return GgufBuilder()
      .number("split.no", static_cast<std::uint16_t>(number))
      .number("split.count", static_cast<std::uint16_t>(count))
      .number("split.tensors.count", tensors);
}

// A model of two parts, with one tensor in each.
void write_parts(const TemporaryDirectory& folder, int tensors = 2) {
  folder.write("m-00001-of-00002.gguf",
               part(0, 2, tensors).text("general.name", "x").tensor("b", {4}, kI8, "bbbb").build());
  folder.write("m-00002-of-00002.gguf", part(1, 2, tensors).tensor("a", {4}, kI8, "aaaa").build());
}

TEST(ReadGguf, ReadsTheBytesOfOneFile) {
  const TemporaryDirectory folder;
  const fs::path path = folder.write("m.gguf", GgufBuilder()
                                                   .text("general.architecture", "minimax-01")
                                                   .tensor("b", {4}, kI8, "bbbb")
                                                   .tensor("a", {2, 2}, kI8, "aaaa")
                                                   .build());
  const GgufModel model = read_gguf(path);
  EXPECT_EQ(*model.metadata.string("general.architecture"), "minimax-01");
  EXPECT_EQ(read_text(model.checkpoint, "a"), "aaaa");
  EXPECT_EQ(read_text(model.checkpoint, "b"), "bbbb");
  EXPECT_EQ(model.checkpoint.tensors.front().name, "a");
}

TEST(ReadGguf, ReadsAllPartsFromAnyOfThem) {
  const TemporaryDirectory folder;
  write_parts(folder);
  for (const char* name : {"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"}) {
    const GgufModel model = read_gguf(folder.path() / name);
    EXPECT_EQ(model.checkpoint.files.size(), 2u);
    EXPECT_EQ(*model.metadata.string("general.name"), "x");
    EXPECT_EQ(read_text(model.checkpoint, "a"), "aaaa");
    EXPECT_EQ(read_text(model.checkpoint, "b"), "bbbb");
  }
}

TEST(ReadGguf, ListsMissingParts) {
  const TemporaryDirectory folder;
  write_parts(folder);
  fs::remove(folder.path() / "m-00001-of-00002.gguf");
  const Thrown thrown = read_error(folder.path() / "m-00002-of-00002.gguf");
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message, HasSubstr("1 of 2 files are missing: m-00001-of-00002.gguf"));
}

TEST(ReadGguf, RefusesPartsThatDoNotBelongTogether) {
  const TemporaryDirectory folder;
  const fs::path first = folder.path() / "m-00001-of-00002.gguf";
  const auto with_second = [&](const std::string& file) {
    write_parts(folder);
    folder.write("m-00002-of-00002.gguf", file);
    return read_error(first).message;
  };
  EXPECT_THAT(with_second(part(0, 2, 2).tensor("a", {4}, kI8, "aaaa").build()),
              HasSubstr("expected part 2 of 2 as its name says, found part 1 of 2"));
  EXPECT_THAT(with_second(part(1, 3, 2).tensor("a", {4}, kI8, "aaaa").build()),
              HasSubstr("found part 2 of 3"));
  EXPECT_THAT(with_second(GgufBuilder().tensor("a", {4}, kI8, "aaaa").build()),
              HasSubstr("found part 1 of 1"));
  EXPECT_THAT(with_second(part(1, 2, 2).tensor("b", {4}, kI8, "aaaa").build()),
              AllOf(HasSubstr("tensor \"b\""), HasSubstr("found in both")));
  EXPECT_THAT(with_second("short"), HasSubstr("m-00002-of-00002.gguf: not a GGUF file"));
}

TEST(ReadGguf, RefusesWrongSplitKeys) {
  const TemporaryDirectory folder;
  const auto message = [&](const GgufBuilder& builder, const char* name = "m.gguf") {
    return read_error(folder.write(name, builder.build())).message;
  };
  EXPECT_THAT(message(part(0, 2, 2)), HasSubstr("ends in \"-00001-of-00002.gguf\""));
  EXPECT_THAT(message(part(2, 2, 2)), HasSubstr("\"split.no\": expected at most 1, found 2"));
  EXPECT_THAT(message(part(0, 16'385, 2)), HasSubstr("\"split.count\": expected at most 16384"));
  EXPECT_THAT(message(GgufBuilder().number("split.no", -1)), HasSubstr("found -1"));
  EXPECT_THAT(message(GgufBuilder().text("split.count", "2")),
              HasSubstr("key \"split.count\": expected an integer, found string"));
  EXPECT_THAT(message(part(0, 1, 5)),
              HasSubstr("\"split.tensors.count\": expected 5 tensors in all parts, found 0"));
  write_parts(folder, 3);
  EXPECT_THAT(read_error(folder.path() / "m-00001-of-00002.gguf").message,
              HasSubstr("expected 3 tensors in all parts, found 2"));
}

TEST(ReadGguf, RefusesPartsOutsideTheFolder) {
  const TemporaryDirectory folder;
  const TemporaryDirectory elsewhere;
  write_parts(folder);
  const fs::path second = folder.path() / "m-00002-of-00002.gguf";
  const fs::path target = elsewhere.path() / "x.gguf";
  fs::copy_file(second, target);
  fs::remove(second);
  fs::create_symlink(target, second);
  EXPECT_THAT(read_error(folder.path() / "m-00001-of-00002.gguf").message,
              HasSubstr("found a symlink to"));
}

TEST(ReadGguf, NamesWhatCannotBeRead) {
  const TemporaryDirectory folder;
  EXPECT_EQ(read_error(folder.path()).code, ErrorCode::kCorruptFile);
  EXPECT_EQ(read_error(folder.path() / "absent.gguf").code, ErrorCode::kIo);
  EXPECT_THAT(read_error(folder.path()).message, HasSubstr("found a directory"));
}

std::string repeated(int count, const std::string& piece) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += piece;
  }
  return text;
}

TEST(GgufMemory, StaysBelowFourTimesTheFile) {
  constexpr int kMany = 200'000;
  GgufBuilder tensors;
  tensors.pad_to(8).number("general.alignment", 8U);
  for (int i = 0; i < kMany; ++i) {
    tensors.tensor(fmt::format("{:x}", (std::int64_t{i} * 40'503) % 1'048'576), {}, kI8, "x");
  }
  GgufBuilder keys;
  for (int i = 0; i < 16'384; ++i) {
    keys.number(fmt::format("{:x}", i), std::uint8_t{1});
  }
  const std::vector<std::pair<const char*, std::string>> files = {
      {"tensors", tensors.build()},
      {"keys", keys.build()},
      {"empty strings",
       GgufBuilder().raw_array("k", 8, kMany, repeated(kMany, gguf_string(""))).build()},
      {"short strings",
       GgufBuilder()
           .raw_array("k", 8, kMany, repeated(kMany, gguf_string("sixteen letters.")))
           .build()},
      {"one string", GgufBuilder().text("k", std::string(8 * kMiB, 'x')).build()},
      {"booleans", GgufBuilder().raw_array("k", 7, kMiB, std::string(kMiB, '\1')).build()},
  };
  const TemporaryDirectory folder;
  for (const auto& [name, file] : files) {
    const fs::path path = folder.write("m.gguf", file);
    Thrown thrown;
    const std::int64_t peak = peak_allocation_of([&] { thrown = read_error(path); });
    EXPECT_EQ(thrown.code, std::nullopt) << name << ": " << thrown.message;
    EXPECT_LE(peak, 4 * std::ssize(file) + 8 * kMiB) << name;
  }
}

TEST(GgufMemory, TakesLittleForCountsThatTheFileDoesNotHold) {
  const TemporaryDirectory folder;
  for (const std::uint64_t count : {std::uint64_t{200'000}, std::uint64_t{1} << 40,
                                    std::uint64_t{1} << 61, ~std::uint64_t{0}}) {
    for (const std::uint32_t type : {0U, 5U, 7U, 8U, 12U}) {
      const auto array = folder.write(
          "a.gguf", GgufBuilder().raw_array("k", type, count, std::string(100, '\0')).build());
      EXPECT_LE(peak_allocation_of([&] { read_error(array); }), kMiB) << count << " " << type;
    }
    const auto text =
        folder.write("t.gguf", GgufBuilder().raw_key("k", 8, number_bytes(count)).build());
    const auto tensors = folder.write("c.gguf", GgufBuilder().claim_tensors(count).build());
    EXPECT_LE(peak_allocation_of([&] { read_error(text); }), kMiB) << count;
    EXPECT_LE(peak_allocation_of([&] { read_error(tensors); }), kMiB) << count;
  }
}

}  // namespace
}  // namespace minimax::io
