// SPDX-License-Identifier: Apache-2.0
#include "engine/sequence.h"

#include <algorithm>
#include <utility>

#include "engine/logits_warpers.h"

namespace minimax::engine {
namespace {

bool contains(const std::vector<std::int32_t>& ids, std::int32_t id) {
  return std::ranges::find(ids, id) != ids.end();
}

}  // namespace

Sequence::Sequence(const GenerationCall& call, const Prompt& prompt, std::int64_t past,
                   std::int64_t index)
    : call_(call),
      index_(index),
      config_(call.config_of(past + prompt.tokens, index)),
      sampler_(config_, call.impl.model.suppressed_tokens, call.options.logits_processor),
      history_(prompt.ids) {
  output_.prompt_tokens = prompt.tokens;
  if (call.options.tokenizer != nullptr) {
    text_.emplace(*call.options.tokenizer, config_.stop_strings);
  }
}

void Sequence::advance(std::span<float> logits) {
  accept(sampler_.sample(logits, history_, new_tokens()), logits);
}

void Sequence::advance(std::span<float> logits, const DrawnToken& candidate) {
  accept(sampler_.sample(logits, history_, new_tokens(), candidate), logits);
}

bool Sequence::can_plan() const {
  return !config_.output_scores && call_.options.stopping_criteria.empty() &&
         sampler_.can_plan(history_, new_tokens());
}

void Sequence::take_token(std::int32_t token) {
  check_choice(token);
  accept(token, {});
}

void Sequence::accept(std::int32_t token, std::span<const float> scores) {
  if (config_.output_scores) {
    const float score = scores[static_cast<std::size_t>(token)];
    output_.scores.push_back(score);
    output_.logprobs.push_back(static_cast<float>(double{score} - log_sum_exp(scores)));
  }
  if (output_.tokens.empty()) {
    output_.prompt_seconds = call_.seconds();
  }
  output_.tokens.push_back(token);
  history_.push_back(token);
  if (text_ && !contains(config_.eos_token_id, token)) {
    emit(text_->push(token));
  }
  if (const std::optional<FinishReason> reason = reason_to_end(token, scores)) {
    finish(*reason);
  }
}

std::optional<FinishReason> Sequence::reason_to_end(std::int32_t token,
                                                    std::span<const float> scores) {
  const bool goes_on = wants_more(token);
  if (contains(config_.eos_token_id, token)) {
    return FinishReason::kEndOfSequence;
  }
  if (text_ && text_->stopped()) {
    return FinishReason::kStopString;
  }
  if (call_.is_stopped(history_, scores)) {
    return FinishReason::kStoppingCriteria;
  }
  if (!goes_on) {
    return FinishReason::kCancelled;
  }
  if (new_tokens() >= max_new_tokens()) {
    return FinishReason::kLength;
  }
  return call_.is_late() ? std::optional(FinishReason::kTime) : std::nullopt;
}

bool Sequence::wants_more(std::int32_t token) const {
  const GenerateOptions& options = call_.options;
  const bool one = !options.on_token || options.on_token(token);
  const bool batch = !options.on_batch_token || options.on_batch_token(index_, token);
  return one && batch;
}

void Sequence::finish(FinishReason reason) {
  if (finished_) {
    return;
  }
  finished_ = true;
  output_.finish_reason = reason;
  if (text_) {
    emit(text_->finish());
  }
  if (output_.tokens.empty()) {
    output_.prompt_seconds = call_.seconds();
  } else {
    output_.generate_seconds = call_.seconds() - output_.prompt_seconds;
  }
}

GenerateOutput Sequence::take() { return std::move(output_); }

void Sequence::emit(const std::string& text) {
  output_.text += text;
  if (text.empty()) {
    return;
  }
  if (call_.options.on_text) {
    call_.options.on_text(text);
  }
  if (call_.options.on_batch_text) {
    call_.options.on_batch_text(index_, text);
  }
}

}  // namespace minimax::engine
