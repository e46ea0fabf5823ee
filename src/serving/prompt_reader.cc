// SPDX-License-Identifier: Apache-2.0
#include "serving/prompt_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/generation_steps.h"
#include "serving/parallel_tasks.h"
#include "serving/token_logprobs.h"

namespace minimax::serving {
namespace {

// Fewer tokens are read again in less time than a snapshot is worth: its first continuation copies
// the states of all lightning layers.
constexpr std::int64_t kLeastGain = 64;
// Prompts often share all but their last tokens, the question: the next one that does finds a
// snapshot not much farther from the end than it parts.
constexpr std::array<std::int64_t, 3> kTails = {64, 256, 1024};
constexpr std::int64_t kLeastTails = 4;  // in a prompt of so many times their length
// The logits of so many tokens are in memory at once.
constexpr std::int64_t kMostLogprobRows = 128;

std::int64_t round_down(std::int64_t value, std::int64_t multiple) {
  return value / multiple * multiple;
}

}  // namespace

std::vector<std::int64_t> snapshot_places(const PromptOutline& prompt, std::int64_t interval,
                                          std::int64_t grain) {
  std::vector<std::int64_t> places;
  const auto add = [&](std::int64_t place, std::int64_t least_gain) {
    const std::int64_t at = round_down(place, grain);
    if (at >= prompt.read + least_gain && at < prompt.tokens) {
      places.push_back(at);
    }
  };
  add(prompt.known, kLeastGain);
  add(prompt.first_end, kLeastGain);
  if (interval > 0) {
    for (const std::int64_t tail : kTails) {
      if (kLeastTails * tail <= prompt.tokens) {
        add(prompt.tokens - tail, kLeastGain);
      }
    }
    const std::int64_t step = (interval + grain - 1) / grain * grain;
    for (std::int64_t at = round_down(prompt.read, step) + step; at < prompt.tokens; at += step) {
      add(at, 0);
    }
  }
  std::ranges::sort(places);
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

// All logits, or all hidden states, are wanted: nothing of them is remembered.
bool PromptReader::may_skip() const {
  return request_.task == Task::kGenerate && !request_.prompt_logprobs;
}

// Up to the first token that ends a text: in conversations, the end of the system prompt.
std::int64_t PromptReader::first_end() const {
  const std::vector<std::int32_t>& ends = request_.config.eos_token_id;
  const auto found = std::ranges::find_first_of(request_.prompt, ends);
  return found != request_.prompt.end() ? found - request_.prompt.begin() + 1 : 0;
}

void PromptReader::begin() {
  PrefixCache::Match match;
  if (may_skip()) {
    match = context_.cache.find(request_.cache_salt, request_.prompt, context_.grain());
  }
  state_ = match.state != nullptr ? *match.state : context_.empty_state();
  logits_.assign(match.logits.begin(), match.logits.end());
  logprobs_.clear();
  hidden_sum_.clear();
  hidden_rows_ = 0;
  snapshots_.clear();
  if (context_.cache.budget_bytes() > 0 && request_.task == Task::kGenerate) {
    snapshots_ = snapshot_places({.tokens = prompt_tokens(),
                                  .read = tokens_read(),
                                  .known = match.known_tokens,
                                  .first_end = first_end()},
                                 context_.options.snapshot_interval_tokens, context_.grain());
  }
}

bool PromptReader::should_wait_for(const PromptReader& other, std::int64_t end) const {
  const std::vector<std::int32_t>& theirs = other.request_.prompt;
  const bool leaves_snapshot = std::ranges::binary_search(other.snapshots_, end) ||
                               (end == other.prompt_tokens() && end == prompt_tokens());
  return !state_ && may_skip() && leaves_snapshot && end >= kLeastGain && end <= prompt_tokens() &&
         request_.cache_salt == other.request_.cache_salt &&
         std::equal(theirs.begin(), theirs.begin() + end, request_.prompt.begin());
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
