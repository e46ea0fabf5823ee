// SPDX-License-Identifier: Apache-2.0
#include "engine/workspace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/pretrained_model.h"
#include "minimax/model.h"

namespace minimax::engine {
namespace {

using ::testing::HasSubstr;

MiniMaxConfig small_config() {
  MiniMaxConfig config;
  config.vocab_size = 500;
  config.hidden_size = 64;
  config.intermediate_size = 96;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  return config.resolved();
}

TEST(Workspace, IsWhatARunnerTakes) {
  for (const Device device : {Device::kReference, Device::kCpu}) {
    auto model = MiniMaxForCausalLM::from_config(small_config(), {.device = device, .threads = 2});
    const MiniMaxPreTrainedModel::Impl& impl = model.impl();
    const WorkspacePlan plan = plan_workspace(
        {.config = impl.model.config, .device = device, .threads = impl.runner.threads()});
    // Each of the two blocks comes in whole pages.
    EXPECT_LE(plan.total(), impl.runner.workspace_bytes());
    EXPECT_LT(impl.runner.workspace_bytes() - plan.total(), 2 * 4096);
    EXPECT_EQ(plan.max_tokens, impl.runner.max_tokens());
  }
}

TEST(Workspace, StaysWithinItsBudgetOnAGpu) {
  MiniMaxConfig config = small_config();
  config.hidden_size = 6144;
  config.intermediate_size = 9216;
  config.num_attention_heads = 64;
  config.head_dim = 128;
  config.vocab_size = 200064;
  const WorkspacePlan plan = plan_workspace(
      {.config = config, .precision = ops::Precision::kBFloat16, .device = Device::kCuda});
  EXPECT_LE(plan.activations + plan.scratch, 4LL << 30);
  EXPECT_GE(plan.max_tokens, 2048);
  EXPECT_GE(plan.decode_step, 64LL * 200064 * 4);
}

TEST(DevicePlan, ShowsItsSum) {
  const model::ModelMeasure measure{.size = {.weight_bytes = 3LL << 30},
                                    .precision = ops::Precision::kBFloat16};
  const DevicePlan plan = plan_device(small_config(), measure, Device::kCuda, 1);
  EXPECT_EQ(plan.total(), plan.weights + plan.workspace.total() + plan.state);
  EXPECT_THAT(plan.arithmetic(), HasSubstr("weights 3.00 GiB + activations "));
}

}  // namespace
}  // namespace minimax::engine
