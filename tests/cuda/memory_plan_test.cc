// SPDX-License-Identifier: Apache-2.0
// What a model takes of a GPU's memory is what was worked out before.
#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "cuda/device.h"
#include "cuda/memory.h"
#include "cuda/runtime.h"
#include "engine/pretrained_model.h"
#include "engine/workspace.h"
#include "minimax/error.h"
#include "tests/support/gpu.h"
#include "tests/support/thrown_by.h"

namespace minimax::engine {
namespace {

MiniMaxConfig large_config() {
  MiniMaxConfig config;
  config.vocab_size = 50000;
  config.hidden_size = 2048;
  config.intermediate_size = 4096;
  config.num_hidden_layers = 8;
  config.num_attention_heads = 16;
  config.num_key_value_heads = 4;
  config.head_dim = 128;
  config.num_local_experts = 16;
  return config.resolved();
}

TEST(CudaMemoryPlan, IsWithinTwoPercent) {
  if (const std::string missing = testing::missing_gpu(); !missing.empty()) {
    GTEST_SKIP() << missing;
  }
  const cuda::Runtime context;  // what CUDA takes for itself is not the model's
  const std::int64_t before = cuda::require_device().free_bytes;
  auto model = MiniMaxForCausalLM::from_config(
      large_config(), {.device = Device::kCuda, .random_format = "bf16"}, 1);
  State state = model.new_state();
  std::vector<std::int32_t> ids(300);
  std::iota(ids.begin(), ids.end(), 0);
  model.forward(ids, {.past_key_values = {&state, 1}, .logits_to_keep = 1});
  const std::int64_t taken = before - cuda::require_device().free_bytes;
  const model::ModelMeasure measure{.size = model.size(),
                                    .precision = model.impl().model.precision};
  DevicePlan plan = plan_device(model.config(), measure, Device::kCuda, 1);
  plan.state = state.bytes();
  EXPECT_LT(std::abs(static_cast<double>(taken - plan.total())), 0.02 * static_cast<double>(taken))
      << "taken " << taken << ", " << plan.arithmetic();
}

TEST(CudaMemoryPlan, RefusesWithTheArithmetic) {
  if (const std::string missing = testing::missing_gpu(); !missing.empty()) {
    GTEST_SKIP() << missing;
  }
  MiniMaxConfig config = large_config();
  config.num_hidden_layers = 2000;
  config.layer_types.clear();
  const testing::Thrown thrown = testing::thrown_by([&] {
    MiniMaxForCausalLM::from_config(config, {.device = Device::kCuda, .random_format = "bf16"}, 1);
  });
  EXPECT_EQ(thrown.code, ErrorCode::kOutOfMemory);
  EXPECT_NE(thrown.message.find("weights "), std::string::npos) << thrown;
  EXPECT_NE(thrown.message.find(" + activations "), std::string::npos) << thrown;
}

// The greedy token behind a few others, with a runner and a state of its own.
std::int32_t next_token(const model::Model& model, const LoadOptions& options) {
  Runner runner(model, options);
  model::SequenceState state = empty_sequence(model);
  std::vector<float> logits(static_cast<std::size_t>(model.config.vocab_size));
  const std::vector<std::int32_t> ids = {1, 2, 3};
  runner.run(ids, state, logits);
  const std::vector<std::int64_t> cu_seqlens = {0, 1};
  const std::vector<std::int32_t> token = {argmax(logits)};
  const std::vector<std::int32_t> rows = {0};
  const std::vector<model::SequenceState*> states = {&state};
  std::vector<std::int32_t> chosen(1);
  runner.choose(
      {.token_ids = token, .cu_seqlens = cu_seqlens, .states = states, .output_rows = rows},
      std::vector<ChoicePlan>(1), chosen);
  return chosen.front();
}

// Takes the memory of the GPU but for about so many bytes: it comes in pieces.
tensor::Buffer all_but(std::int64_t left) {
  constexpr std::int64_t kPiece = std::int64_t{2} << 20;
  for (std::int64_t bytes = cuda::require_device().free_bytes - left;; bytes -= kPiece) {
    try {
      return cuda::device_memory().allocate(bytes);
    } catch (const Error&) {
      EXPECT_GT(bytes, 64 * kPiece);
    }
  }
}

TEST(CudaMemoryPlan, FailsCleanlyWhereverMemoryEnds) {
  if (const std::string missing = testing::missing_gpu(); !missing.empty()) {
    GTEST_SKIP() << missing;
  }
  MiniMaxConfig config = large_config();
  config.num_hidden_layers = 2;
  config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention};
  const LoadOptions options{.device = Device::kCuda, .random_format = "int4_g64"};
  auto model = MiniMaxForCausalLM::from_config(config, options, 1);
  const std::int32_t expected = next_token(model.impl().model, options);
  int failures = 0;
  for (std::int64_t left = std::int64_t{1} << 20; left < std::int64_t{8} << 30; left *= 2) {
    const tensor::Buffer others = all_but(left);
    try {
      EXPECT_EQ(next_token(model.impl().model, options), expected);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory) << error.what();
      ++failures;
    }
  }
  EXPECT_GT(failures, 3);
  EXPECT_EQ(next_token(model.impl().model, options), expected);
}

}  // namespace
}  // namespace minimax::engine
