// SPDX-License-Identifier: Apache-2.0
#include "engine/collector.h"

#include <algorithm>
#include <utility>

namespace minimax::engine {
namespace {

void append(const tensor::Tensor& rows, std::vector<float>& to) {
  to.insert(to.end(), rows.data<float>(), rows.data<float>() + rows.elements());
}

std::vector<float>& at(std::vector<std::vector<float>>& all, std::int64_t index) {
  return all[static_cast<std::size_t>(index)];
}

}  // namespace

Collector::Collector(const Wanted& wanted, const MiniMaxConfig& config, const Packing& packing,
                     std::vector<std::int64_t> past)
    : wanted_(wanted),
      packing_(packing),
      heads_(config.num_attention_heads),
      past_(std::move(past)),
      longest_past_(*std::ranges::max_element(past_)),
      tokens_seen_(config.layer_types.size()) {
  const std::size_t layers = config.layer_types.size();
  hidden_states.resize(layers + 1);
  routers.resize(layers);
  attentions.resize(layers);
}

void Collector::hidden_state(std::int64_t index, const tensor::Tensor& rows) {
  const bool is_last = index + 1 == std::ssize(hidden_states);
  if (wanted_.hidden_states || (wanted_.last_hidden_state && is_last)) {
    append(rows, at(hidden_states, index));
  }
}

void Collector::router_logits(std::int64_t layer, const tensor::Tensor& rows) {
  if (wanted_.router_logits) {
    append(rows, at(routers, layer));
  }
}

void Collector::attention_weights(std::int64_t layer,
                                  std::span<const tensor::Tensor> of_sequences) {
  if (!wanted_.attentions) {
    return;
  }
  FloatTensor& all = attentions[static_cast<std::size_t>(layer)];
  if (all.values.empty()) {
    all.shape = {packing_.batch_size(), heads_, packing_.length(),
                 longest_past_ + packing_.length()};
    all.values.resize(
        static_cast<std::size_t>(all.shape[0] * all.shape[1] * all.shape[2] * all.shape[3]));
  }
  const auto starts = packing_.cu_seqlens();
  std::int64_t& seen = tokens_seen_[static_cast<std::size_t>(layer)];
  for (const tensor::Tensor& weights : of_sequences) {
    const std::int64_t row =
        std::upper_bound(starts.begin(), starts.end(), seen) - starts.begin() - 1;
    place(weights, row, seen - starts[static_cast<std::size_t>(row)], all);
    seen += weights.shape()[1];
  }
}

// The column of a key: new tokens stand behind the longest past, where they stand in the inputs.
std::int64_t Collector::key_column(std::int64_t row, std::int64_t key) const {
  const std::int64_t past = past_[static_cast<std::size_t>(row)];
  return key < past ? longest_past_ - past + key
                    : longest_past_ + packing_.first_column(row) + key - past;
}

void Collector::place(const tensor::Tensor& weights, std::int64_t row, std::int64_t first_token,
                      FloatTensor& all) const {
  const std::int64_t tokens = weights.shape()[1];
  const std::int64_t keys = weights.shape()[2];
  const float* from = weights.data<float>();
  for (std::int64_t head = 0; head < heads_; ++head) {
    for (std::int64_t token = 0; token < tokens; ++token) {
      const std::int64_t column = packing_.first_column(row) + first_token + token;
      float* to =
          all.values.data() + ((row * heads_ + head) * all.shape[2] + column) * all.shape[3];
      for (std::int64_t key = 0; key < keys; ++key) {
        to[key_column(row, key)] = *from++;
      }
    }
  }
}

}  // namespace minimax::engine
