// SPDX-License-Identifier: Apache-2.0
// The rules of the format, on files in memory. The names F1 to F16 group the kinds of bad input.
#include "io/safetensors_header.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "io/safetensors.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

using minimax::testing::length_bytes;
using minimax::testing::safetensors_file;
using minimax::testing::SafetensorsBuilder;
using minimax::testing::Thrown;
using minimax::testing::thrown_by;
using ::testing::HasSubstr;

Thrown parse(const std::string& file) {
  return thrown_by([&] { parse_safetensors(file, "m.safetensors"); });
}

struct BadFile {
  const char* name;
  std::string file;
  const char* message;  // a part of it
};

std::ostream& operator<<(std::ostream& out, const BadFile& bad) { return out << bad.name; }

class BadSafetensors : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadSafetensors, IsRefusedByName) {
  const Thrown thrown = parse(GetParam().file);
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message, HasSubstr("m.safetensors"));
  EXPECT_THAT(thrown.message, HasSubstr(GetParam().message));
}

std::string with_length(std::uint64_t length) {
  return length_bytes(length) + R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}} x)";
}

// A file of one U8 tensor, its entry replaced; the data has `data_bytes` bytes.
std::string entry(const std::string& fields, std::size_t data_bytes = 4) {
  return safetensors_file(fmt::format(R"({{"a":{{{}}}}})", fields), std::string(data_bytes, 'x'));
}

std::string shaped(const std::string& shape) {
  return entry(fmt::format(R"("dtype":"U8","shape":{},"data_offsets":[0,4])", shape));
}

std::string offsets(const std::string& value) {
  return entry(fmt::format(R"("dtype":"U8","shape":[4],"data_offsets":{})", value));
}

std::string typed(const std::string& dtype) {
  return entry(fmt::format(R"("dtype":{},"shape":[4],"data_offsets":[0,4])", dtype));
}

// Two tensors of two bytes each at the given places of `data_bytes` bytes.
std::string two(int begin_a, int begin_b, std::size_t data_bytes = 4) {
  return safetensors_file(
      fmt::format(R"({{"a":{{"dtype":"U8","shape":[2],"data_offsets":[{},{}]}},)"
                  R"("b":{{"dtype":"U8","shape":[2],"data_offsets":[{},{}]}}}})",
                  begin_a, begin_a + 2, begin_b, begin_b + 2),
      std::string(data_bytes, 'x'));
}

const std::string kGood = R"("dtype":"U8","shape":[4],"data_offsets":[0,4])";

INSTANTIATE_TEST_SUITE_P(
    F1Short, BadSafetensors,
    ::testing::Values(BadFile{"Empty", "", "not a safetensors file"},
                      BadFile{"SevenBytes", "1234567", "not a safetensors file"},
                      BadFile{"OnlyLength", length_bytes(2), "not a safetensors file"}));

INSTANTIATE_TEST_SUITE_P(
    F2HeaderLength, BadSafetensors,
    ::testing::Values(BadFile{"Zero", with_length(0), "found a length of 0"},
                      BadFile{"One", with_length(1), "found a length of 1"},
                      BadFile{"TwoTo63", with_length(1ULL << 63), "not a safetensors file"},
                      BadFile{"AllOnes", with_length(~0ULL), "not a safetensors file"},
                      BadFile{"FileMinusSeven", with_length(with_length(0).size() - 7),
                              "not a safetensors file"},
                      BadFile{"OverLimit", with_length(100'000'001), "found a length of 100000001"},
                      BadFile{"CutsIntoHeader", with_length(20), "at byte"}));

INSTANTIATE_TEST_SUITE_P(
    F3HeaderText, BadSafetensors,
    ::testing::Values(
        BadFile{"SpaceFirst", safetensors_file(" {}"), "begins with '{'"},
        BadFile{"Array", safetensors_file("[]"), "begins with '{'"},
        BadFile{"Bom", safetensors_file("\xef\xbb\xbf{}"), "begins with '{'"},
        BadFile{"Utf16", safetensors_file(std::string("{\0}\0", 4)), "expected a string"},
        BadFile{"InvalidUtf8", safetensors_file("{\"\xc3(\":1}"), "not UTF-8"},
        BadFile{"NulInName", safetensors_file(std::string("{\"a\0b\":1}", 9)), "control character"},
        BadFile{"NulBehind", safetensors_file(std::string("{}\0", 3)), "only spaces"},
        BadFile{"NewlineBehind", safetensors_file("{}\n"), "only spaces"},
        BadFile{"GarbageBehind", safetensors_file("{} x"), "only spaces"},
        BadFile{"SecondObject", safetensors_file("{}{}"), "only spaces"},
        BadFile{"Unclosed", safetensors_file("{\"a\""), "expected ':'"}));

