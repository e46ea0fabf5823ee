// SPDX-License-Identifier: Apache-2.0
// What can be done with the state of a whole model: forks, snapshots, reordering, files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "minimax/error.h"
#include "minimax/model.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryDirectory;
using testing::thrown_by;

const std::filesystem::path kModel = MINIMAX_SOURCE_DIR "/tests/golden/window/lightning_first";

MiniMaxForCausalLM load(const std::filesystem::path& directory = kModel,
                        ComputeType dtype = ComputeType::kFloat32) {
  return MiniMaxForCausalLM::from_pretrained(directory, {.dtype = dtype, .threads = 1});
}

std::vector<std::int32_t> some_ids(std::int32_t count, std::int32_t first = 3) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
  std::ranges::generate(ids, [&first] { return first = (first * 31 + 7) % 97; });
  return ids;
}

// The logits behind the last of `ids`.
std::vector<float> read(MiniMaxForCausalLM& model, State& state,
                        const std::vector<std::int32_t>& ids) {
  return model.forward(ids, {.past_key_values = std::span(&state, 1), .logits_to_keep = 1})
      .logits.values;
}

TEST(State, ForksGoTheirOwnWays) {
  MiniMaxForCausalLM model = load();
  State state = model.new_state();
  read(model, state, some_ids(200));
  State fork = state;
  const std::string before = state.save();
  const std::vector<float> on_fork = read(model, fork, some_ids(5, 1));
  EXPECT_EQ(state.save(), before);
  const std::vector<float> on_state = read(model, state, some_ids(5, 2));
  EXPECT_NE(on_state, on_fork);

  State again = model.new_state();
  read(model, again, some_ids(200));
  EXPECT_EQ(read(model, again, some_ids(5, 1)), on_fork);
}

// How far the logits are from those of a float32 cache: fp8 rounds by 2^-5 at most, int4 by a
// sixteenth of the largest of 32; the model's layers pass on less of it.
double distance(const std::vector<float>& found, const std::vector<float>& expected) {
  double difference = 0.0;
  double size = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference += std::pow(found[i] - expected[i], 2);
    size += std::pow(expected[i], 2);
  }
  return std::sqrt(difference / size);
}

TEST(State, KeepsKeysAndValuesInFewerBits) {
  MiniMaxForCausalLM exact = load();
  State exact_state = exact.new_state();
  const std::vector<float> expected = read(exact, exact_state, some_ids(200));
  for (const auto& [dtype, most] :
       {std::pair{KvCacheDtype::kFp8, 0.03}, {KvCacheDtype::kInt4, 0.1}}) {
    MiniMaxForCausalLM model = MiniMaxForCausalLM::from_pretrained(
        kModel, {.dtype = ComputeType::kFloat32, .kv_cache_dtype = dtype, .threads = 1});
    State state = model.new_state();
    const std::vector<float> whole = read(model, state, some_ids(200));
    EXPECT_LT(distance(whole, expected), most);
    EXPECT_GT(distance(whole, expected), 0.0);

    State parts = model.new_state();
    const std::vector<std::int32_t> ids = some_ids(200);
    read(model, parts, {ids.begin(), ids.begin() + 77});
    EXPECT_LT(distance(read(model, parts, {ids.begin() + 77, ids.end()}), whole), 1e-2);

    State again = model.restore_state(state.save());
    EXPECT_EQ(read(model, again, some_ids(5, 1)), read(model, state, some_ids(5, 1)));
    EXPECT_EQ(thrown_by([&] { exact.restore_state(state.save()); }).code, ErrorCode::kCorruptFile);
  }
  EXPECT_EQ(thrown_by([] {
              MiniMaxForCausalLM::from_pretrained(
                  kModel, {.kv_cache_dtype = KvCacheDtype::kInt4,
                           .attn_implementation = AttnImplementation::kEager});
            }).code,
            ErrorCode::kInvalidArgument);
}

TEST(State, GoesBackToASnapshotAndReadsAgain) {
  MiniMaxForCausalLM model = load();
  const std::vector<std::int32_t> prompt = some_ids(300);
  const std::vector<std::int32_t> draft = some_ids(6, 5);
  State state = model.new_state();
  read(model, state, prompt);
  state.snapshot();
  read(model, state, draft);

  EXPECT_EQ(state.truncate(303), 3);
  EXPECT_EQ(state.length(), 300);
  const std::vector<std::int32_t> accepted(draft.begin(), draft.begin() + 3);
  const std::vector<float> logits = read(model, state, accepted);

  State straight = model.new_state();
  read(model, straight, prompt);
  EXPECT_EQ(read(model, straight, accepted), logits);
  EXPECT_EQ(straight.save(), state.save());
}

TEST(State, IsReorderedWithItsBeams) {
  MiniMaxForCausalLM model = load();
  std::vector<State> states;
  std::vector<std::string> saved;
  for (std::int32_t beam = 0; beam < 3; ++beam) {
    states.push_back(model.new_state());
    read(model, states.back(), some_ids(20 + beam, beam));
    saved.push_back(states.back().save());
  }
  const std::int64_t beams[] = {2, 0, 2, 2};
  states = reorder(states, beams);
  ASSERT_EQ(states.size(), 4u);
  read(model, states[0], some_ids(1));
  EXPECT_EQ(states[1].save(), saved[0]);
  EXPECT_EQ(states[2].save(), saved[2]);
  EXPECT_EQ(states[3].save(), saved[2]);
  const std::int64_t missing[] = {4};
  EXPECT_EQ(thrown_by([&] { reorder(states, missing); }).code, ErrorCode::kInvalidArgument);
}

// The model with one bit of a weight changed.
std::filesystem::path changed_model(const TemporaryDirectory& directory) {
  std::string weights = testing::read_bytes(kModel / "model.safetensors");
  weights[weights.size() / 2] ^= 1;  // heads come first in this file, then the layers
  directory.write("config.json", testing::read_bytes(kModel / "config.json"));
  directory.write("model.safetensors", weights);
  return directory.path();
}

TEST(StateOfAnotherModel, IsRefused) {
  const TemporaryDirectory directory;
  MiniMaxForCausalLM model = load();
  State state = model.new_state();
  read(model, state, some_ids(10));
  const std::filesystem::path path = directory.path() / "state";
  state.save(path);
  EXPECT_EQ(model.load_state(path).save(), state.save());
  EXPECT_EQ(load().load_state(path).save(), state.save());

  const TemporaryDirectory other;
  const testing::Thrown thrown = thrown_by([&] { load(changed_model(other)).load_state(path); });
  EXPECT_EQ(thrown.code, ErrorCode::kCorruptFile);
  EXPECT_THAT(thrown.message, HasSubstr("expected a state of the model"));
  EXPECT_EQ(thrown_by([&] { load(kModel, ComputeType::kBFloat16).load_state(path); }).code,
            ErrorCode::kCorruptFile);
}

}  // namespace
}  // namespace minimax
