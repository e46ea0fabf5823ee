// SPDX-License-Identifier: Apache-2.0
#include "engine/beam_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <ranges>
#include <utility>

#include "engine/logits_warpers.h"
#include "engine/text_stream.h"

namespace minimax::engine {
namespace {

// What transformers adds to a score that must not win, and the score of a place that is empty.
constexpr float kOut = -1.0e9F;

// The indices of the `count` largest values, the largest first, the lowest index among equals.
std::vector<std::int64_t> top(std::span<const float> values, std::int64_t count) {
  const auto size = static_cast<std::int64_t>(values.size());
  std::vector<std::int64_t> indices(static_cast<std::size_t>(std::min(count, size)));
  std::ranges::partial_sort_copy(std::views::iota(std::int64_t{0}, size), indices,
                                 [&](std::int64_t a, std::int64_t b) {
                                   const float left = values[static_cast<std::size_t>(a)];
                                   const float right = values[static_cast<std::size_t>(b)];
                                   return left > right || (left == right && a < b);
                                 });
  return indices;
}

void log_softmax(std::span<float> logits) {
  const double total = log_sum_exp(logits);
  for (float& logit : logits) {
    logit = static_cast<float>(double{logit} - total);
  }
}

}  // namespace

BeamSearch::BeamSearch(const GenerationCall& call, const Prompt& prompt, std::int64_t index)
    : call_(call),
      prompt_(prompt),
      config_(call.config_of(prompt.tokens, index)),
      processors_(config_, call.impl.model.suppressed_tokens, call.options.logits_processor),
      random_(config_.seed) {
  Beam beam{.ids = prompt.ids};
  const auto beams = static_cast<std::size_t>(config_.num_beams);
  running_.assign(beams, beam);
  beam.score = kOut;
  finished_.assign(beams, beam);
  // Only the first beam counts at first: the others are the same.
  std::fill(running_.begin() + 1, running_.end(), beam);
  sums_.resize(beams * static_cast<std::size_t>(call.vocab_size()));
}

void BeamSearch::step(std::span<float> logits) {
  if (new_tokens_ == 0) {
    prompt_seconds_ = call_.seconds();
  }
  accumulate(logits);
  std::vector<Candidate> next = candidates(logits);
  keep_finished(next, logits);
  const bool all_end = std::ranges::all_of(
      next, [](const Candidate& candidate) { return candidate.reason.has_value(); });
  keep_running(next, logits);
  ++new_tokens_;
  check_improvement();
  const bool is_full = std::ranges::all_of(finished_, &Beam::is_finished);
  is_finished_ =
      !can_improve_ || all_end || (is_full && config_.early_stopping == EarlyStopping::kTrue);
}

// Turns the logits into scores and adds those to what the beams have.
void BeamSearch::accumulate(std::span<float> logits) {
  const std::int64_t vocab_size = call_.vocab_size();
  const auto rows = static_cast<std::int64_t>(logits.size()) / vocab_size;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::span<float> scores = row_of(logits, row, vocab_size);
    check_logits(scores);
    log_softmax(scores);
    processors_.apply(running_[static_cast<std::size_t>(row)].ids, new_tokens_, scores);
  }
  for (std::int64_t beam = 0; beam < config_.num_beams; ++beam) {
    const float sum = running_[static_cast<std::size_t>(beam)].score;
    std::ranges::transform(row_of_beam(logits, beam),
                           row_of(std::span(sums_), beam, vocab_size).begin(),
                           [&](float score) { return sum + score; });
  }
}

std::span<const float> BeamSearch::row_of_beam(std::span<const float> scores,
                                               std::int64_t beam) const {
  const bool is_first = static_cast<std::int64_t>(scores.size()) == call_.vocab_size();
  return row_of(scores, is_first ? 0 : beam, call_.vocab_size());
}

