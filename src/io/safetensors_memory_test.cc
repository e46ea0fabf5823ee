// SPDX-License-Identifier: Apache-2.0
// A small file must not make the reader take much memory.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "tests/support/allocation_meter.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

using minimax::testing::length_bytes;
using minimax::testing::peak_allocation_of;
using minimax::testing::safetensors_file;
using minimax::testing::TemporaryDirectory;
using minimax::testing::thrown_by;

constexpr std::int64_t kMiB = 1 << 20;

std::int64_t peak_of_reading(const std::filesystem::path& model) {
  return peak_allocation_of([&] { thrown_by([&] { read_safetensors(model); }); });
}

std::string repeated(int count, const auto& piece) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += i == 0 ? "" : ",";
    text += piece(i);
  }
  return text;
}

// One expression for all: gcc 12 warns wrongly of overlaps where strings are added up.
std::string join(std::string_view begin, std::string_view middle, std::string_view end) {
  return fmt::format("{}{}{}", begin, middle, end);
}

struct Hostile {
  const char* name;
  std::string file;
};

std::vector<Hostile> hostile_files() {
  const auto scattered = [](int i) {
    return fmt::format(R"("{:x}":{{"dtype":"U8","shape":[],"data_offsets":[{},{}]}})",
                       (std::int64_t{i} * 40503) % 500'000, i, i + 1);
  };
  const auto key = [](int i) { return fmt::format(R"("{:x}":"")", i); };
  const std::string many(4'000'000, '{');
  const std::string deep(4'000'000, '[');
  const std::string data(500'000, 'x');
  return {
      {"tensors", safetensors_file(join("{", repeated(500'000, scattered), "}"), data)},
      {"metadata", safetensors_file(join(R"({"__metadata__":{)", repeated(200'000, key), "}}"))},
      {"braces", safetensors_file(join(R"({"__metadata__":{"a":")", many, "\"}}"))},
      {"brackets", safetensors_file(join("{", deep, ""))},
      {"one name", safetensors_file(join("{\"", many, "\":1}"))},
      {"spaces", safetensors_file(join("{}", std::string(4'000'000, ' '), ""))},
  };
}

TEST(SafetensorsMemory, StaysBelowFourTimesTheFile) {
  const TemporaryDirectory folder;
  for (const Hostile& hostile : hostile_files()) {
    const std::filesystem::path path = folder.write("model.safetensors", hostile.file);
    const std::int64_t peak = peak_of_reading(path);
    EXPECT_LE(peak, 4 * std::ssize(hostile.file) + 8 * kMiB) << hostile.name;
    EXPECT_GE(peak, std::ssize(hostile.file) / 2) << hostile.name;  // the header was read
  }
}

TEST(SafetensorsMemory, TakesLittleBeforeTheLengthIsChecked) {
  const TemporaryDirectory folder;
  for (const std::uint64_t length : {std::uint64_t{99'999'999}, std::uint64_t{1} << 62}) {
    const auto path = folder.write("model.safetensors", length_bytes(length) + "{\"a\":");
    EXPECT_LE(peak_of_reading(path), kMiB) << length;
  }
}

TEST(SafetensorsMemory, StaysBelowFourTimesTheIndex) {
  const TemporaryDirectory folder;
  const auto item = [](int i) { return fmt::format(R"("{:x}":"a")", i); };
  const auto many_shards = [](int i) { return fmt::format(R"("{0:x}":"{0:x}")", i); };
  const std::string colons(4'000'000, ':');
  for (const std::string& items :
       {repeated(500'000, item), repeated(200'000, many_shards), join("\"a\":\"", colons, "\"")}) {
    const std::string text = join(R"({"weight_map":{)", items, "}}");
    folder.write("model.safetensors.index.json", text);
    EXPECT_LE(peak_of_reading(folder.path()), 4 * std::ssize(text) + 4 * kMiB)
        << items.substr(0, 20);
  }
}

}  // namespace
}  // namespace minimax::io
