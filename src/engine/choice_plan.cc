// SPDX-License-Identifier: Apache-2.0
// The part of the sampler that lets a GPU choose: the settings as a rule and edits of scores.
#include <algorithm>
#include <limits>
#include <map>
#include <string_view>

#include "engine/sampler.h"

namespace minimax::engine {
namespace {

// Tokens that penalties look back on, at most: their list is sent with every step.
constexpr std::int64_t kMostHistory = 4096;

// Within the normal numbers, as the processors of the host have it.
float clamped(double value) {
  using Limits = std::numeric_limits<float>;
  return static_cast<float>(std::clamp(value, double{Limits::min()}, double{Limits::max()}));
}

/// Edits of different tokens.
class EditList {
 public:
  ops::ScoreEdit& of(std::int32_t id) {
    ops::ScoreEdit& edit = edits_[id];
    edit.id = id;
    return edit;
  }
  void forbid(std::span<const std::int32_t> ids) {
    for (const std::int32_t id : ids) {
      of(id).is_forbidden = 1;
    }
  }
  std::vector<ops::ScoreEdit> take() const {
    std::vector<ops::ScoreEdit> all;
    all.reserve(edits_.size());
    for (const auto& [id, edit] : edits_) {
      all.push_back(edit);
    }
    return all;
  }

 private:
  std::map<std::int32_t, ops::ScoreEdit> edits_;
};

bool counts_tokens(const GenerationConfig& config) {
  return config.frequency_penalty != 0.0 || config.presence_penalty != 0.0;
}

void add_penalties(const GenerationConfig& config, std::span<const std::int32_t> history,
                   std::int64_t generated, EditList& edits) {
  if (config.repetition_penalty != 1.0) {
    for (const std::int32_t id : history) {
      edits.of(id).repetition = clamped(config.repetition_penalty);
    }
  }
  if (counts_tokens(config)) {
    std::map<std::int32_t, std::int64_t> counts;
    for (const std::int32_t id : history.last(static_cast<std::size_t>(generated))) {
      ++counts[id];
    }
    for (const auto& [id, count] : counts) {
      edits.of(id).penalty =
          -static_cast<double>(count) * config.frequency_penalty - config.presence_penalty;
    }
  }
  for (const auto& [id, change] : config.logit_bias) {
    edits.of(id).bias = change;
  }
}

}  // namespace

bool can_be_planned(const ProcessorList& processors) {
  constexpr std::string_view kPlanned[] = {
      "suppressed",     "repetition_penalty",    "frequency_penalty", "logit_bias", "temperature",
      "min_new_tokens", "begin_suppress_tokens", "suppress_tokens",   "top_k",      "top_p",
      "min_p"};
  return std::ranges::all_of(processors.names(), [&](const std::string& name) {
    return std::ranges::find(kPlanned, name) != std::end(kPlanned);
  });
}

bool Sampler::can_plan(std::span<const std::int32_t> history, std::int64_t generated) const {
  const std::int64_t counted = config_.repetition_penalty != 1.0 ? std::ssize(history)
                               : counts_tokens(config_)          ? generated
                                                                 : 0;
  return has_plans_ && config_.num_beams == 1 && counted <= kMostHistory;
}

ChoicePlan Sampler::plan(std::span<const std::int32_t> history, std::int64_t generated) {
  EditList edits;
  edits.forbid(suppressed_);
  add_penalties(config_, history, generated, edits);
  if (config_.ignore_eos || generated < config_.min_new_tokens) {
    edits.forbid(config_.eos_token_id);
  }
  edits.forbid(config_.suppress_tokens);
  if (generated == 0) {
    edits.forbid(config_.begin_suppress_tokens);
  }
  ChoicePlan plan{.rule = {}, .edits = edits.take()};
  if (is_sampling_) {
    plan.rule = {.draws = 1,
                 .divisor = config_.temperature != 1.0 ? clamped(config_.temperature) : 1.0F,
                 .top_k = config_.top_k,
                 .top_p = config_.top_p,
                 .min_p = config_.min_p,
                 .uniform = random_.uniform()};
  }
  return plan;
}

}  // namespace minimax::engine
