// SPDX-License-Identifier: Apache-2.0
#include "support/profile_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "engine/pretrained_model.h"
#include "support/synthetic.h"

namespace minimax::apps {
namespace {

using ::testing::HasSubstr;

TEST(Profile, CoversAllWeightsOfAStep) {
  auto model = MiniMaxForCausalLM::from_config(synthetic_config({.name = "tiny"}),
                                               {.threads = 1, .random_format = "bf16"});
  MiniMaxPreTrainedModel::Impl& impl = model.impl();
  model::SequenceState state = engine::empty_sequence(impl.model);
  const std::array<std::int32_t, 1> token = {5};
  const std::array<std::int64_t, 2> cu_seqlens = {0, 1};
  const std::array<model::SequenceState*, 1> states = {&state};
  const std::array<std::int32_t, 1> rows = {0};
  const auto times = impl.runner.profile(
      {.token_ids = token, .cu_seqlens = cu_seqlens, .states = states, .output_rows = rows}, 3);
  EXPECT_EQ(times.front().part, "embedding");
  EXPECT_EQ(times.back().part, "head");
  const auto router = std::ranges::find(times, "router", &engine::PartTime::part);
  ASSERT_NE(router, times.end());
  EXPECT_EQ(router->calls, 8);

  const std::vector<ProfiledPart> parts = with_work(times, impl.model, {});
  double bytes = 0;
  for (const ProfiledPart& part : parts) {
    EXPECT_GT(part.time.seconds, 0.0) << part.time.part;
    bytes += part.work.bytes;
  }
  // Beside the weights of a token states are moved, and norms, routers and rounding are left out.
  const auto weights = static_cast<double>(model.size().active_weight_bytes);
  const auto state_bytes = static_cast<double>(state.bytes());
  EXPECT_GT(bytes, 0.95 * weights);
  EXPECT_LT(bytes, weights + 3 * state_bytes);
  EXPECT_THAT(profile_text(parts, {.bytes_per_second = 1e9, .flops = 1e12}),
              HasSubstr("lightning qkv"));
}

TEST(Profile, FloorIsTheSlowerOfBothRoofs) {
  EXPECT_EQ(floor_seconds({.bytes = 10, .flops = 10}, 5, 1), 10);
  EXPECT_EQ(floor_seconds({.bytes = 10, .flops = 10}, 1, 5), 10);
  EXPECT_EQ(floor_seconds({.bytes = 10, .flops = 10}, 0, 5), 0);
}

}  // namespace
}  // namespace minimax::apps
