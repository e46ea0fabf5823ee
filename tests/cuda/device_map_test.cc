// SPDX-License-Identifier: Apache-2.0
// Models with experts in the memory of the host give the bits of those that lie on the GPU alone.
#include <algorithm>
#include <deque>
#include <numeric>
#include <vector>

#include "cuda/device.h"
#include "engine/pretrained_model.h"
#include "engine/workspace.h"
#include "minimax/error.h"
#include "minimax/model.h"
#include "tests/support/gpu.h"
#include "tests/support/thrown_by.h"

namespace minimax::engine {
namespace {

constexpr std::int64_t kVocabulary = 1000;

MiniMaxConfig small_config() {
  MiniMaxConfig config;
  config.vocab_size = kVocabulary;
  config.hidden_size = 256;
  config.intermediate_size = 192;
  config.num_hidden_layers = 5;
  config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention,
                        LayerType::kLinearAttention, LayerType::kFullAttention,
                        LayerType::kLinearAttention};
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 64;
  config.num_local_experts = 8;
  config.num_experts_per_tok = 2;
  return config;
}

LoadOptions options_of(const char* format, ComputeType dtype,
                       std::optional<DeviceMap> map = std::nullopt) {
  return {.device = Device::kCuda,
          .dtype = dtype,
          .device_map = std::move(map),
          .random_format = format};
}

std::vector<float> logits_of(MiniMaxForCausalLM& model, std::int64_t tokens) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<std::int32_t>(i * 7919 % kVocabulary);
  }
  State state = model.new_state();
  const auto output = model.forward(
      ids, {.past_key_values = {&state, 1}, .logits_to_keep = std::min<std::int64_t>(tokens, 3)});
  return output.logits.values;
}

// Greedy tokens of some sequences, by steps that are recorded.
std::vector<std::int32_t> choices_of(MiniMaxForCausalLM& model, std::int64_t sequences) {
  MiniMaxPreTrainedModel::Impl& impl = model.impl();
  std::deque<model::SequenceState> states;
  std::vector<model::SequenceState*> pointers;
  for (std::int64_t i = 0; i < sequences; ++i) {
    states.push_back(empty_sequence(impl.model));
    states.back().imagine(100 + 13 * i, static_cast<std::uint64_t>(i));
    pointers.push_back(&states.back());
  }
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(sequences));
  std::vector<std::int64_t> cu_seqlens(tokens.size() + 1);
  std::vector<std::int32_t> rows(tokens.size());
  std::iota(tokens.begin(), tokens.end(), 1);
  std::iota(cu_seqlens.begin(), cu_seqlens.end(), std::int64_t{0});
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<std::int32_t> all;
  for (int step = 0; step < 6; ++step) {
    const std::vector<std::int32_t> now = tokens;
    impl.runner.choose(
        {.token_ids = now, .cu_seqlens = cu_seqlens, .states = pointers, .output_rows = rows},
        std::vector<ChoicePlan>(tokens.size()), tokens);
    all.insert(all.end(), tokens.begin(), tokens.end());
  }
  return all;
}

const DeviceMap kSome{.modules = {{"model.layers.1.mlp.experts", "cpu"},
                                  {"model.layers.2.mlp.experts", "cpu"},
                                  {"model.layers.4.mlp.experts", "cpu"}}};
const DeviceMap kOne{.modules = {{"model.layers.3.mlp.experts", "cpu"}}};
const DeviceMap kAll{.modules = {{"", "cpu"}}};

class CudaDeviceMap : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (const std::string missing = testing::missing_gpu(); !missing.empty()) {
      GTEST_SKIP() << missing;
    }
  }

  static void expect_the_same(const char* format, ComputeType dtype) {
    auto on_gpu = MiniMaxForCausalLM::from_config(small_config(), options_of(format, dtype), 1);
    for (const DeviceMap& map : {kOne, kSome, kAll}) {
      auto model =
          MiniMaxForCausalLM::from_config(small_config(), options_of(format, dtype, map), 1);
      EXPECT_GT(model.size().host_weight_bytes, 0);
      for (const std::int64_t tokens : {1, 63, 64, 65, 300}) {
        EXPECT_EQ(logits_of(model, tokens), logits_of(on_gpu, tokens)) << format << tokens;
      }
      for (const std::int64_t sequences : {1, 3, 17, 64}) {
        EXPECT_EQ(choices_of(model, sequences), choices_of(on_gpu, sequences))
            << format << sequences;
      }
    }
  }
};