INSTANTIATE_TEST_SUITE_P(
    F4Duplicates, BadSafetensors,
    ::testing::Values(
        BadFile{"Tensor",
                safetensors_file(fmt::format(R"({{"a":{{{0}}},"a":{{{0}}}}})", kGood), "xxxx"),
                "\"a\" appears twice"},
        BadFile{"TensorBehindEscape",
                safetensors_file(fmt::format(R"({{"a":{{{0}}},"\u0061":{{{0}}}}})", kGood), "xxxx"),
                "\"a\" appears twice"},
        BadFile{"KeyOfEntry", entry(R"("dtype":"U8",)" + kGood), "\"a\": dtype: appears twice"},
        BadFile{"OtherKeyOfEntry", entry(R"("x":1,)" + kGood), "found \"x\""},
        BadFile{"MissingKey", entry(R"("dtype":"U8","shape":[4])"),
                "dtype, shape and data_offsets"},
        BadFile{"Metadata", safetensors_file(R"({"__metadata__":{},"__metadata__":{}})"),
                "appears twice"},
        BadFile{"MetadataKey", safetensors_file(R"({"__metadata__":{"k":"1","k":"2"}})"),
                "\"k\" appears twice"},
        BadFile{"MetadataNumber", safetensors_file(R"({"__metadata__":{"k":1}})"),
                "\"__metadata__\": expected a string, found 1"},
        BadFile{"MetadataNested", safetensors_file(R"({"__metadata__":{"k":{}}})"),
                "\"__metadata__\": expected a string"},
        BadFile{"MetadataTooLong",
                safetensors_file(R"({"__metadata__":{"k":")" + std::string(4 << 20, 'v') + "\"}}"),
                "at most 4194304 bytes"},
        BadFile{"MetadataNull", safetensors_file(R"({"__metadata__":null})"),
                "expected an object"}));