// The best continuations, so many that the beams can go on even if the best of them end.
std::vector<BeamSearch::Candidate> BeamSearch::candidates(std::span<const float> scores) {
  const auto ends = static_cast<std::int64_t>(config_.eos_token_id.size());
  const std::int64_t count = std::max<std::int64_t>(2, 1 + ends) * config_.num_beams;
  std::vector<Candidate> candidates;
  for (const std::int64_t index : is_sampling(config_) ? draw(sums_, count) : top(sums_, count)) {
    Candidate& candidate = candidates.emplace_back();
    candidate.beam = index / call_.vocab_size();
    candidate.token = static_cast<std::int32_t>(index % call_.vocab_size());
    candidate.score = sums_[static_cast<std::size_t>(index)];
    candidate.reason = reason_to_end(running_[static_cast<std::size_t>(candidate.beam)],
                                     candidate.token, row_of_beam(scores, candidate.beam));
  }
  return candidates;
}

// Draws without replacement: the `count` first arrivals of a race in which each index runs at the
// rate of its probability. Indices that are never drawn follow, should too few have been drawn.
std::vector<std::int64_t> BeamSearch::draw(std::span<const float> sums, std::int64_t count) {
  const double best = *std::ranges::max_element(sums);
  std::vector<float> earliness(sums.size());
  std::ranges::transform(sums, earliness.begin(), [&](float sum) {
    const double rate = std::exp(double{sum} - best);
    return rate > 0.0
               ? static_cast<float>(std::log(rate) - std::log(-std::log1p(-random_.uniform())))
               : -std::numeric_limits<float>::infinity();
  });
  return top(earliness, count);
}

std::optional<FinishReason> BeamSearch::reason_to_end(const Beam& beam, std::int32_t token,
                                                      std::span<const float> scores) const {
  if (std::ranges::find(config_.eos_token_id, token) != config_.eos_token_id.end()) {
    return FinishReason::kEndOfSequence;
  }
  if (!config_.stop_strings.empty() || !call_.options.stopping_criteria.empty()) {
    std::vector<std::int32_t> ids = beam.ids;
    ids.push_back(token);
    if (!config_.stop_strings.empty() && text_of(answer_of(ids)).stopped) {
      return FinishReason::kStopString;
    }
    if (call_.is_stopped(ids, scores)) {
      return FinishReason::kStoppingCriteria;
    }
  }
  if (new_tokens_ + 1 >= max_new_tokens()) {
    return FinishReason::kLength;
  }
  return call_.is_late() ? std::optional(FinishReason::kTime) : std::nullopt;
}

float BeamSearch::normalized(float score, std::int64_t length) const {
  return score / static_cast<float>(std::pow(static_cast<double>(length), config_.length_penalty));
}

Beam BeamSearch::extended(const Candidate& candidate, std::span<const float> scores) const {
  Beam beam = running_[static_cast<std::size_t>(candidate.beam)];
  beam.ids.push_back(candidate.token);
  beam.beam_indices.push_back(candidate.beam);
  beam.reason = candidate.reason.value_or(FinishReason::kCancelled);
  if (config_.output_scores) {
    const std::span<const float> row = row_of_beam(scores, candidate.beam);
    const float score = row[static_cast<std::size_t>(candidate.token)];
    beam.scores.push_back(score);
    beam.logprobs.push_back(static_cast<float>(double{score} - log_sum_exp(row)));
  }
  return beam;
}

// The candidates that end and are among the best take the places of worse hypotheses.
void BeamSearch::keep_finished(const std::vector<Candidate>& candidates,
                               std::span<const float> scores) {
  const std::size_t places = finished_.size();
  const bool is_closed = !can_improve_ || (config_.early_stopping == EarlyStopping::kTrue &&
                                           std::ranges::all_of(finished_, &Beam::is_finished));
  std::vector<float> merged;
  for (const Beam& beam : finished_) {
    merged.push_back(beam.score);
  }
  for (std::size_t i = 0; i < places && !is_closed; ++i) {
    const float score = normalized(candidates[i].score, new_tokens_ + 1);
    merged.push_back(candidates[i].reason ? score : score + kOut);
  }
  std::vector<Beam> best;
  for (const std::int64_t index : top(merged, config_.num_beams)) {
    const auto i = static_cast<std::size_t>(index);
    if (i < places) {
      best.push_back(std::move(finished_[i]));
    } else {
      best.push_back(extended(candidates[i - places], scores));
      best.back().score = merged[i];
      best.back().is_finished = candidates[i - places].reason.has_value();
    }
  }
  finished_ = std::move(best);
}

