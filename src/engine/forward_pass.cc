// SPDX-License-Identifier: Apache-2.0
#include "engine/forward_pass.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "engine/losses.h"

namespace minimax::engine {
namespace {

// States for a pass that starts from none.
std::vector<State> fresh_states(const model::Model& model, const Packing& packing,
                                const ForwardOptions& options) {
  std::vector<State> states;
  if (options.past_key_values.empty()) {
    for (std::int64_t row = 0; row < packing.batch_size(); ++row) {
      states.push_back(new_state(model));
    }
  }
  return states;
}

std::vector<std::int64_t> lengths_of(std::span<const State> states) {
  std::vector<std::int64_t> lengths;
  lengths.reserve(states.size());
  for (const State& state : states) {
    lengths.push_back(state.length());
  }
  return lengths;
}

Wanted wanted_of(const MiniMaxConfig& config, const ForwardOptions& options,
                 bool last_hidden_state) {
  return {.hidden_states = options.output_hidden_states,
          .last_hidden_state = last_hidden_state,
          .router_logits = options.output_router_logits.value_or(config.output_router_logits),
          .attentions = options.output_attentions};
}

}  // namespace

void refuse_option(bool given, const char* option, const char* class_name) {
  base::check(!given, ErrorCode::kInvalidArgument,
              [&] { return fmt::format("{}: not an argument of {}", option, class_name); });
}

void check_size(const char* name, std::size_t found, std::size_t expected) {
  base::check(found == expected, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected {} values, found {}", name, expected, found);
  });
}

ForwardPass::ForwardPass(MiniMaxPreTrainedModel::Impl& impl, const ModelInputs& inputs,
                         const ForwardOptions& options, bool last_hidden_state)
    : impl_(impl),
      inputs_(inputs),
      options_(options),
      packing_(inputs, impl.model.config),
      fresh_(fresh_states(impl.model, packing_, options)),
      states_(fresh_.empty() ? options.past_key_values : std::span(fresh_)),
      collector_(wanted_of(impl.model.config, options, last_hidden_state), impl.model.config,
                 packing_, lengths_of(states_)) {
  check_size("past_key_values", states_.size(), static_cast<std::size_t>(packing_.batch_size()));
  if (!inputs.input_ids.empty()) {
    check_token_ids(packing_.pack(inputs.input_ids), impl.model.config.vocab_size);
  }
}

std::vector<float> ForwardPass::run(std::span<const std::int32_t> output_rows) {
  const std::int64_t columns = impl_.model.weights.head.weight.shape()[0];
  std::vector<float> logits(output_rows.size() * static_cast<std::size_t>(columns));
  run_model(output_rows, logits);
  return logits;
}

std::vector<float> ForwardPass::run_headless() {
  run_model({}, {});
  return options_.output_hidden_states ? collector_.hidden_states.back()
                                       : std::move(collector_.hidden_states.back());
}

model::TrainingNoise ForwardPass::noise() const {
  const MiniMaxConfig& config = impl_.model.config;
  return {.router_jitter = config.router_jitter_noise,
          .attention_dropout = config.attention_dropout,
          .classifier_dropout = classifier_dropout_,
          .seed = options_.seed};
}

void ForwardPass::run_model(std::span<const std::int32_t> output_rows, std::span<float> logits) {
  std::vector<model::SequenceState*> states;
  states.reserve(states_.size());
  for (State& state : states_) {
    states.push_back(&state.impl().sequence);
  }
  std::vector<std::int32_t> ids;
  std::vector<float> embeddings;
  if (!inputs_.input_ids.empty()) {
    ids = packing_.pack(inputs_.input_ids);
  } else {
    embeddings = packing_.pack(inputs_.inputs_embeds, impl_.model.config.hidden_size);
  }
  std::vector<std::int64_t> positions;
  if (!inputs_.position_ids.empty()) {
    positions = packing_.pack(inputs_.position_ids);
  }
  const model::TrainingNoise training = noise();
  impl_.runner.run({.token_ids = ids,
                    .inputs_embeds = embeddings,
                    .position_ids = positions,
                    .cu_seqlens = packing_.cu_seqlens(),
                    .states = states,
                    .output_rows = output_rows},
                   logits,
                   {.keeps_attention_weights = options_.output_attentions,
                    .observer = collector_.wanted().any() ? &collector_ : nullptr,
                    .noise = options_.training ? &training : nullptr});
}

FloatTensor ForwardPass::lightning_states(std::int64_t index) const {
  const MiniMaxConfig& config = impl_.model.config;
  FloatTensor all{.shape = {packing_.batch_size(), config.num_attention_heads, config.head_dim,
                            config.head_dim},
                  .values = {}};
  for (const State& state : states_) {
    const std::vector<float> values = state.impl().sequence.lightning_values(index);
    all.values.insert(all.values.end(), values.begin(), values.end());
  }
  return all;
}

void ForwardPass::fill_attentions(std::vector<FloatTensor>& attentions) {
  const std::vector<LayerType>& types = impl_.model.config.layer_types;
  std::int64_t lightning_layers = 0;
  for (std::size_t layer = 0; layer < types.size(); ++layer) {
    const bool is_linear = types[layer] == LayerType::kLinearAttention;
    attentions.push_back(is_linear ? lightning_states(lightning_layers++)
                                   : std::move(collector_.attentions[layer]));
  }
}

void ForwardPass::fill(ModelOutput& output) {
  const MiniMaxConfig& config = impl_.model.config;
  if (collector_.wanted().hidden_states) {
    for (std::vector<float>& rows : collector_.hidden_states) {
      output.hidden_states.push_back(packing_.unpack(std::move(rows), config.hidden_size));
    }
  }
  if (collector_.wanted().router_logits) {
    for (std::vector<float>& rows : collector_.routers) {
      FloatTensor padded = packing_.unpack(std::move(rows), config.num_local_experts);
      padded.shape = {packing_.batch_size() * packing_.length(), config.num_local_experts};
      output.router_logits.push_back(std::move(padded));
    }
  }
  if (collector_.wanted().attentions) {
    fill_attentions(output.attentions);
  }
  if (options_.use_cache && options_.past_key_values.empty()) {
    output.past_key_values = std::move(fresh_);
  }
}

std::optional<float> ForwardPass::aux_loss() const {
  if (!collector_.wanted().router_logits) {
    return std::nullopt;
  }
  return load_balancing_loss(collector_.routers, impl_.model.config.num_local_experts,
                             impl_.model.config.num_experts_per_tok);
}

}  // namespace minimax::engine
