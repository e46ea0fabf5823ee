// SPDX-License-Identifier: Apache-2.0
// Reads one prompt, piece by piece: from the longest prefix that is remembered on, leaving
// snapshots behind for those that come later.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cpu/thread_pool.h"
#include "serving/job_context.h"
#include "serving/piece.h"
#include "serving/request.h"

namespace minimax::serving {

/// A prompt, before it is read. Lengths in tokens.
struct PromptOutline {
  std::int64_t tokens = 0;
  std::int64_t read = 0;       ///< of these, a snapshot knows already
  std::int64_t known = 0;      ///< that some earlier prompt began with, too
  std::int64_t first_end = 0;  ///< up to the end of the first message; 0: there is none
};

/// Where snapshots are taken inside of a prompt, rising: where it parts from what is known, behind
/// its first message, and, as others may part anywhere, at multiples of `interval` and some way
/// before the end (`interval` 0: not there). All are multiples of `grain`.
std::vector<std::int64_t> snapshot_places(const PromptOutline& prompt, std::int64_t interval,
                                          std::int64_t grain);

class PromptReader {
 public:
  /// `request` and `context` must outlive the reader.
  PromptReader(const JobContext& context, const Request& request)
      : context_(context), request_(request) {}

  /// Begins anew, behind what is remembered.
  void begin();
  /// The state is given away, or lost where nobody takes it.
  model::SequenceState take_state();
  const std::optional<model::SequenceState>& state() const { return state_; }
  std::optional<model::SequenceState>& state() { return state_; }
  void put_back(model::SequenceState state) { state_ = std::move(state); }

  std::int64_t tokens_read() const { return state_ ? state_->length() : 0; }
  /// The state is that of the whole prompt.
  bool is_done() const { return tokens_read() == prompt_tokens(); }
  std::int64_t prompt_tokens() const { return static_cast<std::int64_t>(request_.prompt.size()); }

  /// Whether this one, which has not begun, gains by waiting until `other` has read its first `end`
  /// tokens and left a snapshot there.
  bool should_wait_for(const PromptReader& other, std::int64_t end) const;

  /// What runs next, of at most `limit` tokens; in batch-invariant mode always to the next multiple
  /// of chunk_tokens. Requires: not is_done().
  Piece next_piece(std::int64_t limit);
  /// The last hidden states of the next tokens. Shapes: rows [tokens, hidden_size].
  void take_hidden(std::span<const float> rows);
  /// The logits that the last piece asked for. `pool` may be null.
  /// Throws: Error{kCorruptFile} where prompt logprobs are wanted and a logit is not finite.
  void take(std::span<const float> logits, cpu::ThreadPool* pool);

  /// What follows the prompt, once it is done. [V]
  std::vector<float>& logits() { return logits_; }
  std::vector<TokenLogprobs>& logprobs() { return logprobs_; }
  /// Of Task::kEmbed, once the prompt is done. [hidden_size]
  std::vector<float> embedding() const;

 private:
  bool may_skip() const;
  std::int64_t first_end() const;
  void take_logprobs(std::span<const float> logits, cpu::ThreadPool* pool);
  void remember();

  const JobContext& context_;
  const Request& request_;
  std::optional<model::SequenceState> state_;
  std::vector<std::int64_t> snapshots_;  // where they are taken, rising
  std::vector<float> logits_;
  std::vector<TokenLogprobs> logprobs_;
  std::vector<double> hidden_sum_;  // [hidden_size]
  std::int64_t hidden_rows_ = 0;
};

}  // namespace minimax::serving
