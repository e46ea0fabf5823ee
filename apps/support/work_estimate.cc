// SPDX-License-Identifier: Apache-2.0
#include "support/work_estimate.h"

#include <algorithm>
#include <cmath>

#include "model/state.h"

namespace minimax::apps {
namespace {

/// The numbers of the configuration that the formulas below use, as doubles.
struct Geometry {
  double lightning_layers = 0;
  double softmax_layers = 0;
  double heads_width = 0;  // H * D
  double head_dim = 0;     // D
  double block_size = 0;
  double head_parameters = 0;  // of lm_head
};

Geometry geometry(const MiniMaxConfig& config) {
  const auto softmax = std::ranges::count(config.layer_types, LayerType::kFullAttention);
  return {.lightning_layers = static_cast<double>(config.num_hidden_layers - softmax),
          .softmax_layers = static_cast<double>(softmax),
          .heads_width = static_cast<double>(config.num_attention_heads * config.head_dim),
          .head_dim = static_cast<double>(config.head_dim),
          .block_size = static_cast<double>(config.block_size),
          .head_parameters = static_cast<double>(config.vocab_size * config.hidden_size)};
}

double expert_share(const MiniMaxConfig& config) {
  return static_cast<double>(config.num_experts_per_tok) /
         static_cast<double>(config.num_local_experts);
}

// The weights that are read where the part `chosen` of the experts of every layer is used.
double weights_read(const WorkModel& model, double chosen) {
  const ModelSize& size = model.measure.size;
  return static_cast<double>(size.active_weight_bytes) +
         static_cast<double>(size.expert_weight_bytes) * (chosen - expert_share(model.config));
}

// Keys that a token at position `depth` sees, itself included.
double visible_keys(const MiniMaxConfig& config, double depth) {
  const double all = depth + 1;
  return config.sliding_window ? std::min(all, static_cast<double>(*config.sliding_window)) : all;
}

}  // namespace

Work decode_work(const WorkModel& model, const DecodeStep& step) {
  const Geometry g = geometry(model.config);
  const model::StateSize state = model::state_size(model.config, model.measure.kv_dtype);
  const ModelSize& size = model.measure.size;
  const double keys = visible_keys(model.config, static_cast<double>(step.depth));
  const auto sequences = static_cast<double>(step.sequences);
  const double chosen = step.experts > 0
                            ? step.experts / static_cast<double>(model.config.num_local_experts)
                            : expert_share(model.config);
  const double states = 2.0 * static_cast<double>(state.fixed_bytes) +
                        keys * static_cast<double>(state.bytes_per_token);
  const double flops = 2.0 * (static_cast<double>(size.active_parameters) + g.head_parameters) +
                       4.0 * g.lightning_layers * g.heads_width * g.head_dim +
                       4.0 * g.softmax_layers * g.heads_width * keys;
  return {.bytes = weights_read(model, chosen) + sequences * states, .flops = sequences * flops};
}

Work prefill_work(const WorkModel& model, std::int64_t tokens) {
  const Geometry g = geometry(model.config);
  const model::StateSize state = model::state_size(model.config, model.measure.kv_dtype);
  const ModelSize& size = model.measure.size;
  const auto n = static_cast<double>(tokens);
  const double share = expert_share(model.config);
  const double chosen = 1.0 - std::pow(1.0 - share, n);
  // Within a block every token meets half of the others on average; the state is met by all.
  const double lightning = 4.0 * g.heads_width * (g.head_dim + std::min(n, g.block_size) / 2);
  const double softmax = 4.0 * g.heads_width * visible_keys(model.config, n / 2);
  return {.bytes = weights_read(model, chosen) + 2.0 * static_cast<double>(state.fixed_bytes) +
                   n * static_cast<double>(state.bytes_per_token),
          .flops = 2.0 * (n * static_cast<double>(size.active_parameters) + g.head_parameters) +
                   n * (g.lightning_layers * lightning + g.softmax_layers * softmax)};
}

}  // namespace minimax::apps
