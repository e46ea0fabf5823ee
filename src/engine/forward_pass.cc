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

void append(const tensor::Tensor& rows, std::vector<float>& to) {
  to.insert(to.end(), rows.data<float>(), rows.data<float>() + rows.elements());
}

/// Collects what is wanted: the vectors that were given a size.
class Collector : public model::ForwardObserver {
 public:
  Collector(Collected& collected, bool only_last) : collected_(collected), only_last_(only_last) {}

  void hidden_state(std::int64_t index, const tensor::Tensor& rows) override {
    const auto count = static_cast<std::int64_t>(collected_.hidden_states.size());
    if (index < count && (!only_last_ || index + 1 == count)) {
      append(rows, collected_.hidden_states[static_cast<std::size_t>(index)]);
    }
  }

  void router_logits(std::int64_t layer, const tensor::Tensor& rows) override {
    if (!collected_.router_logits.empty()) {
      append(rows, collected_.router_logits[static_cast<std::size_t>(layer)]);
    }
  }

 private:
  Collected& collected_;
  bool only_last_;
};

std::size_t layers_of(const MiniMaxConfig& config) { return config.layer_types.size(); }

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
                         const ForwardOptions& options)
    : impl_(impl),
      inputs_(inputs),
      options_(options),
      packing_(inputs, impl.model.config),
      wants_router_logits_(
          options.output_router_logits.value_or(impl.model.config.output_router_logits)),
      states_(options.past_key_values) {
  const auto rows = static_cast<std::size_t>(packing_.batch_size());
  if (!inputs.input_ids.empty()) {
    check_token_ids(packing_.pack(inputs.input_ids), impl.model.config.vocab_size);
  }
  if (states_.empty()) {
    for (std::size_t row = 0; row < rows; ++row) {
      fresh_.push_back(new_state(impl.model));
    }
    states_ = fresh_;
  }
  check_size("past_key_values", states_.size(), rows);
}

std::vector<float> ForwardPass::run(std::span<const std::int32_t> output_rows) {
  const std::int64_t columns = impl_.model.weights.head.weight.shape()[0];
  std::vector<float> logits(output_rows.size() * static_cast<std::size_t>(columns));
  run_model(output_rows, logits);
  return logits;
}

std::vector<float> ForwardPass::run_headless() {
  wants_last_hidden_state_ = true;
  run_model({}, {});
  return options_.output_hidden_states ? collected_.hidden_states.back()
                                       : std::move(collected_.hidden_states.back());
}

void ForwardPass::run_model(std::span<const std::int32_t> output_rows, std::span<float> logits) {
  const std::size_t layers = layers_of(impl_.model.config);
  if (options_.output_hidden_states || wants_last_hidden_state_) {
    collected_.hidden_states.resize(layers + 1);
  }
  if (wants_router_logits_) {
    collected_.router_logits.resize(layers);
  }
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
  Collector collector(collected_, !options_.output_hidden_states);
  impl_.runner.run({.token_ids = ids,
                    .inputs_embeds = embeddings,
                    .position_ids = positions,
                    .cu_seqlens = packing_.cu_seqlens(),
                    .states = states,
                    .output_rows = output_rows},
                   logits, &collector);
}

FloatTensor ForwardPass::lightning_states(std::int64_t index) const {
  const MiniMaxConfig& config = impl_.model.config;
  const std::int64_t elements = config.num_attention_heads * config.head_dim * config.head_dim;
  FloatTensor all{.shape = {packing_.batch_size(), config.num_attention_heads, config.head_dim,
                            config.head_dim},
                  .values = {}};
  for (State& state : states_) {
    const float* begin = state.impl().sequence.lightning(index);
    all.values.insert(all.values.end(), begin, begin + elements);
  }
  return all;
}

void ForwardPass::fill(ModelOutput& output) {
  const MiniMaxConfig& config = impl_.model.config;
  if (options_.output_hidden_states) {
    for (std::vector<float>& rows : collected_.hidden_states) {
      output.hidden_states.push_back(packing_.unpack(std::move(rows), config.hidden_size));
    }
  }
  if (wants_router_logits_) {
    for (const std::vector<float>& rows : collected_.router_logits) {
      FloatTensor padded = packing_.unpack(rows, config.num_local_experts);
      padded.shape = {packing_.batch_size() * packing_.length(), config.num_local_experts};
      output.router_logits.push_back(std::move(padded));
    }
  }
  if (options_.use_cache && options_.past_key_values.empty()) {
    output.past_key_values = std::move(fresh_);
  }
}

std::optional<float> ForwardPass::aux_loss() const {
  if (!wants_router_logits_) {
    return std::nullopt;
  }
  return load_balancing_loss(collected_.router_logits, impl_.model.config.num_local_experts,
                             impl_.model.config.num_experts_per_tok);
}

}  // namespace minimax::engine