INSTANTIATE_TEST_SUITE_P(
    F5Names, BadSafetensors,
    ::testing::Values(
        BadFile{"Deep", safetensors_file(R"({"a":)" + std::string(100'000, '[')),
                "expected an object"},
        BadFile{"DeepShape", shaped(std::string(100'000, '[')), "expected an integer"},
        BadFile{"Long", safetensors_file("{\"" + std::string(1'000'000, 'n') + "\":{}}"),
                "expected at most 1024 bytes, found 1000000"},
        BadFile{"Parent", safetensors_file(R"({"../a":{}})"), "\"..\""},
        BadFile{"InnerParent", safetensors_file(R"({"a/../b":{}})"), "\"..\""},
        BadFile{"Newline", safetensors_file(R"({"a\nb":{}})"), "\"a\\nb\""},
        BadFile{"Escape", safetensors_file(R"({"\u001b[2J":{}})"), "\"\\x1b[2J\""}));

INSTANTIATE_TEST_SUITE_P(
    F6Type, BadSafetensors,
    ::testing::Values(BadFile{"Unknown", typed("\"FP8\""), "dtype: expected the name"},
                      BadFile{"LowerCase", typed("\"u8\""), "found \"u8\""},
                      BadFile{"Empty", typed("\"\""), "dtype"},
                      BadFile{"Number", typed("1"), "dtype: expected a string"},
                      BadFile{"Null", typed("null"), "dtype: expected a string"}));

INSTANTIATE_TEST_SUITE_P(
    F7Shape, BadSafetensors,
    ::testing::Values(
        BadFile{"Negative", shaped("[-1]"), "shape: expected an integer from 0"},
        BadFile{"Float", shaped("[4.0]"), "shape: expected an integer from 0"},
        BadFile{"Exponent", shaped("[1e30]"), "shape: expected an integer from 0"},
        BadFile{"String", shaped("[\"4\"]"), "shape: expected an integer from 0"},
        BadFile{"NotAnArray", shaped("4"), "shape: expected an array"},
        BadFile{"Rank9", shaped("[1,1,1,1,1,1,1,1,4]"), "at most 8 axes"},
        BadFile{"Rank100", shaped("[1" + fmt::format("{:,<200}", "") + "]"), "shape"},
        BadFile{"TooLarge", shaped("[18446744073709551616]"), "shape: expected an integer"},
        BadFile{"ProductTwoTo64", shaped("[4294967296,4294967296]"), "less than 2^63 elements"},
        BadFile{"ProductWrapsToFour", shaped("[4611686018427387905,4]"), "less than 2^63 elements"},
        BadFile{"BytesWrap",
                entry(R"("dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0])"),
                "less than 2^63 bytes"},
        BadFile{"Rank0NeedsOneElement", shaped("[]"), "expected 1 bytes for U8 [], found 4"},
        BadFile{"EmptyNeedsNoBytes", shaped("[4,0]"), "expected 0 bytes"}));

INSTANTIATE_TEST_SUITE_P(
    F8Offsets, BadSafetensors,
    ::testing::Values(
        BadFile{"Swapped", offsets("[4,0]"), "ascending order"},
        BadFile{"One", offsets("[4]"), "two offsets"},
        BadFile{"Three", offsets("[0,4,8]"), "two offsets"},
        BadFile{"Negative", offsets("[-4,0]"), "data_offsets: expected an integer"},
        BadFile{"NotFromZero", entry(R"("dtype":"U8","shape":[3],"data_offsets":[1,4])"),
                "expected to begin at 0"},
        BadFile{"WrongSize", offsets("[0,3]"), "expected 4 bytes for U8 [4], found 3"},
        BadFile{"BeyondEnd", entry(R"("dtype":"U8","shape":[5],"data_offsets":[0,5])"),
                "cut short"},
        BadFile{"HugeBeyondEnd",
                entry(R"("dtype":"U8","shape":[9223372036854775807],)"
                      R"("data_offsets":[0,9223372036854775807])"),
                "cut short"},
        BadFile{"LastBeginsJustBelowTwoTo63",
                safetensors_file(
                    R"({"a":{"dtype":"U8","shape":[9223372036854775806],)"
                    R"("data_offsets":[0,9223372036854775806]},"b":{"dtype":"U8","shape":[1],)"
                    R"("data_offsets":[9223372036854775806,9223372036854775807]}})"),
                "cut short"},
        BadFile{"Overlap", two(0, 1, 3), "overlap"}, BadFile{"SamePlace", two(0, 0, 2), "overlap"},
        BadFile{"Hole", two(0, 3, 5), "a hole"}, BadFile{"HoleFirst", two(1, 3, 5), "a hole"},
        BadFile{"BytesBehind", two(0, 2, 5), "behind the last tensor"},
        BadFile{"OnlyData", safetensors_file("{}", "x"), "behind the last tensor"}));

INSTANTIATE_TEST_SUITE_P(
    F16OtherFiles, BadSafetensors,
    ::testing::Values(
        BadFile{"Pickle", std::string("\x80\x02}q\0(X\0\0", 9), "a Python pickle"},
        BadFile{"Zip", std::string("PK\x03\x04\x14\0\0\0\x08\0\0\0", 12), "PyTorch .bin"},
        BadFile{"Gguf", std::string("GGUF\x03\0\0\0\x10\0\0\0", 12), "a GGUF file"},
        BadFile{"Lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
                "git lfs pull"},
        BadFile{"Html", "\n<!DOCTYPE html><html><body>Not found</body></html>", "a web page"},
        BadFile{"Xml", "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
                "a web page"},
        BadFile{"Json", R"({"error":"Repository not found"})", "JSON text"},
        BadFile{"Zeros", std::string(4096, '\0'), "unfinished download"}));

TEST(Safetensors, NamesTheTypesItDoesNotSupport) {
  for (const char* dtype : {"F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "C64"}) {
    const Thrown thrown = parse(typed(fmt::format("\"{}\"", dtype)));
    EXPECT_EQ(thrown.code, ErrorCode::kUnsupported) << dtype;
    EXPECT_THAT(thrown.message,
                HasSubstr(fmt::format("m.safetensors: \"a\": element type {} is not", dtype)));
  }
}

TEST(Safetensors, AcceptsWhatTheFormatAllows) {
  const std::string file = SafetensorsBuilder()
                               .metadata("format", "pt")
                               .metadata("note", "\\u00e9")
                               .tensor("z", "F32", {2, 1}, std::string(8, 'z'))
                               .tensor("scalar", "BF16", {}, "ab")
                               .tensor("empty", "F64", {3, 0, 2}, "")
                               .tensor("a/b\\u00e9", "F8_E4M3", {1, 1, 1, 1, 1, 1, 1, 1}, "e")
                               .build();
  const Checkpoint checkpoint = parse_safetensors(file, "m");
  EXPECT_EQ(checkpoint.metadata.at("note"), "\u00e9");
  ASSERT_EQ(checkpoint.tensors.size(), 4u);
  const TensorEntry& scalar = checkpoint.require("scalar");
  EXPECT_EQ(scalar.shape.rank(), 0);
  EXPECT_EQ(file.substr(static_cast<std::size_t>(scalar.offset), 2), "ab");
  EXPECT_EQ(checkpoint.require("empty").bytes, 0);
  EXPECT_EQ(checkpoint.require("a/b\u00e9").shape.rank(), 8);
  EXPECT_EQ(checkpoint.find("b"), nullptr);
  EXPECT_THAT(thrown_by([&] { checkpoint.require("b"); }).message, HasSubstr("\"b\""));
}

TEST(Safetensors, AcceptsAnyOrderOfEntriesAndPadding) {
  const Checkpoint checkpoint = parse_safetensors(
      safetensors_file("{ \"b\" :\n{\"data_offsets\":[2,4],\"shape\":[2],\"dtype\":\"U8\"},\"a\":"
                       "{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}      ",
                       "AABB"),
      "m");
  EXPECT_LT(checkpoint.require("a").offset, checkpoint.require("b").offset);
  EXPECT_TRUE(parse_safetensors(safetensors_file("{}"), "m").tensors.empty());
}

TEST(Safetensors, RefusesEveryTruncationAndAnyByteBehind) {
  SafetensorsBuilder builder;
  for (int i = 0; i < 20; ++i) {
    builder.tensor(fmt::format("layer.{}", i), "BF16", {4, 8}, std::string(64, 'x'));
  }
  const std::string file = builder.build();
  ASSERT_FALSE(parse(file).code.has_value());
  for (std::size_t length = 0; length < file.size(); ++length) {
    ASSERT_EQ(parse(file.substr(0, length)).code, ErrorCode::kCorruptFile) << length;
  }
  EXPECT_EQ(parse(file + "x").code, ErrorCode::kCorruptFile);
}

// A file may be refused; one that is accepted must be consistent.
void expect_refused_or_inside(const std::string& file) {
  Checkpoint checkpoint;
  if (thrown_by([&] { checkpoint = parse_safetensors(file, "m"); }).code) {
    return;
  }
  for (const TensorEntry& tensor : checkpoint.tensors) {
    const std::int64_t file_bytes = checkpoint.file_of(tensor).bytes;
    EXPECT_EQ(tensor.bytes, tensor.shape.elements() * tensor::dtype_bytes(tensor.dtype));
    EXPECT_GE(tensor.offset, kHeaderLengthBytes);
    EXPECT_LE(tensor.offset, file_bytes);
    EXPECT_LE(tensor.bytes, file_bytes - tensor.offset);
  }
}

// Every number of a header becomes every troublesome number; what is still accepted must lie
// inside the file.
TEST(Safetensors, SurvivesEveryIntegerFieldChanged) {
  const std::vector<std::string> troublesome = {"0",
                                                "1",
                                                "2147483647",
                                                "2147483648",
                                                "2147483649",
                                                "4294967295",
                                                "4294967296",
                                                "4294967297",
                                                "9223372036854775807",
                                                "9223372036854775808",
                                                "-1",
                                                "1e3",
                                                "18446744073709551615"};
  const std::string header = SafetensorsBuilder()
                                 .tensor("a", "F32", {2, 3}, std::string(24, 'x'))
                                 .tensor("b", "U8", {0, 5}, "")
                                 .tensor("c", "I64", {1}, std::string(8, 'x'))
                                 .header();
  const auto is_digit = [&](std::size_t i) { return header[i] >= '0' && header[i] <= '9'; };
  for (std::size_t begin = 0; begin < header.size(); ++begin) {
    if (!is_digit(begin) || header[begin - 1] == 'F' || is_digit(begin - 1)) {
      continue;
    }
    std::size_t end = begin;
    while (is_digit(end)) {
      ++end;
    }
    for (const std::string& number : troublesome) {
      const std::string changed = header.substr(0, begin) + number + header.substr(end);
      expect_refused_or_inside(safetensors_file(changed, std::string(32, 'x')));
    }
  }
}

TEST(Safetensors, SurvivesRandomDamage) {
  const std::string file = SafetensorsBuilder()
                               .metadata("format", "pt")
                               .tensor("a", "F32", {2, 3}, std::string(24, 'x'))
                               .tensor("b\\u00e9", "BF16", {4}, std::string(8, 'x'))
                               .build();
  std::mt19937 random(1);
  for (int trial = 0; trial < 20'000; ++trial) {
    std::string damaged = file;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    expect_refused_or_inside(damaged);
  }
}

std::string many_empty_tensors(int count) {
  std::string header = "{";
  for (int i = 0; i < count; ++i) {
    // Multiplying by an odd number scatters the names, which costs the sort more.
    header += fmt::format(R"({}"{:x}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
                          i == 0 ? "" : ",", (static_cast<unsigned>(i) * 2654435761U) & 0xfffff);
  }
  return safetensors_file(header + "}");
}

double seconds_of(const auto& action) {
  const std::clock_t begin = std::clock();
  action();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

TEST(Safetensors, ReadsAMillionTensorsAndRefusesMore) {
  const std::string most = many_empty_tensors(1'000'000);
  // The aim is 1 s of an optimised build; sanitizers cost up to ten times as much.
  EXPECT_LT(seconds_of([&] { EXPECT_EQ(parse_safetensors(most, "m").tensors.size(), 1'000'000u); }),
            10.0);
  EXPECT_THAT(parse(many_empty_tensors(1'000'001)).message,
              HasSubstr("expected at most 1000000 tensors"));
}

}  // namespace
}  // namespace minimax::io
