// SPDX-License-Identifier: Apache-2.0
// Batches of sequences that are longer than a step, together and alone.
#include "engine/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace minimax::engine {
namespace {

using ::testing::ElementsAre;

constexpr const char* kModel = MINIMAX_SOURCE_DIR "/tests/golden/window/softmax_first";

class RunnerTest : public ::testing::Test {
 protected:
  std::size_t width() const { return static_cast<std::size_t>(model_.config.vocab_size); }
  model::SequenceState new_state() const { return {model_.config, model_.precision}; }

  std::vector<std::int32_t> ids(std::int64_t count) {
    std::uniform_int_distribution<std::int32_t> any(
        0, static_cast<std::int32_t>(model_.config.vocab_size - 1));
    std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
    std::generate(ids.begin(), ids.end(), [&] { return any(random_); });
    return ids;
  }

  LoadOptions options_{.dtype = ComputeType::kFloat32, .threads = 2};
  model::Model model_ = model::load_model(kModel, model::HeadKind::kLanguage, options_);
  Runner runner_{model_, options_};
  std::mt19937 random_{1};
};

/// Sequences that begin and end anywhere in a step.
struct Sequences {
  explicit Sequences(std::span<const std::int64_t> lengths) {
    for (const std::int64_t length : lengths) {
      cu_seqlens.push_back(cu_seqlens.back() + length);
      output_rows.push_back(static_cast<std::int32_t>(cu_seqlens.back() - 1));
    }
  }
  std::vector<std::int64_t> cu_seqlens = {0};
  std::vector<std::int32_t> output_rows;
};

TEST_F(RunnerTest, GivesSequencesOfABatchTheBitsThatTheyHaveAlone) {
  const std::int64_t step = runner_.max_tokens();
  const std::vector<std::int64_t> lengths = {3, step + 90, 1, step, step - 1, 2 * step + 7, 40};
  const Sequences all(lengths);
  const std::vector<std::int32_t> tokens = ids(all.cu_seqlens.back());
  std::vector<model::SequenceState> states(lengths.size(), new_state());
  std::vector<model::SequenceState*> pointers;
  for (model::SequenceState& state : states) {
    pointers.push_back(&state);
  }
  std::vector<float> together(lengths.size() * width());
  EXPECT_TRUE(runner_.run({.token_ids = tokens,
                           .cu_seqlens = all.cu_seqlens,
                           .states = pointers,
                           .output_rows = all.output_rows},
                          together));
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    model::SequenceState state = new_state();
    std::vector<float> alone(width());
    runner_.run(std::span(tokens).subspan(static_cast<std::size_t>(all.cu_seqlens[i]),
                                          static_cast<std::size_t>(lengths[i])),
                state, alone);
    const auto row = together.begin() + static_cast<std::ptrdiff_t>(i * width());
    EXPECT_EQ(std::vector<float>(row, row + static_cast<std::ptrdiff_t>(width())), alone) << i;
    EXPECT_EQ(states[i].save(), state.save()) << i;
  }
}

TEST_F(RunnerTest, AsksBeforeEveryStepAndStopsWhenTold) {
  const std::int64_t step = runner_.max_tokens();
  const std::vector<std::int64_t> cu_seqlens = {0, step + 5, step + 10, 3 * step + 20};
  const std::vector<std::int32_t> tokens = ids(cu_seqlens.back());
  std::vector<model::SequenceState> states(3, new_state());
  std::vector<model::SequenceState*> pointers = {&states[0], &states[1], &states[2]};
  std::vector<std::int64_t> asked;
  const auto run_while = [&](std::int64_t limit) {
    asked.clear();
    return runner_.run({.token_ids = tokens, .cu_seqlens = cu_seqlens, .states = pointers}, {},
                       {.goes_on = [&](std::int64_t done) {
                         asked.push_back(done);
                         return done < limit;
                       }});
  };
  EXPECT_FALSE(run_while(step + 1));
  EXPECT_THAT(asked, ElementsAre(0, step, step + 10));
  EXPECT_EQ(states[1].length(), 5);
  EXPECT_EQ(states[2].length(), 0);
  EXPECT_TRUE(run_while(1 << 20));
  EXPECT_THAT(asked, ElementsAre(0, step, step + 10, 2 * step + 10, 3 * step + 10));
}

}  // namespace
}  // namespace minimax::engine
