// SPDX-License-Identifier: Apache-2.0
#include "engine/candidates.h"

#include <algorithm>
#include <cmath>

#include "engine/logits_warpers.h"
#include "engine/suffix_matches.h"

namespace minimax::engine {
namespace {

// Draws of the draft must not be those of the model.
GenerationConfig with_other_seed(GenerationConfig config) {
  config.seed = ~config.seed;
  return config;
}

}  // namespace

std::vector<std::int32_t> look_up(std::span<const std::int32_t> ids, std::int64_t max_ngram_size,
                                  std::int64_t count, std::span<const std::int32_t> eos_token_id) {
  const std::vector<std::int64_t> matches = suffix_matches(ids, max_ngram_size);
  const auto best = std::ranges::max_element(matches);  // the first of them
  if (*best == 0) {
    return {};
  }
  const auto after = ids.subspan(static_cast<std::size_t>(best - matches.begin()));
  const auto wanted = after.first(std::min(after.size(), static_cast<std::size_t>(count)));
  return {wanted.begin(), std::ranges::find_first_of(wanted, eos_token_id)};
}

std::int64_t verify(const Candidates& candidates, std::span<float> logits, const Choose& choose) {
  const auto count = static_cast<std::int64_t>(candidates.tokens.size());
  const std::int64_t width = static_cast<std::int64_t>(logits.size()) / (count + 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t token = candidates.tokens[static_cast<std::size_t>(i)];
    DrawnToken drawn{.token = token, .scores = {}};
    if (!candidates.scores.empty()) {
      drawn.scores = row_of(std::span(candidates.scores), i, width);
    }
    const Choice choice =
        choose(row_of(logits, i, width), candidates.scores.empty() ? nullptr : &drawn);
    if (choice.token != token) {
      return i;
    }
    if (choice.is_last) {
      return i + 1;
    }
  }
  choose(row_of(logits, count, width), nullptr);
  return count;
}

DraftModel::DraftModel(const GenerationCall& call, MiniMaxPreTrainedModel::Impl& draft,
                       const GenerationConfig& config)
    : config_(config),
      options_{.cancelled = call.options.cancelled},
      call_{.impl = draft, .config = config, .options = options_, .start = call.start},
      sampler_(with_other_seed(config), call.impl.model.suppressed_tokens,
               call.options.logits_processor),
      state_(call_.new_state()),
      ahead_(state_),
      logits_(static_cast<std::size_t>(call_.vocab_size())) {}

// Makes state_ that of the longest known part of `ids`.
void DraftModel::catch_up(std::span<const std::int32_t> ids) {
  const auto unread = ids.subspan(static_cast<std::size_t>(state_.length()));
  if (guessed_.size() < unread.size() &&
      std::ranges::equal(unread.first(guessed_.size()), guessed_)) {
    state_ = ahead_;
  }
  guessed_.clear();
}

bool DraftModel::is_last(std::int32_t token, std::span<const float> scores) const {
  const double logprob = double{scores[static_cast<std::size_t>(token)]} - log_sum_exp(scores);
  return std::ranges::find(config_.eos_token_id, token) != config_.eos_token_id.end() ||
         std::exp(logprob) < config_.assistant_confidence_threshold;
}

Candidates DraftModel::propose(std::span<const std::int32_t> ids, std::int64_t generated,
                               std::int64_t count) {
  Candidates candidates;
  if (count == 0) {
    return candidates;
  }
  catch_up(ids);
  Prompt unread;
  unread.ids.assign(ids.begin() + state_.length(), ids.end());
  unread.tokens = static_cast<std::int64_t>(unread.ids.size());
  model::SequenceState* const state[] = {&state_};
  if (!read_prompts(call_, {&unread, 1}, state, logits_)) {
    return candidates;
  }
  ahead_ = state_;
  std::vector<std::int32_t> history(ids.begin(), ids.end());
  while (true) {
    const auto drawn = static_cast<std::int64_t>(candidates.tokens.size());
    const std::int32_t token = sampler_.sample(logits_, history, generated + drawn);
    candidates.tokens.push_back(token);
    candidates.scores.insert(candidates.scores.end(), logits_.begin(), logits_.end());
    if (drawn + 1 == count || is_last(token, logits_)) {
      return candidates;
    }
    history.push_back(token);
    guessed_.push_back(token);
    model::SequenceState* const ahead[] = {&ahead_};
    decode(call_, {&token, 1}, ahead, logits_);
  }
}

}  // namespace minimax::engine
