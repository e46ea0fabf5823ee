// SPDX-License-Identifier: Apache-2.0
// Experts that are read on demand, with a checkpoint of three layers of four experts whose numbers
// say which expert they are.
#include "model/expert_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "io/safetensors.h"
#include "minimax/error.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::model {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kLayers = 3;
constexpr std::int64_t kExperts = 4;
constexpr std::int64_t kMatrixBytes = 64;  // [4, 4] float32
constexpr std::int64_t kExpertBytes = 3 * kMatrixBytes;
const tensor::Shape kShape({4, 4});

float value_of(std::int64_t layer, std::int64_t id, std::size_t part) {
  return static_cast<float>(100 * layer + 10 * id) + static_cast<float>(part);
}

class ExpertCacheTest : public ::testing::Test {
 protected:
  ExpertCacheTest() {
    testing::SafetensorsBuilder builder;
    for (std::int64_t layer = 0; layer < kLayers; ++layer) {
      std::string all;
      for (std::int64_t id = 0; id < kExperts; ++id) {
        for (std::size_t part = 0; part < 3; ++part) {
          const std::vector<float> values(16, value_of(layer, id, part));
          all.append(reinterpret_cast<const char*>(values.data()), kMatrixBytes);
        }
      }
      builder.tensor(std::to_string(layer), "F32", {kExperts * 3, 4, 4}, all);
    }
    directory_.write("model.safetensors", builder.build());
  }

  ExpertCache make(std::int64_t memory_bytes) const {
    ExpertCache::Args args{.checkpoint = io::read_safetensors(directory_.path()),
                           .layers = kLayers,
                           .experts = kExperts,
                           .parts = {},
                           .memory_bytes = memory_bytes};
    for (std::int64_t expert = 0; expert < kLayers * kExperts; ++expert) {
      ExpertParts& parts = args.parts.emplace_back();
      for (std::size_t part = 0; part < 3; ++part) {
        const auto place = expert % kExperts * 3 + static_cast<std::int64_t>(part);
        parts[part] = {.stored = {.entry = args.checkpoint.find(std::to_string(expert / kExperts)),
                                  .first_element = place * kShape.elements()},
                       .matrix = {nullptr, quant::Format::kF32, kShape}};
      }
    }
    return ExpertCache(std::move(args));
  }

  testing::TemporaryDirectory directory_;
};

void expect_expert(const ExpertWeights& weights, std::int64_t layer, std::int64_t id) {
  const auto index = static_cast<std::size_t>(id);
  const quant::Matrix parts[] = {weights.gate[index], weights.up[index], weights.down[index]};
  for (std::size_t part = 0; part < 3; ++part) {
    ASSERT_FALSE(parts[part].empty()) << layer << " " << id;
    EXPECT_EQ(parts[part].shape(), kShape);
    EXPECT_EQ(parts[part].tensor().data<float>()[0], value_of(layer, id, part));
    EXPECT_EQ(parts[part].tensor().data<float>()[15], value_of(layer, id, part));
  }
}

std::vector<std::int32_t> resident_of(const ExpertWeights& weights) {
  std::vector<std::int32_t> ids;
  for (std::size_t id = 0; id < weights.gate.size(); ++id) {
    if (!weights.gate[id].empty()) {
      ids.push_back(static_cast<std::int32_t>(id));
    }
  }
  return ids;
}

TEST_F(ExpertCacheTest, ReadsWhatIsChosen) {
  ExpertCache cache = make(5 * kExpertBytes);
  cpu::ThreadPool pool(2);
  for (const std::int64_t layer : {0, 2, 1, 0}) {
    for (const std::vector<std::int32_t>& ids :
         {std::vector<std::int32_t>{1, 3, 3, 1}, {0}, {0, 1, 2, 3}}) {
      const ExpertWeights& weights = cache.fetch(layer, ids, &pool);
      for (const std::int32_t id : ids) {
        expect_expert(weights, layer, id);
      }
    }
  }
}

TEST_F(ExpertCacheTest, GivesUpWhatWasNotChosenForLongest) {
  ExpertCache cache = make(4 * kExpertBytes);
  const auto fetch = [&](std::int64_t layer, std::int32_t id) -> const ExpertWeights& {
    return cache.fetch(layer, std::vector<std::int32_t>{id}, nullptr);
  };
  fetch(0, 0);
  fetch(0, 1);
  fetch(1, 0);
  fetch(1, 1);
  fetch(0, 0);  // now expert 1 of layer 0 is the oldest
  fetch(2, 3);
  EXPECT_EQ(cache.counts().read, 5);
  EXPECT_EQ(cache.counts().chosen, 6);
  EXPECT_EQ(cache.counts().resident, 4);
  EXPECT_THAT(resident_of(fetch(0, 0)), ::testing::ElementsAre(0));
  EXPECT_EQ(cache.counts().read, 5);
  fetch(0, 1);
  EXPECT_EQ(cache.counts().read, 6);
}

TEST_F(ExpertCacheTest, WarmsTheMostWanted) {
  ExpertCache cache = make(4 * kExpertBytes);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(kLayers * kExperts), 1);
  counts[2] = counts[3] = counts[5] = counts[11] = 9;
  cache.warm(counts, 2);
  EXPECT_EQ(cache.counts().resident, 4);
  expect_expert(cache.fetch(0, std::vector<std::int32_t>{2, 3}, nullptr), 0, 2);
  expect_expert(cache.fetch(1, std::vector<std::int32_t>{1}, nullptr), 1, 1);
  expect_expert(cache.fetch(2, std::vector<std::int32_t>{3}, nullptr), 2, 3);
  EXPECT_EQ(cache.counts().read, 0);
  EXPECT_THROW(cache.warm(std::vector<std::int64_t>(3), 1), Error);
}

TEST_F(ExpertCacheTest, CountsWhatWasExpected) {
  ExpertCache cache = make(4 * kExpertBytes);
  cache.expect(1, std::vector<std::int32_t>{0, 2});
  cache.fetch(1, std::vector<std::int32_t>{2, 3}, nullptr);
  EXPECT_EQ(cache.counts().read, 2);
  EXPECT_EQ(cache.counts().read_expected, 1);
}

TEST_F(ExpertCacheTest, NamesTheSmallestSize) {
  const auto thrown = testing::thrown_by([&] { make(4 * kExpertBytes - 1); });
  EXPECT_EQ(thrown.code, ErrorCode::kOutOfMemory);
  EXPECT_THAT(thrown.message, HasSubstr("expected at least 768 bytes, those of one layer"));
}

TEST_F(ExpertCacheTest, GoesOnAfterAFileWasCutShort) {
  ExpertCache cache = make(4 * kExpertBytes);
  expect_expert(cache.fetch(0, std::vector<std::int32_t>{0}, nullptr), 0, 0);
  const std::filesystem::path file = directory_.path() / "model.safetensors";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  EXPECT_THROW(cache.fetch(2, std::vector<std::int32_t>{3}, nullptr), Error);
  EXPECT_EQ(cache.counts().resident, 1);
  expect_expert(cache.fetch(0, std::vector<std::int32_t>{0, 1}, nullptr), 0, 1);
}

}  // namespace
}  // namespace minimax::model
