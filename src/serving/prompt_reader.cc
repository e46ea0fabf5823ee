// SPDX-License-Identifier: Apache-2.0
#include "serving/prompt_reader.h"

#include <algorithm>
#include <utility>

#include "engine/generation_steps.h"
#include "serving/parallel_tasks.h"
#include "serving/token_logprobs.h"

namespace minimax::serving {
namespace {

// Fewer tokens are read again in less time than a snapshot is worth: its first continuation copies
// the states of all lightning layers.
constexpr std::int64_t kLeastGain = 64;
// The logits of so many tokens are in memory at once.
constexpr std::int64_t kMostLogprobRows = 128;

std::int64_t round_down(std::int64_t value, std::int64_t multiple) {
  return value / multiple * multiple;
}

}  // namespace

std::vector<std::int64_t> snapshot_places(std::int64_t prompt_tokens, std::int64_t read,
                                          std::int64_t known, std::int64_t interval,
                                          std::int64_t grain) {
  std::vector<std::int64_t> places;
  if (interval > 0) {
    const std::int64_t step = (interval + grain - 1) / grain * grain;
    for (std::int64_t at = round_down(read, step) + step; at < prompt_tokens; at += step) {
      places.push_back(at);
    }
  }
  const std::int64_t junction = round_down(known, grain);
  if (junction >= read + kLeastGain && junction < prompt_tokens) {
    places.push_back(junction);
  }
  std::ranges::sort(places);
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

// All logits, or all hidden states, are wanted: nothing of them is remembered.
bool PromptReader::may_skip() const {
  return request_.task == Task::kGenerate && !request_.prompt_logprobs;
}

void PromptReader::begin() {
  PrefixCache::Match match;
  if (may_skip()) {
    match = context_.cache.find(request_.cache_salt, request_.prompt, context_.grain());
  }
  state_ = match.state != nullptr ? *match.state : engine::empty_sequence(context_.model());
  logits_.assign(match.logits.begin(), match.logits.end());
  logprobs_.clear();
  hidden_sum_.clear();
  hidden_rows_ = 0;
  snapshots_.clear();
  if (context_.cache.budget_bytes() > 0 && request_.task == Task::kGenerate) {
    snapshots_ = snapshot_places(prompt_tokens(), tokens_read(), match.known_tokens,
                                 context_.options.snapshot_interval_tokens, context_.grain());
  }
}

model::SequenceState PromptReader::take_state() {
  model::SequenceState state = std::move(*state_);
  state_.reset();
  return state;
}

Piece PromptReader::next_piece(std::int64_t limit) {
  const std::int64_t begin = tokens_read();
  const std::int64_t chunk = context_.options.chunk_tokens;
  std::int64_t end =
      context_.options.batch_invariant ? round_down(begin, chunk) + chunk : begin + limit;
  const auto snapshot = std::ranges::upper_bound(snapshots_, begin);
  if (snapshot != snapshots_.end()) {
    end = std::min(end, *snapshot);
  }
  if (request_.prompt_logprobs && !context_.options.batch_invariant) {
    end = std::min(end, begin + kMostLogprobRows);
  }
  end = std::min(end, prompt_tokens());
  Piece piece{.tokens = {}, .state = &*state_};
  piece.tokens.assign(request_.prompt.begin() + begin, request_.prompt.begin() + end);
  piece.wants_hidden = request_.task == Task::kEmbed;
  if (request_.prompt_logprobs) {
    piece.outputs = end - begin;
  } else if (end == prompt_tokens() && request_.task == Task::kGenerate) {
    piece.outputs = 1;
  }
  return piece;
}

void PromptReader::take_hidden(std::span<const float> rows) {
  const auto width = static_cast<std::size_t>(context_.model().config.hidden_size);
  for (std::size_t begin = 0; begin < rows.size(); begin += width) {
    const auto row = rows.subspan(begin, width);
    if (request_.pooling == Pooling::kLast || hidden_sum_.empty()) {
      hidden_sum_.assign(row.begin(), row.end());
      hidden_rows_ = 1;
    } else {
      std::ranges::transform(hidden_sum_, row, hidden_sum_.begin(), std::plus<>());
      ++hidden_rows_;
    }
  }
}

std::vector<float> PromptReader::embedding() const {
  std::vector<float> mean(hidden_sum_.size());
  std::ranges::transform(hidden_sum_, mean.begin(), [&](double sum) {
    return static_cast<float>(sum / static_cast<double>(hidden_rows_));
  });
  return mean;
}

void PromptReader::take(std::span<const float> logits, cpu::ThreadPool* pool) {
  if (request_.prompt_logprobs) {
    take_logprobs(logits, pool);
  }
  if (is_done() && !logits.empty()) {
    const auto last = logits.last(static_cast<std::size_t>(context_.vocab_size()));
    logits_.assign(last.begin(), last.end());
  }
  if (request_.task == Task::kGenerate) {
    remember();
  }
}

// The row of a token tells of the one behind it; that of the last one is for the answer.
void PromptReader::take_logprobs(std::span<const float> logits, cpu::ThreadPool* pool) {
  const auto width = context_.vocab_size();
  const std::int64_t rows = static_cast<std::int64_t>(logits.size()) / width;
  const std::int64_t first = tokens_read() - rows + 1;
  const std::int64_t count = std::min(rows, prompt_tokens() - first);
  const std::size_t done = logprobs_.size();
  logprobs_.resize(done + static_cast<std::size_t>(count));
  rethrow_first(run_tasks(pool, count, [&](std::int64_t i) {
    logprobs_[done + static_cast<std::size_t>(i)] = token_logprobs(
        engine::row_of(logits, i, width), request_.prompt[static_cast<std::size_t>(first + i)],
        *request_.prompt_logprobs);
  }));
}

void PromptReader::remember() {
  const bool is_place = std::ranges::binary_search(snapshots_, tokens_read());
  if (is_place || (is_done() && prompt_tokens() >= kLeastGain)) {
    context_.cache.insert(request_.cache_salt,
                          std::span(request_.prompt).first(static_cast<std::size_t>(tokens_read())),
                          *state_,
                          is_done() ? std::span<const float>(logits_) : std::span<const float>());
  }
}

}  // namespace minimax::serving
