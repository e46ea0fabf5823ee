// SPDX-License-Identifier: Apache-2.0
#include "io/gguf_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "io/checkpoint_reader.h"
#include "io/gguf.h"
#include "minimax/error.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

using minimax::testing::GgufBuilder;
using minimax::testing::TemporaryDirectory;
using ::testing::HasSubstr;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

GgufWriter::Keys every_kind() {
  return {{"a.u8", std::uint8_t{200}},
          {"a.i32", std::int32_t{-5}},
          {"a.f32", 0.5F},
          {"a.flag", true},
          {"a.text", std::string("a \xC3\xA9")},
          {"a.texts", GgufArray(std::vector<std::string>{"x", ""})},
          {"a.flags", GgufArray(std::vector<bool>{true, false})},
          {"a.i64", std::int64_t{-7}},
          {"a.f64", 0.25}};
}

TEST(GgufWriter, WritesWhatTheTestBuilderWrites) {
  const TemporaryDirectory directory;
  const std::string row(34, 'r');
  GgufWriter writer(
      directory.path() / "m.gguf",
      {{.name = "one", .format = quant::Format::kQ8_0, .shape = tensor::Shape({2, 32})},
       {.name = "two", .format = quant::Format::kF32, .shape = tensor::Shape({3})}},
      every_kind());
  writer.append(0, bytes_of(row));
  writer.append(1, bytes_of("0123456789ab"));
  writer.append(0, bytes_of(row));
  writer.commit();
  GgufBuilder expected;
  expected.number<std::uint8_t>("a.u8", 200)
      .number<std::int32_t>("a.i32", -5)
      .number<float>("a.f32", 0.5F)
      .number<bool>("a.flag", true)
      .text("a.text", "a \xC3\xA9")
      .texts("a.texts", {"x", ""})
      .raw_array("a.flags", 7, 2, std::string_view("\1\0", 2))
      .number<std::int64_t>("a.i64", -7)
      .number<double>("a.f64", 0.25)
      .tensor("one", {2, 32}, 8, row + row)
      .tensor("two", {3}, 0, "0123456789ab");
  EXPECT_EQ(read_all(directory.path() / "m.gguf"), expected.build());
}

TEST(GgufWriter, WritesWhatTheReaderReads) {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory.path() / "m.gguf";
  GgufWriter writer(path,
                    {{.name = "t", .format = quant::Format::kBF16, .shape = tensor::Shape({2, 3})}},
                    every_kind());
  writer.append(0, bytes_of("0123456789ab"));
  EXPECT_FALSE(std::filesystem::exists(path));
  writer.commit();
  const GgufModel model = read_gguf(path);
  EXPECT_EQ(model.metadata.values().size(), every_kind().size());
  EXPECT_EQ(*model.metadata.string("a.text"), "a \xC3\xA9");
  const TensorEntry& entry = model.checkpoint.require("t");
  EXPECT_EQ(entry.dtype, tensor::DType::kBF16);
  EXPECT_EQ(entry.shape, tensor::Shape({2, 3}));
  std::string data(12, ' ');
  CheckpointReader(model.checkpoint).read(entry, std::as_writable_bytes(std::span(data)));
  EXPECT_EQ(data, "0123456789ab");
}

TEST(GgufWriter, RefusesWhatTheReaderWouldRefuse) {
  const TemporaryDirectory directory;
  const auto message_of = [&](const GgufTensorPlan& plan, const GgufWriter::Keys& keys) {
    return minimax::testing::thrown_by(
               [&] { const GgufWriter writer(directory.path() / "m.gguf", {plan}, keys); })
        .message;
  };
  const GgufTensorPlan good{
      .name = "t", .format = quant::Format::kF32, .shape = tensor::Shape({4})};
  EXPECT_THAT(
      message_of({.name = "t", .format = quant::Format::kNF4, .shape = tensor::Shape({64})}, {}),
      HasSubstr("expected a format of GGUF"));
  EXPECT_THAT(
      message_of({.name = "t", .format = quant::Format::kQ4_0, .shape = tensor::Shape({33})}, {}),
      HasSubstr("33"));
  EXPECT_THAT(
      message_of(
          {.name = "t", .format = quant::Format::kF32, .shape = tensor::Shape({1, 1, 1, 1, 1})},
          {}),
      HasSubstr("n_dimensions"));
  EXPECT_THAT(message_of(good, {{"k", true}, {"k", true}}), HasSubstr("appears twice"));
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(GgufWriter, LeavesNothingBehindWithoutACommit) {
  const TemporaryDirectory directory;
  {
    GgufWriter writer(directory.path() / "m.gguf",
                      {{.name = "t", .format = quant::Format::kF32, .shape = tensor::Shape({1})}},
                      {});
    EXPECT_TRUE(std::filesystem::exists(writer.temporary_path()));
    EXPECT_THROW(writer.commit(), Error);
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

}  // namespace
}  // namespace minimax::io
