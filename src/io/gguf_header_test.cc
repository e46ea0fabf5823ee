// SPDX-License-Identifier: Apache-2.0
// The rules of the format, on files in memory.
#include "io/gguf_header.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "io/gguf.h"
#include "quant/format.h"
#include "tests/support/gguf_builder.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

using minimax::testing::gguf_string;
using minimax::testing::GgufBuilder;
using minimax::testing::number_bytes;
using minimax::testing::Thrown;
using minimax::testing::thrown_by;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kQ4_0 = 2;
constexpr std::uint32_t kQ6_K = 14;
constexpr std::uint32_t kI8 = 24;

Thrown parse(const std::string& file) {
  return thrown_by([&] { parse_gguf(file, "m.gguf"); });
}

struct BadFile {
  const char* name;
  std::string file;
  const char* message;  // a part of it
  ErrorCode code = ErrorCode::kCorruptFile;
};

std::ostream& operator<<(std::ostream& out, const BadFile& bad) { return out << bad.name; }

std::string bad_name(const ::testing::TestParamInfo<BadFile>& info) { return info.param.name; }

class BadGguf : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadGguf, IsRefusedByName) {
  const Thrown thrown = parse(GetParam().file);
  EXPECT_EQ(thrown.code, GetParam().code) << thrown.message;
  EXPECT_THAT(thrown.message, HasSubstr("m.gguf: "));
  EXPECT_THAT(thrown.message, HasSubstr(GetParam().message));
}

// Two tensors of 16 bytes, padded to 32, and a key.
GgufBuilder good() {
  return GgufBuilder()
      .text("general.architecture", "minimax-01")
      .tensor("a", {4}, kF32, std::string(16, 'a'))
      .tensor("b", {2, 2}, kF32, std::string(16, 'b'));
}

std::string key(std::uint32_t type, std::string_view value) {
  return GgufBuilder().raw_key("k", type, value).build();
}

std::string array(std::uint32_t type, std::uint64_t count, std::string_view elements) {
  return GgufBuilder().raw_array("k", type, count, elements).build();
}

std::string shaped(const std::vector<std::uint64_t>& shape, std::uint32_t type = kF32) {
  return GgufBuilder().tensor("t", shape, type, std::string(16, 'x')).build();
}

// A file whose second tensor, of 16 bytes, claims that offset.
std::string second_at(std::uint64_t offset) {
  return GgufBuilder()
      .entry("a", {4}, kF32, 0)
      .entry("b", {4}, kF32, offset)
      .data(std::string(128, 'x'))
      .build();
}

std::string with_alignment(std::uint32_t alignment) {
  return GgufBuilder().number("general.alignment", alignment).build();
}

std::string big_endian() {
  return std::string("GGUF").append(std::string("\0\0\0\3", 4)).append(40, '\0');
}

