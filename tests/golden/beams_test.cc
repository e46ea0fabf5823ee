// SPDX-License-Identifier: Apache-2.0
// What is generated from batches, greedily and with beams, against transformers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "minimax/model.h"
#include "tests/golden/golden_file.h"
#include "tests/support/temporary_directory.h"

namespace minimax::testing {
namespace {

using base::Json;

const Json& member(const Json& object, const char* key) { return *object.find(key); }

Json read_cases() {
  const auto path = golden_model_directory("beams") / "cases.json";
  return base::read_json_file(path.string());
}

bool has_beams(const Json& entry) { return member(entry, "config").find("num_beams") != nullptr; }

std::vector<std::vector<std::int32_t>> id_lists(const Json& lists) {
  std::vector<std::vector<std::int32_t>> all;
  for (const Json& list : lists.array()) {
    std::vector<std::int32_t>& ids = all.emplace_back();
    for (const Json& id : list.array()) {
      ids.push_back(static_cast<std::int32_t>(id.integer()));
    }
  }
  return all;
}

// The answers to all prompts, one after the other.
std::vector<std::vector<std::int32_t>> expected_answers(const Json& entry) {
  std::vector<std::vector<std::int32_t>> all;
  for (const Json& prompt : member(entry, "ids").array()) {
    for (std::vector<std::int32_t>& answer : id_lists(prompt)) {
      all.push_back(std::move(answer));
    }
  }
  return all;
}

// The fields of a case, read as a generation_config.json; no end token where it has none.
GenerationConfig read_config(const Json& entry, MiniMaxConfig model) {
  const TemporaryDirectory directory;
  directory.write("generation_config.json", base::write_json(member(entry, "config")));
  model.eos_token_id = {};
  GenerationConfig config = GenerationConfig::from_pretrained(directory.path(), model);
  EXPECT_THAT(config.warnings, ::testing::IsEmpty());
  return config;
}

std::vector<GenerateOutput> generate(MiniMaxForCausalLM& model, const Json& entry,
                                     PaddingSide side) {
  const BatchEncoding batch = pad(id_lists(member(entry, "prompts")), side);
  return model.generate(batch.inputs(), read_config(entry, model.config()));
}

std::vector<std::vector<std::int32_t>> tokens_of(const std::vector<GenerateOutput>& outputs) {
  std::vector<std::vector<std::int32_t>> tokens;
  for (const GenerateOutput& output : outputs) {
    tokens.push_back(output.tokens);
  }
  return tokens;
}

// Up to 18 log-probabilities, each off by a few units of float32 (2e-6 at 10, the largest), times
// up to 18 with a length penalty of -1: 18 * 18 * 2e-6.
constexpr float kScoreTolerance = 6e-4F;

std::vector<float> scores_of(const std::vector<GenerateOutput>& outputs) {
  std::vector<float> scores;
  for (const GenerateOutput& output : outputs) {
    scores.push_back(output.sequences_score);
  }
  return scores;
}

std::vector<float> expected_scores(const Json& entry) {
  std::vector<float> scores;
  for (const Json& prompt : member(entry, "scores").array()) {
    for (const Json& score : prompt.array()) {
      scores.push_back(static_cast<float>(score.number()));
    }
  }
  return scores;
}

class GoldenGeneration : public ::testing::TestWithParam<Device> {
 protected:
  MiniMaxForCausalLM model_ = MiniMaxForCausalLM::from_pretrained(
      golden_model_directory("beams"),
      {.device = GetParam(), .dtype = ComputeType::kFloat32, .threads = 2});
};

TEST_P(GoldenGeneration, GivesTheSequencesOfTransformers) {
  const Json cases = read_cases();
  for (const Json& entry : member(cases, "cases").array()) {
    for (const PaddingSide side : {PaddingSide::kLeft, PaddingSide::kRight}) {
      const std::vector<GenerateOutput> outputs = generate(model_, entry, side);
      EXPECT_EQ(tokens_of(outputs), expected_answers(entry)) << member(entry, "name").string();
      if (has_beams(entry)) {
        EXPECT_THAT(scores_of(outputs), ::testing::Pointwise(::testing::FloatNear(kScoreTolerance),
                                                             expected_scores(entry)))
            << member(entry, "name").string();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenGeneration, ::testing::Values(Device::kReference, Device::kCpu),
                         [](const auto& test) {
                           return test.param == Device::kReference ? "reference" : "cpu";
                         });

}  // namespace
}  // namespace minimax::testing
