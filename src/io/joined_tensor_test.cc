// SPDX-License-Identifier: Apache-2.0
// Checkpoints of bitsandbytes: what its own files decode to (tests/golden/README.md), pieces, and
// refusals.
#include "io/joined_tensor.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "base/random.h"
#include "io/checkpoint_reader.h"
#include "io/safetensors.h"
#include "quant/bitsandbytes.h"
#include "quant/decode.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

using minimax::testing::bytes_of;
using minimax::testing::SafetensorsBuilder;
using minimax::testing::TemporaryDirectory;
using minimax::testing::Thrown;
using minimax::testing::thrown_by;
using ::testing::HasSubstr;

const std::filesystem::path kGolden =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "tests/golden/bitsandbytes_models";

std::vector<std::byte> all_bytes(const CheckpointReader& reader, const TensorEntry& entry) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(entry.bytes));
  reader.read(entry, bytes);
  return bytes;
}

std::vector<float> all_values(const CheckpointReader& reader, const TensorEntry& entry) {
  const std::vector<std::byte> bytes = all_bytes(reader, entry);
  std::vector<float> values(static_cast<std::size_t>(entry.shape.elements()));
  quant::decode_row(entry.format.value_or(quant::Format::kF32), bytes, values);
  return values;
}

struct GoldenKind {
  const char* name;
  quant::Format format;
  float tolerance;  // relative; int8 is the product of three numbers in another order
};

class BitsandbytesModel : public ::testing::TestWithParam<GoldenKind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, BitsandbytesModel,
                         ::testing::Values(GoldenKind{"nf4", quant::Format::kNF4, 0.0f},
                                           GoldenKind{"fp4", quant::Format::kFP4, 0.0f},
                                           GoldenKind{"int8", quant::Format::kInt8F32, 2e-7f}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(BitsandbytesModel, DecodesToWhatThePackageDecodes) {
  const Checkpoint model = read_safetensors(kGolden / GetParam().name);
  const Checkpoint golden =
      read_safetensors(kGolden / fmt::format("{}_decoded.safetensors", GetParam().name));
  const CheckpointReader reader(model);
  const CheckpointReader golden_reader(golden);
  EXPECT_EQ(model.joined.size(), golden.tensors.size());
  for (const TensorEntry& expected_entry : golden.tensors) {
    const TensorEntry& entry = model.require(expected_entry.name);
    EXPECT_EQ(entry.format, GetParam().format);
    ASSERT_EQ(entry.shape, expected_entry.shape);
    const std::vector<float> expected = all_values(golden_reader, expected_entry);
    const std::vector<float> found = all_values(reader, entry);
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_NEAR(found[i], expected[i], GetParam().tolerance * std::abs(expected[i]))
          << entry.name << " " << i;
    }
  }
}

TEST_P(BitsandbytesModel, LeavesNoPartsBehind) {
  for (const TensorEntry& entry : read_safetensors(kGolden / GetParam().name).tensors) {
    EXPECT_TRUE(entry.name.ends_with(".weight")) << entry.name;
  }
}

TEST_P(BitsandbytesModel, ReadsAnyPieceAsPartOfTheWhole) {
  const Checkpoint model = read_safetensors(kGolden / GetParam().name);
  const CheckpointReader reader(model);
  const TensorEntry& entry = model.require("model.layers.0.self_attn.qkv_proj.weight");
  const std::vector<std::byte> whole = all_bytes(reader, entry);
  base::SplitMix64 random(3);
  for (int i = 0; i < 100; ++i) {
    const std::size_t begin = random.next() % whole.size();
    std::vector<std::byte> piece(random.next() % (whole.size() - begin));
    reader.read(entry, static_cast<std::int64_t>(begin), piece);
    ASSERT_TRUE(std::ranges::equal(piece, std::span(whole).subspan(begin, piece.size())));
  }
}

/// The parts of one weight `w` in nf4, to be spoiled.
struct Parts {
  std::vector<std::int64_t> shape = {3, 96};
  std::int64_t block_elements = 64;
  std::string state = {};  // more members

  std::string file() const {
    base::SplitMix64 random(9);
    std::vector<float> weights(static_cast<std::size_t>(shape[0] * shape[1]));
    std::ranges::generate(weights, [&] { return static_cast<float>(random.uniform() - 0.5); });
    const auto packed = quant::encode_4bit(quant::kNf4Values, weights, block_elements);
    const std::vector<float> map(quant::kNf4Values.begin(), quant::kNf4Values.end());
    const std::string text =
        fmt::format(R"({{"quant_type": "nf4", "blocksize": {}, "shape": [{}, {}]{}}})",
                    block_elements, shape[0], shape[1], state);
    SafetensorsBuilder builder;
    builder.tensor("w", "U8", {std::ssize(packed.codes), 1}, bytes_of(packed.codes));
    builder.tensor("w.absmax", "F32", {std::ssize(packed.absmax)}, bytes_of(packed.absmax));
    builder.tensor("w.quant_map", "F32", {16}, bytes_of(map));
    builder.tensor("w.quant_state.bitsandbytes__nf4", "U8", {std::ssize(text)}, text);
    return builder.build();
  }

  Checkpoint read(const TemporaryDirectory& folder) const {
    return read_safetensors(folder.write("m.safetensors", file()));
  }
};

