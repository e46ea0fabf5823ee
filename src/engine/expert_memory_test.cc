// SPDX-License-Identifier: Apache-2.0
// Models whose experts are read on demand compute what they compute with all of them in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "minimax/error.h"
#include "minimax/model.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kModel = MINIMAX_SOURCE_DIR "/models/tiny-minimax";

MiniMaxForCausalLM load(std::int64_t expert_memory_bytes) {
  return MiniMaxForCausalLM::from_pretrained(
      kModel, {.threads = 2, .expert_memory_bytes = expert_memory_bytes});
}

// A prompt, then token by token.
std::vector<float> logits_of(MiniMaxForCausalLM& model) {
  State state = model.new_state();
  std::vector<float> all;
  for (const std::vector<std::int32_t>& ids :
       {std::vector<std::int32_t>{3, 100, 700, 41, 9, 2000, 15}, {88}, {1200}, {6}, {88}}) {
    const auto output = model.forward(ids, {.past_key_values = std::span(&state, 1)});
    all.insert(all.end(), output.logits.values.begin(), output.logits.values.end());
  }
  return all;
}

TEST(ExpertMemory, ChangesNoBitOfTheLogits) {
  MiniMaxForCausalLM whole = load(0);
  const std::vector<float> expected = logits_of(whole);
  EXPECT_THAT(whole.warnings(), ::testing::IsEmpty());
  for (const std::int64_t bytes : {std::int64_t{3} << 20, std::int64_t{9} << 20}) {
    MiniMaxForCausalLM model = load(bytes);
    ASSERT_EQ(model.warnings().size(), 1U);
    EXPECT_THAT(model.warnings().front(), HasSubstr("of 64 experts are in memory"));
    EXPECT_LT(model.size().weight_bytes, whole.size().weight_bytes);
    EXPECT_EQ(logits_of(model), expected) << bytes;
  }
}

// The state of a model that is loaded in one way goes on in one that is loaded in another.
TEST(ExpertMemory, TakesStatesFromWhereverExpertsAre) {
  const testing::TemporaryDirectory folder;
  const std::vector<std::int32_t> prompt = {3, 100, 700, 41, 9};
  const std::vector<std::int32_t> next = {88};
  for (const bool double_quant : {false, true}) {
    std::vector<MiniMaxForCausalLM> models;
    for (const std::int64_t bytes : {std::int64_t{0}, std::int64_t{3} << 20}) {
      LoadOptions options{.threads = 2, .expert_memory_bytes = bytes};
      if (double_quant) {
        options.quantization_config =
            BitsAndBytesConfig{.load_in_4bit = true, .bnb_4bit_use_double_quant = true};
      }
      models.push_back(MiniMaxForCausalLM::from_pretrained(kModel, options));
    }
    for (const auto& [from, to] : {std::pair(0U, 1U), std::pair(1U, 0U)}) {
      const auto path = folder.path() / "state";
      State state = models[from].new_state();
      models[from].forward(prompt, {.past_key_values = std::span(&state, 1)});
      state.save(path);
      State loaded = models[to].load_state(path);
      EXPECT_EQ(
          models[to].forward(next, {.past_key_values = std::span(&loaded, 1)}).logits.values,
          models[from].forward(next, {.past_key_values = std::span(&state, 1)}).logits.values);
    }
  }
}

TEST(ExpertMemory, IsAllOfThemWhereTheyFit) {
  EXPECT_THAT(load(std::int64_t{1} << 30).warnings(), ::testing::IsEmpty());
}

TEST(ExpertMemory, HoldsALayerAtLeast) {
  const auto thrown = testing::thrown_by([] { load(1000); });
  EXPECT_EQ(thrown.code, ErrorCode::kOutOfMemory);
  EXPECT_THAT(thrown.message, HasSubstr("those of one layer"));
}

}  // namespace
}  // namespace minimax
