// SPDX-License-Identifier: Apache-2.0
#include "convert/importance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/safetensors_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::convert {
namespace {

using minimax::testing::bytes_of;
using minimax::testing::SafetensorsBuilder;
using minimax::testing::TemporaryDirectory;
using minimax::testing::thrown_by;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Importance, SurvivesAFile) {
  ImportanceMatrix matrix;
  matrix.set("a.w3.weight", {.mean_squares = {1.0f, 0.25f}, .rows = 7});
  matrix.set("b.weight", {.mean_squares = {0.0f}, .rows = 0});
  const TemporaryDirectory folder;
  write_importance(matrix, folder.path() / "m.safetensors");
  const ImportanceMatrix read = read_importance(folder.path() / "m.safetensors");
  // Both projections of one input share it.
  EXPECT_THAT(read.columns("a.w1.weight", 2), ElementsAre(1.0f, 0.25f));
  EXPECT_THAT(read.columns("a.w3.weight", 2), ElementsAre(1.0f, 0.25f));
  // What was never seen says nothing about its columns.
  EXPECT_TRUE(read.columns("b.weight", 1).empty());
}

TEST(Importance, RefusesAnotherModel) {
  ImportanceMatrix matrix;
  EXPECT_TRUE(matrix.columns("a.weight", 3).empty());
  matrix.set("a.weight", {.mean_squares = {1.0f}, .rows = 1});
  EXPECT_EQ(thrown_by([&] { matrix.columns("a.weight", 2); }).code, ErrorCode::kCorruptFile);
  EXPECT_EQ(thrown_by([&] { matrix.columns("b.weight", 1); }).code, ErrorCode::kCorruptFile);
  EXPECT_TRUE(matrix.columns("model.embed_tokens.weight", 2).empty());  // read row by row
}

std::string refusal(const std::string& kind, const std::vector<float>& values,
                    const std::vector<std::int64_t>& count) {
  const TemporaryDirectory folder;
  const auto path = folder.write("m.safetensors",
                                 SafetensorsBuilder()
                                     .metadata("minimax.file", kind)
                                     .tensor("a", "F32", {2}, bytes_of(values))
                                     .tensor("a.rows", "I64", {std::ssize(count)}, bytes_of(count))
                                     .build());
  return thrown_by([&] { read_importance(path); }).message;
}

TEST(Importance, RefusesWhatIsNoMeanSquare) {
  const std::string kind = "importance matrix 1";
  EXPECT_THAT(refusal(kind, {1.0f, 2.0f}, {1}), HasSubstr("nothing was thrown"));
  EXPECT_THAT(refusal(kind, {1.0f, -2.0f}, {1}), HasSubstr("\"a\": expected mean squares"));
  EXPECT_THAT(refusal(kind, {1.0f, std::nanf("")}, {1}), HasSubstr("nan"));
  EXPECT_THAT(refusal(kind, {1.0f, 2.0f}, {-1}), HasSubstr("expected a count from 0, found -1"));
  EXPECT_THAT(refusal(kind, {1.0f, 2.0f}, {1, 1}), HasSubstr("\"a.rows\": expected one I64"));
  EXPECT_THAT(refusal("weights", {1.0f, 2.0f}, {1}), HasSubstr("minimax.file"));
}

}  // namespace
}  // namespace minimax::convert
