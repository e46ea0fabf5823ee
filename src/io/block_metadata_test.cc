// SPDX-License-Identifier: Apache-2.0
#include "io/block_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "io/safetensors.h"
#include "quant/format.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/thrown_by.h"

namespace minimax::io {
namespace {

using minimax::testing::SafetensorsBuilder;
using minimax::testing::Thrown;
using minimax::testing::thrown_by;
using ::testing::HasSubstr;

// One tensor `w` of rows of 36 bytes.
Checkpoint parse(std::string_view key, std::string_view format) {
  return parse_safetensors(SafetensorsBuilder()
                               .metadata("other", "kept")
                               .metadata(key, format)
                               .tensor("w", "U8", {3, 36}, std::string(108, '\0'))
                               .build(),
                           "m.safetensors");
}

void expect_refused(ErrorCode code, std::string_view words, std::string_view key,
                    std::string_view format) {
  const Thrown thrown = thrown_by([&] { parse(key, format); });
  EXPECT_EQ(thrown.code, code) << thrown;
  EXPECT_THAT(thrown.message, HasSubstr(std::string(words)));
}

TEST(BlockMetadata, GivesTheShapeInElements) {
  const Checkpoint checkpoint = parse(block_format_key("w"), "int4_g32");
  const TensorEntry& entry = checkpoint.require("w");
  EXPECT_EQ(entry.format, quant::Format::kInt4G32);
  EXPECT_EQ(entry.shape, (tensor::Shape{3, 64}));
  EXPECT_EQ(entry.bytes, 108);
  EXPECT_EQ(checkpoint.metadata, (Metadata{{"other", "kept"}}));
}

TEST(BlockMetadata, LeavesOtherTensorsAlone) {
  const TensorEntry entry = parse("w", "int4_g32").require("w");
  EXPECT_FALSE(entry.format.has_value());
  EXPECT_EQ(entry.shape, (tensor::Shape{3, 36}));
}

TEST(BlockMetadata, RefusesWhatCannotBeBlocks) {
  expect_refused(ErrorCode::kUnsupported, "found \"int5\"", block_format_key("w"), "int5");
  expect_refused(ErrorCode::kUnsupported, "found \"f32\"", block_format_key("w"), "f32");
  expect_refused(ErrorCode::kCorruptFile, "a tensor of that name", block_format_key("v"), "nf4");
  expect_refused(ErrorCode::kCorruptFile, "multiple of 34 bytes", block_format_key("w"),
                 "int4_g64");
}

TEST(BlockMetadata, RefusesOtherTypesThanBytes) {
  const std::string file = SafetensorsBuilder()
                               .metadata(block_format_key("w"), "nf4")
                               .tensor("w", "I8", {1, 36}, std::string(36, '\0'))
                               .build();
  EXPECT_THAT(thrown_by([&] { parse_safetensors(file, "m"); }).message, HasSubstr("found I8"));
}

}  // namespace
}  // namespace minimax::io
