// SPDX-License-Identifier: Apache-2.0
// Logits processors against transformers 5.17, one by one and composed.
//
// Bits are compared. That is right although the filters compute probabilities with other roundings:
// a filter changes no score, it only forbids, and the cases are those in which the set of forbidden
// tokens is the same in float64 and for limits a millionth to either side.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "base/json.h"
#include "engine/processor_list.h"
#include "minimax/model.h"
#include "tests/golden/golden_file.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/thrown_by.h"

namespace minimax::testing {
namespace {

using base::Json;

std::filesystem::path folder() { return golden_path("processors").parent_path(); }

Json read_cases() { return base::read_json_file((folder() / "cases.json").string()); }

const Json& member(const Json& object, const char* key) { return *object.find(key); }

std::vector<std::int32_t> ids_of(const Json& list) {
  std::vector<std::int32_t> ids;
  for (const Json& id : list.array()) {
    ids.push_back(static_cast<std::int32_t>(id.integer()));
  }
  return ids;
}

// The fields of a case, read as a generation_config.json of a model.
GenerationConfig read_config(const Json& fields, const MiniMaxConfig& model) {
  const TemporaryDirectory directory;
  directory.write("generation_config.json", base::write_json(fields));
  GenerationConfig config = GenerationConfig::from_pretrained(directory.path(), model);
  EXPECT_THAT(config.warnings, ::testing::IsEmpty());
  return config;
}

// Twin of LiftEveryThird in tools/goldens/processors.py.
void lift_every_third(std::span<const std::int32_t> /*input_ids*/, std::span<float> scores) {
  for (std::size_t id = 0; id < scores.size(); id += 3) {
    scores[id] += 2.0f;
  }
}

engine::ProcessorList processors_of(const Json& entry, std::int64_t vocab_size) {
  MiniMaxConfig model;
  model.vocab_size = vocab_size;
  model.eos_token_id = {};
  const GenerationConfig config = read_config(member(entry, "config"), model)
                                      .for_prompt(member(entry, "prompt_tokens").integer());
  std::vector<LogitsProcessor> user_defined;
  if (member(entry, "user_defined").boolean()) {
    user_defined.emplace_back(lift_every_third);
  }
  return {config, {}, std::move(user_defined)};
}

std::string first_difference(const std::vector<float>& actual, const std::vector<float>& expected) {
  for (std::size_t id = 0; id < expected.size(); ++id) {
    if (std::bit_cast<std::uint32_t>(actual[id]) != std::bit_cast<std::uint32_t>(expected[id])) {
      return "token " + std::to_string(id) + ": expected " + std::to_string(expected[id]) +
             ", found " + std::to_string(actual[id]);
    }
  }
  return "";
}

// Without the processor that transformers also has where min_length is no longer than the prompt.
std::vector<std::string> effective(std::vector<std::string> names) {
  std::erase(names, "min_new_tokens");
  return names;
}

std::vector<std::string> strings_of(const Json& list) {
  std::vector<std::string> strings;
  for (const Json& each : list.array()) {
    strings.push_back(each.string());
  }
  return strings;
}

TEST(Processors, GiveTheBitsOfTransformers) {
  const GoldenFile golden(folder() / "scores.safetensors");
  const Json cases = read_cases();
  ASSERT_GT(member(cases, "cases").array().size(), 300u);
  for (const Json& entry : member(cases, "cases").array()) {
    const std::string& name = member(entry, "name").string();
    std::vector<float> scores = golden.floats("row." + member(entry, "row").string());
    const engine::ProcessorList list =
        processors_of(entry, static_cast<std::int64_t>(scores.size()));
    const std::vector<std::int32_t> input_ids = ids_of(member(entry, "input_ids"));
    const auto length = static_cast<std::int64_t>(input_ids.size());
    list.apply(input_ids, length - member(entry, "prompt_tokens").integer(), scores);
    EXPECT_EQ(first_difference(scores, golden.floats("scores." + name)), "") << name;
    EXPECT_EQ(effective(list.names()), effective(strings_of(member(entry, "order")))) << name;
  }
}

TEST(Processors, StandInTheOrderOfTransformers) {
  const Json cases = read_cases();
  for (const Json& entry : member(cases, "cases").array()) {
    if (member(entry, "name").string() == "everything.random") {
      EXPECT_EQ(processors_of(entry, 100).names(), strings_of(member(entry, "order")));
      return;
    }
  }
  FAIL() << "no case has every processor";
}

TEST(Generate, GivesTheTransitionScoresOfTransformers) {
  const GoldenFile golden(folder() / "scores.safetensors");
  const Json cases = read_cases();
  const Json& generation = member(cases, "generate");
  MiniMaxForCausalLM model = MiniMaxForCausalLM::from_pretrained(
      golden_model_directory(member(generation, "model").string()),
      {.dtype = ComputeType::kFloat32, .threads = 2});
  GenerationConfig config = read_config(member(generation, "config"), model.config());
  const std::vector<std::int32_t> prompt = ids_of(member(generation, "input_ids"));
  EXPECT_TRUE(model.generate(prompt, config).scores.empty());

  config.output_scores = true;
  const GenerateOutput output = model.generate(prompt, config);
  const std::vector<std::int64_t> ids = golden.integers("generate.ids");
  ASSERT_TRUE(std::ranges::equal(output.tokens, ids));
  // Sums of float32 in another order; tests/golden/parity_test.cc allows the logits 1e-5 of their
  // range, which is below 10 here. The least distance of a best score from the next is 0.09.
  constexpr float kTolerance = 1e-4f;
  EXPECT_THAT(output.scores, ::testing::Pointwise(::testing::FloatNear(kTolerance),
                                                  golden.floats("generate.scores")));
  EXPECT_THAT(output.logprobs, ::testing::Pointwise(::testing::FloatNear(kTolerance),
                                                    golden.floats("generate.logprobs")));
}

class SmallModel : public ::testing::Test {
 protected:
  MiniMaxForCausalLM model_ =
      MiniMaxForCausalLM::from_pretrained(golden_model_directory("eos_list"), {.threads = 2});
  GenerationConfig config_ = model_.generation_config();
  std::vector<std::int32_t> prompt_ = {5, 9, 17};
};

TEST_F(SmallModel, ShowsUserDefinedProcessorsEveryTokenSoFar) {
  config_.max_new_tokens = 4;
  config_.do_sample = false;
  config_.ignore_eos = true;
  std::vector<std::int32_t> seen;
  const LogitsProcessor only_6 = [&](std::span<const std::int32_t> ids, std::span<float> scores) {
    seen.assign(ids.begin(), ids.end());
    scores[6] = 1e6f;
  };
  const GenerateOutput output = model_.generate(prompt_, config_, {.logits_processor = {only_6}});
  EXPECT_THAT(output.tokens, ::testing::ElementsAre(6, 6, 6, 6));
  EXPECT_THAT(seen, ::testing::ElementsAre(5, 9, 17, 6, 6, 6));
}

TEST_F(SmallModel, ScoresWhatItDraws) {
  config_.max_new_tokens = 8;
  config_.ignore_eos = true;
  config_.do_sample = true;
  config_.output_scores = true;
  GenerateOutput output = model_.generate(prompt_, config_);
  EXPECT_EQ(output.logprobs.size(), 8u);
  EXPECT_THAT(output.logprobs, ::testing::Each(::testing::Lt(0.0f)));
  config_.top_k = 1;  // leaves a certainty
  output = model_.generate(prompt_, config_);
  EXPECT_THAT(output.logprobs, ::testing::Each(0.0f));
}

TEST_F(SmallModel, EndsAtMaxLength) {
  config_.max_length = 10;
  config_.max_new_tokens.reset();
  config_.ignore_eos = true;
  State state = model_.new_state();
  EXPECT_EQ(model_.generate(prompt_, config_, {.state = &state}).tokens.size(), 7u);
  // The state has 9 tokens: the last one was chosen but not read.
  config_.max_length = 13;
  EXPECT_EQ(model_.generate(prompt_, config_, {.state = &state}).tokens.size(), 1u);
}

TEST_F(SmallModel, NamesTheListWithAnIdOutsideOfTheVocabulary) {
  const auto message = [&](auto change) {
    GenerationConfig config = config_;
    change(config);
    return thrown_by([&] { model_.generate(prompt_, config); }).message;
  };
  using ::testing::StartsWith;
  EXPECT_THAT(message([](auto& c) { c.suppress_tokens = {-1}; }), StartsWith("suppress_tokens:"));
  EXPECT_THAT(message([](auto& c) { c.begin_suppress_tokens = {1 << 30}; }),
              StartsWith("begin_suppress_tokens:"));
  EXPECT_THAT(message([](auto& c) { c.bad_words_ids = {{1, 1 << 30}}; }),
              StartsWith("bad_words_ids:"));
}

}  // namespace
}  // namespace minimax::testing
