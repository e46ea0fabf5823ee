// SPDX-License-Identifier: Apache-2.0
// The engine against other implementations, in float32: every random model of this folder, and
// properties that hold for any model.
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "minimax/model.h"
#include "tests/golden/golden_file.h"
#include "tests/support/difference.h"
#include "tests/support/gpu.h"

namespace minimax::testing {
namespace {

// The reference sums in another order than the oracle; kernels also in blocks and with fused
// multiply-adds. Measured maxima are an order of magnitude below.
constexpr double kReferenceTolerance = 2e-5;
constexpr double kCpuTolerance = 1e-4;
// Two computations of our own that differ only in the order of some sums.
constexpr double kSplitTolerance = 1e-5;

MiniMaxForCausalLM load(const std::string& name, Device device, int threads = 2) {
  return MiniMaxForCausalLM::from_pretrained(
      golden_model_directory(name),
      {.device = device, .dtype = ComputeType::kFloat32, .threads = threads});
}

class GoldenModel : public ::testing::TestWithParam<std::tuple<std::string, Device>> {
 protected:
  void SetUp() override {
    const std::string missing = device() == Device::kCuda ? missing_gpu() : std::string();
    if (!missing.empty()) {
      GTEST_SKIP() << missing;
    }
  }
  std::string name() const { return std::get<0>(GetParam()); }
  Device device() const { return std::get<1>(GetParam()); }
  double tolerance() const {
    return device() == Device::kReference ? kReferenceTolerance : kCpuTolerance;
  }
  GoldenFile golden() const { return GoldenFile(golden_path(name())); }
};

class RandomModel : public GoldenModel {};

// The rows that the golden keeps of a [tokens, width] matrix.
std::vector<float> kept_rows(const GoldenFile& file, const std::string& rows, std::int64_t width,
                             const std::vector<float>& matrix) {
  return file.has(rows) ? select_rows(matrix, width, file.integers(rows)) : matrix;
}

TEST_P(GoldenModel, GivesTheLogitsAndHiddenStatesOfTheOracle) {
  MiniMaxForCausalLM model = load(name(), device());
  const GoldenFile file = golden();
  ASSERT_FALSE(file.sequences().empty());
  for (const std::string& sequence : file.sequences()) {
    const MoeCausalLMOutputWithPast output =
        model.forward(file.input_ids(sequence), {.output_hidden_states = true});
    const std::vector<float> logits =
        kept_rows(file, sequence + ".rows", model.config().vocab_size, output.logits.values);
    EXPECT_LT(relative_difference(logits, file.floats(sequence + ".logits")), tolerance())
        << sequence;
    if (!file.has(sequence + ".hidden_states.0")) {
      continue;
    }
    for (std::size_t i = 0; i < output.hidden_states.size(); ++i) {
      const std::string tensor = sequence + ".hidden_states." + std::to_string(i);
      const std::vector<float> rows =
          kept_rows(file, sequence + ".hidden_rows", model.config().hidden_size,
                    output.hidden_states[i].values);
      EXPECT_LT(relative_difference(rows, file.floats(tensor)), tolerance()) << tensor;
    }
  }
}

std::string longest_sequence(const GoldenFile& file) {
  const std::vector<std::string> names = file.sequences();
  return *std::max_element(names.begin(), names.end(), [&](const auto& a, const auto& b) {
    return file.input_ids(a).size() < file.input_ids(b).size();
  });
}

// Logits of all tokens when the sequence is given in pieces of `piece` tokens.
std::vector<float> forward_in_pieces(MiniMaxForCausalLM& model, std::span<const std::int32_t> ids,
                                     std::size_t piece) {
  State state = model.new_state();
  std::vector<float> logits;
  for (std::size_t begin = 0; begin < ids.size(); begin += piece) {
    const MoeCausalLMOutputWithPast output = model.forward(
        ids.subspan(begin, std::min(piece, ids.size() - begin)), {.past_key_values = {&state, 1}});
    logits.insert(logits.end(), output.logits.values.begin(), output.logits.values.end());
  }
  return logits;
}

TEST_P(RandomModel, AgreesWithItselfForAnySplitOfTheTokens) {
  MiniMaxForCausalLM model = load(name(), device());
  const GoldenFile file = golden();
  const std::vector<std::int32_t> ids = file.input_ids(longest_sequence(file));
  const std::vector<float> whole = model.forward(ids).logits.values;
  for (const std::size_t piece : {1u, 7u, 16u, 33u}) {
    EXPECT_LT(relative_difference(forward_in_pieces(model, ids, piece), whole), kSplitTolerance)
        << "pieces of " << piece;
  }
}

TEST_P(RandomModel, ContinuesARestoredStateWithTheSameBits) {
  MiniMaxForCausalLM model = load(name(), device());
  const GoldenFile file = golden();
  const std::vector<std::int32_t> ids = file.input_ids(longest_sequence(file));
  const std::span<const std::int32_t> all(ids);
  const std::size_t half = ids.size() / 2;
  State state = model.new_state();
  model.forward(all.first(half), {.past_key_values = {&state, 1}});
  State copy = state;
  State restored = model.restore_state(state.save());
  EXPECT_EQ(restored.length(), static_cast<std::int64_t>(half));

  const std::vector<float> original =
      model.forward(all.subspan(half), {.past_key_values = {&state, 1}}).logits.values;
  EXPECT_EQ(model.forward(all.subspan(half), {.past_key_values = {&copy, 1}}).logits.values,
            original);
  EXPECT_EQ(model.forward(all.subspan(half), {.past_key_values = {&restored, 1}}).logits.values,
            original);
  EXPECT_EQ(restored.save(), state.save());
}

std::vector<std::string> all_model_names() {
  std::vector<std::string> names = random_model_names();
  names.emplace_back(kDemonstrationModel);
  return names;
}

std::string test_name(const ::testing::TestParamInfo<std::tuple<std::string, Device>>& test) {
  const auto& [name, device] = test.param;
  constexpr const char* kNames[] = {"_reference", "_cpu", "_cuda"};
  std::string text = name + kNames[static_cast<int>(device)];
  std::replace_if(text.begin(), text.end(), [](char c) { return c == '-' || c == '/'; }, '_');
  return text;
}

const auto kDevices = ::testing::Values(Device::kReference, Device::kCpu, Device::kCuda);
INSTANTIATE_TEST_SUITE_P(All, GoldenModel,
                         ::testing::Combine(::testing::ValuesIn(all_model_names()), kDevices),
                         test_name);
INSTANTIATE_TEST_SUITE_P(All, RandomModel,
                         ::testing::Combine(::testing::ValuesIn(random_model_names()), kDevices),
                         test_name);

TEST(Threads, DoNotChangeABit) {
  for (const char* name : {"lightning_first", "shared_expert", "text_01"}) {
    const GoldenFile file(golden_path(name));
    const std::vector<std::int32_t> ids = file.input_ids(longest_sequence(file));
    MiniMaxForCausalLM single = load(name, Device::kCpu, 1);
    const std::vector<float> expected = single.forward(ids).logits.values;
    const std::vector<float> expected_steps = forward_in_pieces(single, ids, 1);
    for (const int threads : {2, 5}) {
      MiniMaxForCausalLM model = load(name, Device::kCpu, threads);
      EXPECT_EQ(model.forward(ids).logits.values, expected) << name << " with " << threads;
      EXPECT_EQ(forward_in_pieces(model, ids, 1), expected_steps) << name << " with " << threads;
    }
  }
}

// Logits of the tokens after the first `prompt_tokens`, given one by one.
std::vector<float> decode(MiniMaxForCausalLM& model, std::span<const std::int32_t> ids,
                          std::size_t prompt_tokens) {
  State state = model.new_state();
  model.forward(ids.first(prompt_tokens), {.past_key_values = {&state, 1}, .logits_to_keep = 1});
  std::vector<float> logits;
  for (std::size_t i = prompt_tokens; i < ids.size(); ++i) {
    const std::vector<float> row =
        model.forward(ids.subspan(i, 1), {.past_key_values = {&state, 1}}).logits.values;
    logits.insert(logits.end(), row.begin(), row.end());
  }
  return logits;
}

TEST(CachedDecoding, EqualsTheFullForwardAlsoWhereThatOfTransformersDoesNot) {
  const GoldenFile file(golden_path("").parent_path() / "cached_decoding.safetensors");
  for (const Device device : {Device::kReference, Device::kCpu}) {
    for (const std::string name : {"lightning_first", "softmax_first"}) {
      MiniMaxForCausalLM model = load(name, device);
      const std::vector<std::int32_t> ids = file.input_ids(name);
      const std::vector<float> full = file.floats(name + ".full");
      const std::size_t rows = full.size() / static_cast<std::size_t>(model.config().vocab_size);
      const std::vector<float> logits = decode(model, ids, ids.size() - rows);
      EXPECT_LT(relative_difference(logits, full), kCpuTolerance) << name;
      // With layer 0 lightning its cache reports a length of 0: positions begin anew.
      const double of_transformers = relative_difference(file.floats(name + ".cached"), full);
      EXPECT_EQ(of_transformers > 0.1, name == "lightning_first") << of_transformers;
    }
  }
}

TEST(ZeroRows, AreFoundAndNeverGenerated) {
  MiniMaxForCausalLM model = load("m1", Device::kCpu);
  const std::vector<std::int32_t>& suppressed = model.suppressed_tokens();
  ASSERT_FALSE(suppressed.empty());
  EXPECT_EQ(suppressed.back(), model.config().vocab_size - 1);
  GenerationConfig config;
  config.do_sample = true;
  config.temperature = 50.0;  // nearly uniform: a token that is not excluded would appear
  config.max_new_tokens = 400;
  const std::vector<std::int32_t> prompt = {1, 2, 3};
  for (const std::int32_t token : model.generate(prompt, config).tokens) {
    EXPECT_EQ(std::count(suppressed.begin(), suppressed.end(), token), 0);
  }
}

}  // namespace
}  // namespace minimax::testing
