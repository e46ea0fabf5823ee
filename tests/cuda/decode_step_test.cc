// SPDX-License-Identifier: Apache-2.0
// Recorded steps give the bits of steps that run kernel by kernel, and the tokens of the host.
#include "engine/decode_step.h"

#include <deque>
#include <numeric>
#include <vector>

#include "engine/pretrained_model.h"
#include "minimax/model.h"
#include "tests/support/gpu.h"

namespace minimax::engine {
namespace {

MiniMaxConfig small_config() {
  MiniMaxConfig config;
  config.vocab_size = 1000;
  config.hidden_size = 256;
  config.intermediate_size = 192;
  config.num_hidden_layers = 4;
  config.layer_types = {LayerType::kLinearAttention, LayerType::kFullAttention,
                        LayerType::kLinearAttention, LayerType::kFullAttention};
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 64;
  config.num_local_experts = 8;
  config.num_experts_per_tok = 2;
  return config;
}

/// Sequences of different depths that a model goes on with.
class Batch {
 public:
  Batch(MiniMaxForCausalLM& model, std::int64_t sequences) : impl_(model.impl()) {
    for (std::int64_t i = 0; i < sequences; ++i) {
      states_.push_back(empty_sequence(impl_.model));
      states_.back().imagine(100 + 13 * i, static_cast<std::uint64_t>(i));
      pointers_.push_back(&states_.back());
      tokens_.push_back(static_cast<std::int32_t>(7 * i + 1));
      GenerationConfig config;
      config.do_sample = i % 2 == 1;
      config.top_k = 50;
      config.seed = static_cast<std::uint64_t>(i);
      samplers_.emplace_back(config, std::vector<std::int32_t>{2});
    }
    cu_seqlens_.resize(tokens_.size() + 1);
    std::iota(cu_seqlens_.begin(), cu_seqlens_.end(), std::int64_t{0});
    rows_.resize(tokens_.size());
    std::iota(rows_.begin(), rows_.end(), 0);
  }

  const std::vector<std::int32_t>& choose(Replay replay) {
    std::vector<ChoicePlan> plans;
    for (Sampler& sampler : samplers_) {
      plans.push_back(sampler.plan({}, 0));
    }
    const std::vector<std::int32_t> tokens = tokens_;
    impl_.runner.choose(batch(tokens), plans, tokens_, replay);
    return tokens_;
  }

  // The same with logits that come to the host.
  const std::vector<std::int32_t>& choose_on_host() {
    std::vector<float> logits(tokens_.size() * 1000);
    impl_.runner.run(batch(tokens_), logits);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      tokens_[i] = samplers_[i].sample(std::span(logits).subspan(1000 * i, 1000), {}, 0);
    }
    return tokens_;
  }

  std::vector<std::string> saved() const {
    std::vector<std::string> all;
    for (const model::SequenceState& state : states_) {
      all.push_back(state.save());
    }
    return all;
  }

 private:
  model::Batch batch(std::span<const std::int32_t> tokens) const {
    return {
        .token_ids = tokens, .cu_seqlens = cu_seqlens_, .states = pointers_, .output_rows = rows_};
  }

  MiniMaxPreTrainedModel::Impl& impl_;
  std::deque<model::SequenceState> states_;
  std::vector<model::SequenceState*> pointers_;
  std::vector<std::int32_t> tokens_;
  std::deque<Sampler> samplers_;
  std::vector<std::int64_t> cu_seqlens_;
  std::vector<std::int32_t> rows_;
};

TEST(DecodeStep, GivesTheSameBitsRecorded) {
  if (const std::string missing = testing::missing_gpu(); !missing.empty()) {
    GTEST_SKIP() << missing;
  }
  for (const char* format : {"bf16", "int4_g64", "q8_0"}) {
    auto model = MiniMaxForCausalLM::from_config(
        small_config(), {.device = Device::kCuda, .random_format = format}, 1);
    for (const std::int64_t sequences : {1, 3, 17, 64}) {
      Batch recorded(model, sequences);
      Batch eager(model, sequences);
      Batch host(model, sequences);
      for (int step = 0; step < 40; ++step) {  // new pages are begun
        const std::vector<std::int32_t> tokens = recorded.choose(Replay::kWherePossible);
        ASSERT_EQ(tokens, eager.choose(Replay::kNever)) << format << ", step " << step;
        ASSERT_EQ(tokens, host.choose_on_host()) << format << ", step " << step;
      }
      EXPECT_EQ(recorded.saved(), eager.saved()) << format;
    }
  }
}

}  // namespace
}  // namespace minimax::engine