std::string replaced(std::string file, std::size_t at, std::string_view bytes) {
  return file.replace(at, bytes.size(), bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Start, BadGguf,
    ::testing::Values(BadFile{"Empty", "", "not a GGUF file: expected at least 24 bytes, found 0"},
                      BadFile{"RawBytes", "\xff\x80\xc3(" + good().build().substr(4),
                              "expected the magic \"GGUF\", found \"\\xff\\x80\\xc3(\""},
                      BadFile{"ShortHeader", good().build().substr(0, 23), "not a GGUF file"},
                      BadFile{"OtherMagic", replaced(good().build(), 0, "GGML"), "found \"GGML\""},
                      BadFile{"Zip", replaced(good().build(), 0, "PK\x03\x04"), "a zip archive"},
                      BadFile{"VersionZero", GgufBuilder().version(0).build(),
                              "expected 2 or 3, found 0", ErrorCode::kUnsupported},
                      BadFile{"VersionOne", GgufBuilder().version(1).build(),
                              "expected 2 or 3, found 1", ErrorCode::kUnsupported},
                      BadFile{"VersionFour", GgufBuilder().version(4).build(),
                              "expected 2 or 3, found 4", ErrorCode::kUnsupported},
                      BadFile{"BigEndian", big_endian(), "version: expected a little-endian file",
                              ErrorCode::kUnsupported}),
    bad_name);

INSTANTIATE_TEST_SUITE_P(
    Keys, BadGguf,
    ::testing::Values(
        BadFile{"Empty", GgufBuilder().number("", 1U).build(), "metadata: key: expected text"},
        BadFile{"Control", GgufBuilder().number("a\nb", 1U).build(), "found \"a\\nb\""},
        BadFile{"TooLong", GgufBuilder().number(std::string(1025, 'k'), 1U).build(),
                "key: expected a string of at most 1024 bytes, found 1025"},
        BadFile{"Twice", GgufBuilder().number("k", 1U).number("k", 2U).build(),
                "key \"k\": key: appears twice"},
        BadFile{"UnknownType", key(13, "xxxxxxxx"), "key \"k\": type: expected 0 to 12, found 13"},
        BadFile{"HugeType", key(~0U, "xxxxxxxx"), "found 4294967295"},
        BadFile{"CutNumber", GgufBuilder().raw_key("k", 10, "xxx").header(),
                "value: expected 8 of 1 bytes"},
        BadFile{"BooleanTwo", key(7, "\2"),
                "key \"k\": value: expected a boolean, 0 or 1, found 2"},
        BadFile{"StringLength", key(8, number_bytes(std::uint64_t{1000})), "expected 1000 of 1"},
        BadFile{"StringTwoTo63", key(8, number_bytes(std::uint64_t{1} << 63)),
                "key \"k\": value: expected 9223372036854775808 of 1"},
        BadFile{"StringAllOnes", key(8, number_bytes(~std::uint64_t{0})),
                "value: expected 18446744073709551615"},
        BadFile{"NestedArray", array(9, 1, number_bytes(0U) + number_bytes(std::uint64_t{0})),
                "element type: expected plain values, found arrays", ErrorCode::kUnsupported},
        BadFile{"ArrayType", array(13, 1, "x"), "element type: expected 0 to 12, found 13"},
        BadFile{"ArrayCount", array(5, 1000, "xxxx"), "key \"k\": elements: expected 1000 of 4"},
        BadFile{"ArrayTwoTo62", array(5, std::uint64_t{1} << 62, "xxxx"),
                "expected 4611686018427387904 of 4"},
        BadFile{"ArrayAllOnes", array(0, ~std::uint64_t{0}, "xxxx"), "elements: expected"},
        BadFile{"BooleansAllOnes", array(7, ~std::uint64_t{0}, "xxxx"), "elements: expected"},
        BadFile{"StringsAllOnes", array(8, ~std::uint64_t{0}, "xxxx"), "elements: expected"},
        BadFile{"StringInArray", array(8, 2, gguf_string("a") + number_bytes(~std::uint64_t{0})),
                "elements: expected"},
        BadFile{"BooleanInArray", array(7, 2, std::string("\1\3", 2)), "found 3"}),
    bad_name);

INSTANTIATE_TEST_SUITE_P(
    Counts, BadGguf,
    ::testing::Values(BadFile{"MoreKeys", good().claim_keys(3).build(), "m.gguf: "},
                      BadFile{"FewerKeys", good().claim_keys(0).build(), "m.gguf: "},
                      BadFile{"MoreTensors", good().claim_tensors(3).build(), "m.gguf: "},
                      BadFile{"FewerTensors", good().claim_tensors(1).build(), "m.gguf: "},
                      BadFile{"KeysBeyondFile", good().claim_keys(16'384).build(),
                              "metadata_kv_count: expected 16384 of 14"},
                      BadFile{"KeysBeyondLimit", good().claim_keys(16'385).build(),
                              "metadata_kv_count: expected at most 16384, found 16385"},
                      BadFile{"KeysAllOnes", good().claim_keys(~std::uint64_t{0}).build(),
                              "metadata_kv_count: expected at most"},
                      BadFile{"TensorsBeyondFile", good().claim_tensors(262'144).build(),
                              "tensor_count: expected 262144 of 25"},
                      BadFile{"TensorsBeyondLimit", good().claim_tensors(262'145).build(),
                              "tensor_count: expected at most 262144, found 262145"},
                      BadFile{"TensorsTwoTo63",
                              good().claim_tensors(std::uint64_t{1} << 63).build(),
                              "tensor_count: expected at most"},
                      BadFile{"TensorsWithoutData",
                              GgufBuilder().claim_tensors(3).data(std::string(96, 'x')).build(),
                              "tensor_count: expected at most 2 tensors in 104 bytes, found 3"}),
    bad_name);

INSTANTIATE_TEST_SUITE_P(
    Alignment, BadGguf,
    ::testing::Values(
        BadFile{"Zero", with_alignment(0), "key \"general.alignment\": value: expected a power"},
        BadFile{"Four", with_alignment(4), "from 8 to 65536, found 4"},
        BadFile{"NoPower", with_alignment(48), "found 48"},
        BadFile{"TooLarge", with_alignment(1U << 17), "found 131072"},
        BadFile{"Negative", GgufBuilder().number("general.alignment", -32).build(), "found -32"},
        BadFile{"AllOnes", GgufBuilder().number("general.alignment", ~std::uint64_t{0}).build(),
                "key \"general.alignment\": expected an integer below 2^63"},
        BadFile{"Text", GgufBuilder().text("general.alignment", "32").build(),
                "key \"general.alignment\": expected an integer, found string"}),
    bad_name);

INSTANTIATE_TEST_SUITE_P(
    Tensors, BadGguf,
    ::testing::Values(
        BadFile{"EmptyName", GgufBuilder().tensor("", {4}, kF32, "x").build(), "found an empty"},
        BadFile{"LongName", GgufBuilder().tensor(std::string(1025, 'n'), {4}, kF32, "x").build(),
                "tensor list: name: expected a string of at most 1024"},
        BadFile{"ControlInName", GgufBuilder().tensor("a\x1b", {4}, kF32, "x").build(),
                "control characters"},
        BadFile{"ParentInName", GgufBuilder().tensor("../a", {4}, kF32, "x").build(),
                "path component"},
        BadFile{"Twice", good().tensor("a", {4}, kF32, std::string(16, 'x')).build(),
                "tensor \"a\": name: appears twice"},
        BadFile{"FiveAxes", shaped({1, 1, 1, 1, 4}),
                "tensor \"t\": n_dimensions: expected at most 4, found 5"},
        BadFile{"ZeroExtent", shaped({4, 0}), "dimensions: expected extents from 1"},
        BadFile{"ExtentAllOnes", shaped({~std::uint64_t{0}}), "found 18446744073709551615"},
        BadFile{"ExtentTwoTo63", shaped({std::uint64_t{1} << 63}), "product below 2^63"},
        BadFile{"ProductOverflows", shaped({std::uint64_t{1} << 32, std::uint64_t{1} << 32}),
                "product below 2^63"},
        BadFile{"ProductWrapsToFour", shaped({(std::uint64_t{1} << 62) + 1, 4}),
                "product below 2^63"},
        BadFile{"BytesOverflow", shaped({std::uint64_t{1} << 62}), "fewer than 2^63 bytes"},
        BadFile{"BlockBytesOverflow", shaped({(std::uint64_t{1} << 63) - 32}, 3),
                "tensor \"t\": data: expected"},
        BadFile{"RemovedType", shaped({32}, 4), "found 4 (Q4_2)", ErrorCode::kUnsupported},
        BadFile{"OtherType", shaped({256}, 16), "found 16 (IQ2_XXS)", ErrorCode::kUnsupported},
        BadFile{"UnknownType", shaped({4}, 1000), "type: expected the number of a tensor type"},
        BadFile{"TypeAllOnes", shaped({4}, ~0U), "found 4294967295"},
        BadFile{"RowNotInBlocks", shaped({2, 16}, kQ4_0),
                "expected rows in blocks of 32 elements for q4_0, found rows of 16"},
        BadFile{"RowNotInLargeBlocks", shaped({32, 32}, kQ6_K),
                "expected rows in blocks of 256 elements for q6_k, found rows of 32"},
        BadFile{"ScalarInBlocks", shaped({}, kQ4_0), "found rows of 1"}),
    bad_name);

INSTANTIATE_TEST_SUITE_P(
    Data, BadGguf,
    ::testing::Values(
        BadFile{"Overlap", second_at(0), "tensor \"b\": offset: expected 32, behind"},
        BadFile{"OverlapInPadding", second_at(16), "offset: expected 32"},
        BadFile{"Hole", second_at(64), "offset: expected 32"},
        BadFile{"OffsetTwoTo63", second_at(std::uint64_t{1} << 63), "found 9223372036854775808"},
        BadFile{"OffsetAllOnes", second_at(~std::uint64_t{0}), "found 18446744073709551615"},
        BadFile{"NotFromZero", GgufBuilder().entry("a", {4}, kF32, 32).data("x").build(),
                "offset: expected 0"},
        BadFile{"BeyondFile", shaped({1024}), "tensor \"t\": data: expected 4096 bytes"},
        BadFile{"PartlyBeyondFile", shaped({16}), "tensor \"t\": data: expected bytes 64 to 128"},
        BadFile{"OneByteBehind", good().build() + "x", "data: expected an end at byte"},
        BadFile{"UnitBehind", good().data("x").build(), "data: expected an end at byte"},
        BadFile{"BytesBehindNoTensors", GgufBuilder().data("x").build(), "expected an end"}),
    bad_name);

TEST(ParseGguf, ReadsTensorsAsTheyAreStored) {
  const GgufModel model = parse_gguf(GgufBuilder()
                                         .tensor("q", {2, 64}, kQ4_0, std::string(72, 'q'))
                                         .tensor("f", {3, 2}, kF32, std::string(24, 'f'))
                                         .tensor("s", {}, kI8, "s")
                                         .build(),
                                     "m.gguf");
  const Checkpoint& checkpoint = model.checkpoint;
  ASSERT_EQ(checkpoint.tensors.size(), 3u);
  const TensorEntry& floats = checkpoint.require("f");
  EXPECT_EQ(floats.dtype, tensor::DType::kF32);
  EXPECT_EQ(floats.format, std::nullopt);
  EXPECT_EQ(floats.shape, tensor::Shape({3, 2}));
  EXPECT_EQ(floats.bytes, 24);
  const TensorEntry& blocks = checkpoint.require("q");
  EXPECT_EQ(blocks.dtype, tensor::DType::kU8);
  EXPECT_EQ(blocks.format, quant::Format::kQ4_0);
  EXPECT_EQ(blocks.shape, tensor::Shape({2, 64}));
  EXPECT_EQ(blocks.bytes, 72);
  EXPECT_EQ(floats.offset - blocks.offset, 96);  // 72 padded to a multiple of 32
  EXPECT_EQ(blocks.offset % 32, 0);
  EXPECT_EQ(checkpoint.require("s").shape.rank(), 0);
}

struct Typed {
  std::uint32_t type;
  std::uint64_t elements;
  std::size_t bytes;
};

TEST(ParseGguf, KnowsTheSizeOfEveryType) {
  constexpr std::array kTyped = {
      Typed{0, 1, 4},      Typed{1, 1, 2},      Typed{2, 32, 18},    Typed{3, 32, 20},
      Typed{6, 32, 22},    Typed{7, 32, 24},    Typed{8, 32, 34},    Typed{10, 256, 84},
      Typed{11, 256, 110}, Typed{12, 256, 144}, Typed{13, 256, 176}, Typed{14, 256, 210},
      Typed{20, 32, 18},   Typed{23, 256, 136}, Typed{24, 1, 1},     Typed{25, 1, 2},
      Typed{26, 1, 4},     Typed{27, 1, 8},     Typed{28, 1, 8},     Typed{30, 1, 2}};
  for (const Typed& typed : kTyped) {
    const std::string file =
        GgufBuilder()
            .tensor("t", {3, 2 * typed.elements}, typed.type, std::string(6 * typed.bytes, 'x'))
            .build();
    const GgufModel model = parse_gguf(file, "m.gguf");
    EXPECT_EQ(model.checkpoint.require("t").bytes, 6 * static_cast<std::int64_t>(typed.bytes))
        << typed.type;
    EXPECT_EQ(model.checkpoint.require("t").format.has_value(), typed.elements > 1) << typed.type;
  }
}

TEST(ParseGguf, GivesEveryTypeOfMetadata) {
  const GgufModel model = parse_gguf(GgufBuilder()
                                         .number("u8", std::uint8_t{200})
                                         .number("i8", std::int8_t{-2})
                                         .number("u16", std::uint16_t{60'000})
                                         .number("i16", std::int16_t{-3})
                                         .number("u32", 4'000'000'000U)
                                         .number("i32", -4)
                                         .number("u64", std::uint64_t{1} << 40)
                                         .number("i64", std::int64_t{-5})
                                         .number("f32", 0.5f)
                                         .number("f64", 0.25)
                                         .number("yes", true)
                                         .text("text", std::string("a\0b", 3))
                                         .texts("texts", {"a", "", "long enough for the heap"})
                                         .numbers<std::int32_t>("ints", {1, -1})
                                         .numbers<std::uint8_t>("bytes", {})
                                         .numbers<float>("floats", {1.5f, 2.5f})
                                         .numbers<bool>("flags", {true, false, true})
                                         .build(),
                                     "m.gguf");
  const GgufMetadata& metadata = model.metadata;
  EXPECT_EQ(metadata.values().size(), 17u);
  EXPECT_EQ(metadata.integer("u8"), 200);
  EXPECT_EQ(metadata.integer("i8"), -2);
  EXPECT_EQ(metadata.integer("u16"), 60'000);
  EXPECT_EQ(metadata.integer("i16"), -3);
  EXPECT_EQ(metadata.integer("u32"), 4'000'000'000);
  EXPECT_EQ(metadata.integer("i32"), -4);
  EXPECT_EQ(metadata.integer("u64"), std::int64_t{1} << 40);
  EXPECT_EQ(metadata.integer("i64"), -5);
  EXPECT_EQ(metadata.real("f32"), 0.5);
  EXPECT_EQ(metadata.real("f64"), 0.25);
  EXPECT_EQ(metadata.boolean("yes"), true);
  EXPECT_EQ(*metadata.string("text"), std::string("a\0b", 3));
  EXPECT_THAT(*metadata.strings("texts"), ElementsAre("a", "", "long enough for the heap"));
  EXPECT_THAT(*metadata.integers("ints"), ElementsAre(1, -1));
  EXPECT_THAT(*metadata.integers("bytes"), IsEmpty());
  EXPECT_THAT(*metadata.reals("floats"), ElementsAre(1.5, 2.5));
  EXPECT_THAT(*metadata.booleans("flags"), ElementsAre(true, false, true));
}

TEST(GgufMetadata, NamesWhatWasExpectedAndFound) {
  GgufMetadata metadata("m.gguf");
  metadata.insert("n", std::uint32_t{1});
  metadata.insert("t", std::string("x"));
  metadata.insert("a", GgufArray(std::vector<std::string>{"x"}));
  metadata.insert("big", ~std::uint64_t{0});
  const auto message = [](auto&& ask) { return thrown_by(ask).message; };
  EXPECT_EQ(message([&] { metadata.string("n"); }),
            "m.gguf: key \"n\": expected string, found uint32");
  EXPECT_EQ(message([&] { metadata.integer("t"); }),
            "m.gguf: key \"t\": expected an integer, found string");
  EXPECT_EQ(message([&] { metadata.integers("a"); }),
            "m.gguf: key \"a\": expected array of integers, found array of string");
  EXPECT_EQ(message([&] { metadata.reals("t"); }),
            "m.gguf: key \"t\": expected array of float32 or float64, found string");
  EXPECT_THAT(message([&] { metadata.integer("big"); }), HasSubstr("below 2^63"));
  EXPECT_EQ(metadata.integer("absent"), std::nullopt);
  EXPECT_EQ(metadata.strings("absent"), nullptr);
}

TEST(ParseGguf, AcceptsBothVersionsAndOtherAlignments) {
  for (const std::uint32_t version : {2U, 3U}) {
    EXPECT_EQ(parse(good().version(version).build()).code, std::nullopt);
  }
  for (const std::uint32_t alignment : {8U, 64U, 65'536U}) {
    const std::string file = GgufBuilder()
                                 .pad_to(alignment)
                                 .number("general.alignment", alignment)
                                 .tensor("a", {4}, kF32, std::string(16, 'a'))
                                 .tensor("b", {4}, kF32, std::string(16, 'b'))
                                 .build();
    const GgufModel model = parse_gguf(file, "m.gguf");
    EXPECT_EQ(model.checkpoint.require("b").offset % alignment, 0);
    EXPECT_EQ(file.at(static_cast<std::size_t>(model.checkpoint.require("b").offset)), 'b');
  }
}

TEST(ParseGguf, RefusesEveryTruncationOfItsContent) {
  const std::string file = good().build();
  for (std::size_t length = 0; length < file.size(); ++length) {
    const bool only_padding_is_cut = length >= file.size() - 16;
    EXPECT_EQ(parse(file.substr(0, length)).code.has_value(), !only_padding_is_cut) << length;
  }
}

// Every byte that holds part of an integer, replaced by values where arithmetic goes wrong.
TEST(ParseGguf, KeepsTensorsInsideTheFileWhateverItsIntegersAre) {
  const std::string file = good().numbers<std::int32_t>("n", {1, 2}).build();
  const std::vector<std::uint64_t> values = {0,
                                             1,
                                             (1ULL << 31) - 1,
                                             1ULL << 31,
                                             (1ULL << 31) + 1,
                                             (1ULL << 32) - 1,
                                             1ULL << 32,
                                             (1ULL << 32) + 1,
                                             (1ULL << 63) - 1,
                                             1ULL << 63,
                                             ~0ULL};
  for (std::size_t at = 4; at + 8 <= good().header().size(); ++at) {
    for (const std::uint64_t value : values) {
      const std::string changed = replaced(file, at, number_bytes(value));
      const Thrown thrown = thrown_by([&] {
        const GgufModel model = parse_gguf(changed, "m.gguf");
        for (const TensorEntry& entry : model.checkpoint.tensors) {
          EXPECT_LE(entry.offset + entry.bytes, std::ssize(changed)) << at << " " << value;
        }
      });
      EXPECT_THAT(thrown.message, AnyOf(HasSubstr("m.gguf"), HasSubstr("nothing was thrown")));
    }
  }
}

}  // namespace
}  // namespace minimax::io