TEST_P(CudaDeviceMap, GivesTheSameBits) { expect_the_same(GetParam(), ComputeType::kBFloat16); }

// Rows of blocks, for which no kernel reads the chosen experts alone: recorded steps copy.
TEST_P(CudaDeviceMap, GivesTheSameBitsInFloat32) {
  expect_the_same(GetParam(), ComputeType::kFloat32);
}

INSTANTIATE_TEST_SUITE_P(Formats, CudaDeviceMap, ::testing::Values("bf16", "int4_g64", "q8_0"));

class CudaDeviceMapOfFiles : public CudaDeviceMap {};

TEST_P(CudaDeviceMapOfFiles, GivesTheSameBits) {
  const std::filesystem::path directory =
      std::filesystem::path(MINIMAX_SOURCE_DIR) / "models/tiny-minimax";
  LoadOptions options{.device = Device::kCuda};
  options.dtype = std::string(GetParam()) == "float32" ? ComputeType::kFloat32 : ComputeType::kAuto;
  if (std::string(GetParam()) == "nf4") {
    options.quantization_config = BitsAndBytesConfig{.load_in_4bit = true,
                                                     .bnb_4bit_quant_type = Bnb4BitQuantType::kNf4,
                                                     .bnb_4bit_use_double_quant = true};
  }
  auto on_gpu = MiniMaxForCausalLM::from_pretrained(directory, options);
  for (const DeviceMap& map : {kOne, kAll}) {
    options.device_map = map;
    auto model = MiniMaxForCausalLM::from_pretrained(directory, options);
    EXPECT_GT(model.size().host_weight_bytes, 0);
    for (const std::int64_t tokens : {1, 100}) {
      EXPECT_EQ(logits_of(model, tokens), logits_of(on_gpu, tokens)) << tokens;
    }
    const std::vector<std::int32_t> prompt = {1, 2, 3, 4, 5};
    GenerationConfig config;
    config.max_new_tokens = 20;
    EXPECT_EQ(model.generate(prompt, config).tokens, on_gpu.generate(prompt, config).tokens);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, CudaDeviceMapOfFiles,
                         ::testing::Values("bf16", "float32", "nf4"));

class CudaDeviceMapAuto : public CudaDeviceMap {};

TEST_P(CudaDeviceMapAuto, StaysWithinTheMemoryThatIsAllowed) {
  MiniMaxConfig config = small_config();
  config.hidden_size = 2048;
  config.intermediate_size = 4096;
  config.num_local_experts = 16;
  const cuda::Runtime context;
  LoadOptions options = options_of(GetParam(), ComputeType::kBFloat16);
  std::int64_t needed = 0;
  {
    const std::int64_t before = cuda::require_device().free_bytes;
    auto model = MiniMaxForCausalLM::from_config(config, options, 1);
    needed = before - cuda::require_device().free_bytes;
    const std::int64_t layer = model.size().expert_weight_bytes / config.num_hidden_layers;
    options.gpu_memory_bytes = needed - layer / 2;
  }
  options.device_map = DeviceMap{.is_auto = true};
  const std::int64_t before = cuda::require_device().free_bytes;
  auto model = MiniMaxForCausalLM::from_config(config, options, 1);
  EXPECT_GT(model.size().host_weight_bytes, 0);
  EXPECT_LT(before - cuda::require_device().free_bytes, options.gpu_memory_bytes * 102 / 100);
  EXPECT_NE(model.warnings().back().find("tokens/s are expected"), std::string::npos);

  options.gpu_memory_bytes = needed / 8;
  const testing::Thrown thrown =
      testing::thrown_by([&] { MiniMaxForCausalLM::from_config(config, options, 1); });
  EXPECT_EQ(thrown.code, ErrorCode::kOutOfMemory);
  EXPECT_NE(thrown.message.find("buffers of experts"), std::string::npos) << thrown;
}

INSTANTIATE_TEST_SUITE_P(Formats, CudaDeviceMapAuto, ::testing::Values("bf16"));

}  // namespace
}  // namespace minimax::engine