TEST(JoinedTensor, HasFloatElementsWhereBlocksDoNotDivide) {
  for (const Parts& parts : {Parts{}, Parts{.shape = {2, 64}, .block_elements = 32},
                             Parts{.shape = {5, 7}, .block_elements = 64}}) {
    const TemporaryDirectory folder;
    const Checkpoint checkpoint = parts.read(folder);
    const CheckpointReader reader(checkpoint);
    const TensorEntry& entry = checkpoint.require("w");
    EXPECT_EQ(entry.dtype, tensor::DType::kF32);
    EXPECT_FALSE(entry.format.has_value());
    const std::vector<float> values = all_values(reader, entry);
    base::SplitMix64 random(9);
    for (const float value : values) {
      ASSERT_NEAR(value, random.uniform() - 0.5, 0.08);  // half of the widest gap, times 0.5
    }
    std::vector<float> piece(3);
    reader.read(entry, 4 * (std::ssize(values) - 3), std::as_writable_bytes(std::span(piece)));
    EXPECT_TRUE(std::ranges::equal(piece, std::span(values).last(3)));
  }
}

TEST(JoinedTensor, KeepsBlocksThatShareAScale) {
  const TemporaryDirectory folder;
  const Checkpoint checkpoint = Parts{.shape = {4, 192}, .block_elements = 128}.read(folder);
  const TensorEntry& entry = checkpoint.require("w");
  EXPECT_EQ(entry.format, quant::Format::kNF4);
  const CheckpointReader reader(checkpoint);
  const std::vector<std::byte> whole = all_bytes(reader, entry);
  std::vector<std::byte> piece(100);
  reader.read(entry, 131, piece);
  EXPECT_TRUE(std::ranges::equal(piece, std::span(whole).subspan(131, 100)));
}

void expect_refused(const std::string& file, std::string_view words) {
  const TemporaryDirectory folder;
  const auto path = folder.write("m.safetensors", file);
  const Thrown thrown = thrown_by([&] { read_safetensors(path); });
  EXPECT_THAT(thrown.message, HasSubstr(std::string(words)));
}

// A file of the parts with one changed tensor.
std::string spoiled(std::string_view name, std::string_view dtype,
                    const std::vector<std::int64_t>& shape, std::string_view data) {
  const std::string state = R"({"quant_type": "nf4", "blocksize": 64, "shape": [1, 64]})";
  struct Tensor {
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::string data;
  };
  std::map<std::string, Tensor> tensors = {
      {"w", {"U8", {32, 1}, std::string(32, '\0')}},
      {"w.absmax", {"F32", {1}, std::string(4, '\0')}},
      {"w.quant_map",
       {"F32",
        {16},
        bytes_of(std::vector<float>(quant::kNf4Values.begin(), quant::kNf4Values.end()))}},
      {"w.quant_state.bitsandbytes__nf4", {"U8", {std::ssize(state)}, state}}};
  tensors[std::string(name)] = {std::string(dtype), shape, std::string(data)};
  SafetensorsBuilder builder;
  for (const auto& [key, tensor] : tensors) {
    if (!tensor.dtype.empty()) {
      builder.tensor(key, tensor.dtype, tensor.shape, tensor.data);
    }
  }
  return builder.build();
}

TEST(JoinedTensor, RefusesPartsThatDoNotFit) {
  expect_refused(spoiled("w", "U8", {31, 1}, std::string(31, '\0')), "w: expected 32 bytes");
  expect_refused(spoiled("w", "", {}, ""), "\"w\"");
  expect_refused(spoiled("w.absmax", "F32", {2}, std::string(8, '\0')), "w.absmax: expected 1");
  expect_refused(spoiled("w.absmax", "U8", {1}, "x"), "w.absmax: expected 1 elements of F32");
  expect_refused(spoiled("w.quant_map", "F32", {16}, std::string(64, '\0')), "for code 0");
  const auto state = [](const std::string& text) {
    return spoiled("w.quant_state.bitsandbytes__nf4", "U8", {std::ssize(text)}, text);
  };
  expect_refused(state("{"), "quant_state");
  expect_refused(state(R"({"quant_type": "fp4", "blocksize": 64, "shape": [1, 64]})"), "fp4");
  expect_refused(state(R"({"quant_type": "nf4", "blocksize": 0, "shape": [1, 64]})"), "/blocksize");
  expect_refused(state(R"({"quant_type": "nf4", "blocksize": 64, "shape": []})"), "/shape");
  expect_refused(state(R"({"quant_type": "nf4", "blocksize": 64,
                           "shape": [1099511627776, 1099511627776]})"),
                 "/shape");
  expect_refused(state(R"({"quant_type": "nf4", "blocksize": 64, "shape": [1, 64],
                           "nested_blocksize": 256, "nested_offset": 0.5})"),
                 "elements of U8");
}

TEST(JoinedTensor, RefusesInt8ThatDoesNotFit) {
  const auto file = [](const std::string& dtype, std::int64_t scales, char order) {
    return SafetensorsBuilder()
        .tensor("m.SCB", "F32", {scales}, std::string(static_cast<std::size_t>(4 * scales), '\0'))
        .tensor("m.weight", dtype, {2, 3}, "abcdef")
        .tensor("m.weight_format", "U8", {}, std::string(1, order))
        .build();
  };
  const TemporaryDirectory folder;
  EXPECT_NO_THROW(read_safetensors(folder.write("m.safetensors", file("I8", 2, '\0'))));
  expect_refused(file("I8", 3, '\0'), "m.SCB: expected 2 elements");
  expect_refused(file("U8", 2, '\0'), "m.weight: expected I8");
  expect_refused(file("I8", 2, '\1'), "m.weight_format: expected 0");
}

}  // namespace
}  // namespace minimax::io
