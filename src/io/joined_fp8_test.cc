// SPDX-License-Identifier: Apache-2.0
// Weights of e4m3 numbers: what torch decodes them to (tests/golden/README.md), pieces, and
// refusals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "io/checkpoint_reader.h"
#include "io/joined_tensor.h"
#include "io/safetensors.h"
#include "quant/decode.h"
#include "quant/fp8.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

using minimax::testing::SafetensorsBuilder;
using minimax::testing::TemporaryDirectory;
using minimax::testing::Thrown;
using minimax::testing::thrown_by;
using ::testing::HasSubstr;

const std::filesystem::path kGolden =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "tests/golden/fp8";

std::vector<std::byte> all_bytes(const CheckpointReader& reader, const TensorEntry& entry) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(entry.bytes));
  reader.read(entry, bytes);
  return bytes;
}

template <class T>
std::vector<T> plain(const Checkpoint& checkpoint, const std::string& name) {
  const std::vector<std::byte> bytes =
      all_bytes(CheckpointReader(checkpoint), checkpoint.require(name));
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST(FP8Model, DecodesToWhatTorchDecodes) {
  const Checkpoint model = read_safetensors(kGolden / "model.safetensors");
  const Checkpoint golden = read_safetensors(kGolden / "decoded.safetensors");
  const CheckpointReader reader(model);
  EXPECT_EQ(model.joined.size(), 7u);
  for (const char* name : {"blocks", "ragged_blocks", "experts", "channels", "channels_bf16",
                           "odd_channels", "tensor"}) {
    const TensorEntry& entry = model.require(std::string(name) + ".weight");
    EXPECT_EQ(entry.format.has_value(), entry.shape[-1] % 128 == 0) << name;
    std::vector<float> found(static_cast<std::size_t>(entry.shape.elements()));
    quant::decode_row(entry.format.value_or(quant::Format::kF32), all_bytes(reader, entry), found);
    EXPECT_EQ(found, plain<float>(golden, entry.name)) << name;
  }
}

TEST(FP8Model, LeavesNoPartsBehind) {
  for (const TensorEntry& entry : read_safetensors(kGolden / "model.safetensors").tensors) {
    EXPECT_TRUE(entry.name.ends_with(".weight")) << entry.name;
  }
}

TEST(FP8Model, RoundsAsTorchRounds) {
  const Checkpoint golden = read_safetensors(kGolden / "decoded.safetensors");
  const auto values = plain<float>(golden, "values");
  const auto codes = plain<std::uint8_t>(golden, "codes");
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(quant::to_e4m3(values[i]), codes[i]) << values[i];
  }
  const auto all = plain<float>(golden, "all_codes");
  for (std::size_t code = 0; code < all.size(); ++code) {
    const float value = quant::from_e4m3(static_cast<std::uint8_t>(code));
    EXPECT_TRUE(value == all[code] || (std::isnan(value) && std::isnan(all[code]))) << code;
  }
}

TEST(FP8Model, ReadsAnyPieceAsPartOfTheWhole) {
  const Checkpoint model = read_safetensors(kGolden / "model.safetensors");
  const CheckpointReader reader(model);
  base::SplitMix64 random(3);
  for (const char* name : {"blocks.weight", "ragged_blocks.weight", "experts.weight"}) {
    const TensorEntry& entry = model.require(name);
    const std::vector<std::byte> whole = all_bytes(reader, entry);
    for (int i = 0; i < 60; ++i) {
      const std::size_t begin = random.next() % whole.size();
      std::vector<std::byte> piece(random.next() % (whole.size() - begin));
      reader.read(entry, static_cast<std::int64_t>(begin), piece);
      ASSERT_TRUE(std::ranges::equal(piece, std::span(whole).subspan(begin, piece.size())));
    }
  }
}

void expect_refused(const SafetensorsBuilder& builder, std::string_view words) {
  const TemporaryDirectory folder;
  const auto path = folder.write("m.safetensors", builder.build());
  const Thrown thrown = thrown_by([&] { read_safetensors(path); });
  EXPECT_THAT(thrown.message, HasSubstr(std::string(words)));
}

TEST(FP8Model, RefusesScalesThatDoNotFit) {
  const std::string codes(512, '\0');
  const auto with = [&](std::string_view dtype, const std::vector<std::int64_t>& shape,
                        std::size_t bytes) {
    return SafetensorsBuilder()
        .tensor("w", "F8_E4M3", {2, 256}, codes)
        .tensor("w_scale", dtype, shape, std::string(bytes, '\0'));
  };
  expect_refused(SafetensorsBuilder().tensor("w", "F8_E4M3", {2, 256}, codes),
                 "w: expected its scales");
  expect_refused(with("F32", {3}, 12), "w_scale: expected scales");
  expect_refused(with("F32", {2, 2}, 16), "w_scale: expected scales");
  expect_refused(with("U8", {2}, 2), "found U8 [2]");
  expect_refused(SafetensorsBuilder().tensor("w", "F8_E4M3", {4}, "abcd"), "expected a matrix");
}

}  // namespace
}  // namespace minimax::io