void BeamSearch::keep_running(std::vector<Candidate>& candidates, std::span<const float> scores) {
  std::vector<float> sums;
  for (const Candidate& candidate : candidates) {
    sums.push_back(candidate.reason ? candidate.score + kOut : candidate.score);
  }
  std::vector<Beam> next;
  for (const std::int64_t index : top(sums, config_.num_beams)) {
    const auto i = static_cast<std::size_t>(index);
    next.push_back(extended(candidates[i], scores));
    next.back().score = sums[i];
  }
  running_ = std::move(next);
}

// Whether a running beam may still beat the worst hypothesis, judged by the length so far or, for
// "never" and a penalty that favours long answers, by the greatest length.
void BeamSearch::check_improvement() {
  const bool by_greatest =
      config_.early_stopping == EarlyStopping::kNever && config_.length_penalty > 0.0;
  const float hope =
      normalized(running_.front().score, by_greatest ? max_new_tokens() : new_tokens_);
  const float worst = std::ranges::all_of(finished_, &Beam::is_finished)
                          ? finished_.back().score
                          : std::min(kOut, finished_.back().score);
  can_improve_ = can_improve_ && hope > worst;
}

void BeamSearch::finish(FinishReason reason) {
  if (is_finished_) {
    return;
  }
  is_finished_ = true;
  const auto open = std::ranges::find(finished_, false, &Beam::is_finished);
  auto beam = running_.begin();
  for (auto place = open; place != finished_.end(); ++place, ++beam) {
    *place = *beam;
    place->reason = reason;
    place->score = new_tokens_ > 0 ? normalized(beam->score, new_tokens_) : 0.0F;
  }
}

std::span<const std::int32_t> BeamSearch::answer_of(std::span<const std::int32_t> ids) const {
  return ids.subspan(prompt_.ids.size());
}

BeamSearch::Text BeamSearch::text_of(std::span<const std::int32_t> tokens) const {
  TextStream stream(*call_.options.tokenizer, config_.stop_strings);
  Text text;
  for (const std::int32_t token : tokens) {
    text.text += stream.push(token);
  }
  text.stopped = stream.stopped();
  text.text += stream.finish();
  return text;
}

GenerateOutput BeamSearch::output_of(const Beam& beam) const {
  GenerateOutput output;
  const std::span<const std::int32_t> tokens = answer_of(beam.ids);
  output.tokens.assign(tokens.begin(), tokens.end());
  if (call_.options.tokenizer != nullptr) {
    const bool has_end = beam.reason == FinishReason::kEndOfSequence;
    output.text = text_of(tokens.first(tokens.size() - (has_end ? 1 : 0))).text;
  }
  output.scores = beam.scores;
  output.logprobs = beam.logprobs;
  output.beam_indices = beam.beam_indices;
  output.sequences_score = beam.score;
  output.finish_reason = beam.reason;
  output.prompt_tokens = prompt_.tokens;
  output.prompt_seconds = new_tokens_ > 0 ? prompt_seconds_ : call_.seconds();
  output.generate_seconds = call_.seconds() - output.prompt_seconds;
  return output;
}

std::vector<GenerateOutput> BeamSearch::take() {
  std::vector<GenerateOutput> outputs;
  for (std::int64_t i = 0; i < config_.num_return_sequences; ++i) {
    outputs.push_back(output_of(finished_[static_cast<std::size_t>(i)]));
  }
  return outputs;
}

}  // namespace minimax::engine
