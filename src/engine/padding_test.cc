// SPDX-License-Identifier: Apache-2.0
#include "engine/padding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "minimax/error.h"

namespace minimax::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

MiniMaxConfig config() {
  MiniMaxConfig config;
  config.hidden_size = 2;
  return config;
}

// Two rows of four columns: two tokens at the right, three at the left.
const std::vector<std::int32_t> kIds = {0, 0, 1, 2, 3, 4, 5, 0};
const std::vector<std::int32_t> kMask = {0, 0, 1, 1, 1, 1, 1, 0};

ModelInputs ragged() {
  ModelInputs inputs(kIds);
  inputs.batch_size = 2;
  inputs.attention_mask = kMask;
  return inputs;
}

TEST(Packing, CutsPaddingOffBothSides) {
  const Packing packing(ragged(), config());
  EXPECT_THAT(packing.cu_seqlens(), ElementsAre(0, 2, 5));
  EXPECT_THAT(packing.pack(std::span(kIds)), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(packing.index_of(0, 1), -1);
  EXPECT_EQ(packing.index_of(0, 2), 0);
  EXPECT_EQ(packing.index_of(1, 2), 4);
  EXPECT_EQ(packing.index_of(1, 3), -1);
  EXPECT_EQ(packing.index_of(1, 4), -1);
}

TEST(Packing, PutsPaddingBackAsZeros) {
  const Packing packing(ragged(), config());
  const FloatTensor all = packing.unpack({1, -1, 2, -2, 3, -3, 4, -4, 5, -5}, 2);
  EXPECT_THAT(all.shape, ElementsAre(2, 4, 2));
  EXPECT_THAT(all.values, ElementsAre(0, 0, 0, 0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 0, 0));
}

TEST(Packing, KeepsTheLastColumnsOfThePaddedRows) {
  const Packing packing(ragged(), config());
  EXPECT_THAT(packing.last_columns(2), ElementsAre(0, 1, 4));
  const FloatTensor last = packing.unpack({1, 2, 5}, 1, 2);
  EXPECT_THAT(last.shape, ElementsAre(2, 2, 1));
  EXPECT_THAT(last.values, ElementsAre(1, 2, 5, 0));
}

TEST(Packing, PacksGroupsOfValues) {
  const std::vector<float> embeddings = {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0};
  ModelInputs inputs;
  inputs.batch_size = 2;
  inputs.inputs_embeds = embeddings;
  inputs.attention_mask = kMask;
  EXPECT_THAT(Packing(inputs, config()).pack(inputs.inputs_embeds, 2),
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
}

TEST(Packing, TakesTheNewColumnsOfAMaskThatCoversTheOldToo) {
  const std::vector<std::int32_t> mask = {0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1};
  ModelInputs inputs = ragged();
  inputs.attention_mask = mask;
  EXPECT_THAT(Packing(inputs, config()).cu_seqlens(), ElementsAre(0, 4, 7));
}

TEST(Packing, NeedsNoMask) {
  ModelInputs inputs = ragged();
  inputs.attention_mask = {};
  const Packing packing(inputs, config());
  EXPECT_FALSE(packing.has_padding());
  EXPECT_EQ(packing.tokens(), 8);
}

TEST(Pad, FillsRowsUpAtEitherSide) {
  const std::vector<std::vector<std::int32_t>> rows = {{1, 2}, {3, 4, 5}};
  const BatchEncoding left = pad(rows, PaddingSide::kLeft, 9);
  EXPECT_THAT(left.input_ids, ElementsAre(9, 1, 2, 3, 4, 5));
  EXPECT_THAT(left.attention_mask, ElementsAre(0, 1, 1, 1, 1, 1));
  const BatchEncoding right = pad(rows, PaddingSide::kRight, 9);
  EXPECT_THAT(right.input_ids, ElementsAre(1, 2, 9, 3, 4, 5));
  EXPECT_THAT(right.attention_mask, ElementsAre(1, 1, 0, 1, 1, 1));
  EXPECT_THAT(Packing(right.inputs(), config()).cu_seqlens(), ElementsAre(0, 2, 5));
}

TEST(Pad, RefusesRowsWithoutTokens) {
  EXPECT_THROW(pad({}, PaddingSide::kLeft), Error);
  const std::vector<std::vector<std::int32_t>> rows = {{1}, {}};
  EXPECT_THROW(pad(rows, PaddingSide::kLeft), Error);
}

struct BadInput {
  const char* name;
  ModelInputs inputs;
  const char* complaint;
};

TEST(Packing, NamesTheArgumentThatDoesNotFit) {
  const std::vector<std::int32_t> hole = {1, 0, 1, 1, 1, 1, 1, 1};
  const std::vector<std::int32_t> nothing = {0, 0, 0, 0, 1, 1, 1, 1};
  const std::vector<std::int32_t> other = {2, 1, 1, 1, 1, 1, 1, 1};
  const std::vector<std::int64_t> positions = {0, 1, 2};
  const std::vector<float> embeddings(6);
  const auto with = [](auto change) {
    ModelInputs inputs = ragged();
    change(inputs);
    return inputs;
  };
  const std::vector<BadInput> cases = {
      {"none", ModelInputs(), "exactly one of input_ids and inputs_embeds, found none"},
      {"both", with([&](auto& x) { x.inputs_embeds = embeddings; }), "found both"},
      {"rows", with([](auto& x) { x.batch_size = 3; }), "input_ids: expected a multiple of 3"},
      {"no rows", with([](auto& x) { x.batch_size = 0; }), "batch_size: expected at least 1"},
      {"hole", with([&](auto& x) { x.attention_mask = hole; }), "one run of ones in row 0"},
      {"empty row", with([&](auto& x) { x.attention_mask = nothing; }), "in row 0"},
      {"neither", with([&](auto& x) { x.attention_mask = other; }), "in row 0"},
      {"short mask", with([&](auto& x) { x.attention_mask = x.attention_mask.first(6); }),
       "attention_mask: expected 2 rows of at least 4 values, found 6"},
      {"positions", with([&](auto& x) { x.position_ids = positions; }),
       "position_ids: expected 8 values, found 3"},
  };
  for (const BadInput& bad : cases) {
    try {
      const Packing packing(bad.inputs, config());
      ADD_FAILURE() << bad.name;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.complaint)) << bad.name;
    }
  }
}

}  // namespace
}  // namespace minimax::engine
