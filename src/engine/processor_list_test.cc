// SPDX-License-Identifier: Apache-2.0
#include "engine/processor_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "engine/logits_processors.h"
#include "tests/support/thrown_by.h"

namespace minimax::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Scores = std::span<float>;
using Ids = std::span<const std::int32_t>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(ProcessorList, DoesNothingByDefault) {
  EXPECT_THAT(ProcessorList(GenerationConfig{}, {}).names(), IsEmpty());
  GenerationConfig config;
  config.do_sample = true;
  EXPECT_THAT(ProcessorList(config, {}).names(), IsEmpty());
}

TEST(ProcessorList, LeavesOutTheFiltersWhereTheBestTokenIsTaken) {
  GenerationConfig config;
  config.top_k = 3;
  config.repetition_penalty = 1.5;
  EXPECT_THAT(ProcessorList(config, {}).names(), ElementsAre("repetition_penalty"));
  config.do_sample = true;
  EXPECT_THAT(ProcessorList(config, {}).names(), ElementsAre("repetition_penalty", "top_k"));
  config.temperature = 0.0;
  EXPECT_THAT(ProcessorList(config, {}).names(), ElementsAre("repetition_penalty"));
}

TEST(ProcessorList, CallsUserDefinedProcessorsInTheirOrder) {
  const std::vector<std::int32_t> ids = {1, 0};
  const ProcessorList list(GenerationConfig{}, {},
                           {[&](Ids seen, Scores scores) {
                              EXPECT_THAT(seen, ::testing::ElementsAreArray(ids));
                              scores[0] += 1.0f;
                            },
                            [](Ids, Scores scores) { scores[0] *= 10.0f; }});
  std::vector<float> scores = {1.0f, 2.0f};
  list.apply(ids, 1, scores);
  EXPECT_THAT(scores, ElementsAre(20.0f, 2.0f));
}

TEST(ProcessorList, KeepsSuppressedTokensFromUserDefinedProcessors) {
  GenerationConfig config;
  config.ignore_eos = true;
  config.eos_token_id = {2};
  const auto raise_all = [](Ids, Scores scores) {
    EXPECT_EQ(scores[0], kForbidden);
    for (float& score : scores) {
      score = 9.0f;
    }
  };
  const ProcessorList list(config, std::vector<std::int32_t>{0}, {raise_all});
  std::vector<float> scores = {5.0f, 1.0f, 5.0f};
  list.apply({}, 0, scores);
  EXPECT_THAT(scores, ElementsAre(kForbidden, 9.0f, kForbidden));
}

TEST(ProcessorList, NamesTheProcessorThatReturnsNoNumber) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {kNan, infinity}) {
    const ProcessorList list(GenerationConfig{}, {},
                             {[](Ids, Scores) {}, [&](Ids, Scores scores) { scores[1] = bad; }});
    std::vector<float> scores = {1.0f, 2.0f};
    const testing::Thrown error = testing::thrown_by([&] { list.apply({}, 0, scores); });
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(error.message, HasSubstr("logits_processor[1]: expected"));
    EXPECT_THAT(error.message, HasSubstr("token 1"));
  }
}

TEST(ProcessorList, RefusesLogitsThatAreNoNumbers) {
  for (const float bad : {kNan, std::numeric_limits<float>::infinity()}) {
    std::vector<float> scores = {1.0f, bad};
    const ProcessorList list(GenerationConfig{}, {});
    EXPECT_EQ(testing::thrown_by([&] { list.apply({}, 0, scores); }).code, ErrorCode::kCorruptFile);
  }
}

TEST(ProcessorList, RefusesToForbidEveryToken) {
  GenerationConfig config;
  config.do_sample = true;
  config.top_p = 0.5;
  config.suppress_tokens = {0, 1};
  std::vector<float> scores = {1.0f, 2.0f};
  const testing::Thrown error =
      testing::thrown_by([&] { ProcessorList(config, {}).apply({}, 0, scores); });
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("no token is left"));
}

}  // namespace
}  // namespace minimax::engine
