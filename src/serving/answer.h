// SPDX-License-Identifier: Apache-2.0
// One answer to a request: its state, its tokens, and what its client has not been told yet.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/candidates.h"
#include "engine/sequence.h"
#include "serving/job_context.h"
#include "serving/piece.h"
#include "serving/request.h"

namespace minimax::serving {

class Answer {
 public:
  /// Answer number `index` to a request, which must outlive it; so must `context`. max_time counts
  /// from `start`. Throws: what the factory of processors throws.
  Answer(const JobContext& context, const Request& request, std::int64_t index,
         Clock::time_point start);
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() = default;

  bool finished() const { return sequence_.finished(); }
  std::int64_t generated() const { return generated_; }
  std::int64_t max_new_tokens() const { return sequence_.max_new_tokens(); }
  /// Candidates so far, and how many of them were chosen.
  std::int64_t drafted() const { return drafted_; }
  std::int64_t accepted() const { return accepted_; }
  /// The prompt and the answer.
  std::span<const std::int32_t> ids() const { return sequence_.ids(); }

  /// The state that the answer goes on from, of some of its first tokens; none while it may not
  /// run.
  const std::optional<model::SequenceState>& state() const { return state_; }
  std::optional<model::SequenceState>& state() { return state_; }
  void begin(model::SequenceState state) { state_ = std::move(state); }
  /// Ends what begin() began. Candidates are forgotten.
  model::SequenceState take_state();

  /// What runs next, of at most `limit` tokens, at least one.
  Piece next_piece(std::int64_t limit);
  /// Takes the logits that the last piece asked for: chooses tokens. Answers may do so on several
  /// threads at once. Shapes: logits [outputs, vocab_size], which are changed.
  /// Throws: as Sampler::sample, and what a processor throws.
  void take(std::span<float> logits);
  /// Whether plan() and take_token() can stand for take() of one row.
  bool can_plan() const;
  engine::ChoicePlan plan() { return sequence_.plan(); }
  void take_token(std::int32_t token);
  void finish(FinishReason reason);

  /// What happened since the last call; none where nothing did.
  std::optional<Event> take_event();

 private:
  bool may_draft() const;
  engine::Candidates propose();
  engine::Choice choose(std::span<float> row, const engine::DrawnToken* drawn);

  const JobContext& context_;
  const Request& request_;
  GenerateOptions options_;
  engine::GenerationCall call_;
  engine::Sequence sequence_;
  std::optional<engine::DraftModel> draft_;
  std::optional<model::SequenceState> state_;
  std::optional<model::SequenceState> before_;  // the candidates
  engine::Candidates candidates_;
  std::int64_t generated_ = 0;
  std::int64_t drafted_ = 0;
  std::int64_t accepted_ = 0;
  std::vector<float> raw_;  // [V], before processors change the logits
  Event event_;
  bool has_event_ = false;
};

}  // namespace minimax::serving
