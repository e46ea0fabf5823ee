// SPDX-License-Identifier: Apache-2.0
// Assisted generation: candidates for the next tokens are verified in one forward pass. What comes
// out is what the model would have chosen, or drawn with the same probabilities, alone.
#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/candidates.h"
#include "engine/generation_modes.h"
#include "engine/sequence.h"

namespace minimax::engine {
namespace {

// More candidates are never worth the memory of their logits.
constexpr std::int64_t kMostCandidates = 128;
// Tokens that a rejected forward pass leaves unread are read again with the next candidates, unless
// they become more than this.
constexpr std::int64_t kMostUnread = 8;

/// One sequence. Its state may be behind its tokens: lightning layers cannot be run back, so that a
/// rejection restores the state from before the candidates.
class AssistedSequence {
 public:
  AssistedSequence(const GenerationCall& call, const Prompt& prompt,
                   MiniMaxPreTrainedModel::Impl* draft, model::SequenceState& state,
                   std::int64_t index)
      : call_(call),
        prompt_(prompt),
        state_(state),
        begin_(state.length() + prompt.tokens),
        sequence_(call, prompt, state.length(), index),
        count_(draft != nullptr ? call.config.num_assistant_tokens
                                : call.config.prompt_lookup_num_tokens) {
    if (draft != nullptr) {
      draft_.emplace(call, *draft, sequence_.config());
    }
  }

  GenerateOutput run() {
    read_prompt();
    while (!sequence_.finished()) {
      round();
      if (call_.cancelled()) {
        sequence_.finish(FinishReason::kCancelled);
      }
    }
    read_all_but_last();
    return sequence_.take();
  }

 private:
  void read_prompt() {
    std::vector<float> logits(static_cast<std::size_t>(call_.vocab_size()));
    model::SequenceState* const states[] = {&state_};
    if (!read_prompts(call_, {&prompt_, 1}, states, logits)) {
      sequence_.finish(FinishReason::kCancelled);
    } else if (sequence_.max_new_tokens() == 0) {
      sequence_.finish(FinishReason::kLength);
    } else {
      sequence_.advance(logits);
    }
  }

  void round() {
    const Candidates candidates = propose();
    const auto count = static_cast<std::int64_t>(candidates.tokens.size());
    const model::SequenceState before = state_;
    std::vector<float> logits = read_with(candidates.tokens);
    const std::int64_t matches = verify(candidates, logits);
    // The last token of an answer is never read.
    if (matches < count || state_.length() >= begin_ + sequence_.new_tokens()) {
      state_ = before;
    }
    if (static_cast<std::int64_t>(unread().size()) > kMostUnread) {
      read_all_but_last();
    }
    adapt(matches == count);
  }

  // The tokens of the answer that the state has not seen.
  std::span<const std::int32_t> unread() const {
    return sequence_.tokens().subspan(static_cast<std::size_t>(state_.length() - begin_));
  }

  Candidates propose() {
    // The model adds a token of its own.
    const std::int64_t room = sequence_.max_new_tokens() - sequence_.new_tokens() - 1;
    const std::int64_t count = std::min({count_, room, kMostCandidates});
    if (draft_) {
      return draft_->propose(sequence_.ids(), sequence_.new_tokens(), count);
    }
    return {.tokens = look_up(sequence_.ids(), call_.config.max_matching_ngram_size, count,
                              call_.config.eos_token_id),
            .scores = {}};
  }

  // Returns the logits that follow the last token of the answer and every candidate.
  std::vector<float> read_with(std::span<const std::int32_t> candidates) {
    std::vector<std::int32_t> ids(unread().begin(), unread().end());
    ids.insert(ids.end(), candidates.begin(), candidates.end());
    std::vector<float> logits((candidates.size() + 1) *
                              static_cast<std::size_t>(call_.vocab_size()));
    call_.impl.runner.run(ids, state_, logits);
    return logits;
  }

  void read_all_but_last() {
    // Without tokens, a part of the prompt may be unread.
    if (sequence_.new_tokens() > 1 && unread().size() > 1) {
      call_.impl.runner.run(unread().first(unread().size() - 1), state_, {});
    }
  }

  std::int64_t verify(const Candidates& candidates, std::span<float> logits) {
    return engine::verify(candidates, logits, [&](std::span<float> row, const DrawnToken* drawn) {
      if (drawn != nullptr) {
        sequence_.advance(row, *drawn);
      } else {
        sequence_.advance(row);
      }
      return Choice{.token = sequence_.last_token(), .is_last = sequence_.finished()};
    });
  }

  // Source: update_candidate_strategy in transformers 5.17, generation/candidate_generator.py.
  void adapt(bool all_match) {
    if (draft_ && call_.config.num_assistant_tokens_schedule != AssistantSchedule::kConstant) {
      count_ = all_match ? count_ + 2 : std::max<std::int64_t>(1, count_ - 1);
    }
  }

  const GenerationCall& call_;
  const Prompt& prompt_;
  model::SequenceState& state_;
  std::int64_t begin_;  // the length of the state in front of the answer
  Sequence sequence_;
  std::int64_t count_;  // of candidates
  std::optional<DraftModel> draft_;
};

}  // namespace

std::vector<GenerateOutput> generate_assisted(const GenerationCall& call,
                                              std::span<const Prompt> prompts,
                                              MiniMaxPreTrainedModel::Impl* draft,
                                              model::SequenceState* state) {
  std::vector<GenerateOutput> outputs;
  for (const Prompt& prompt : prompts) {
    for (std::int64_t copy = 0; copy < call.config.num_return_sequences; ++copy) {
      model::SequenceState fresh = call.new_state();
      model::SequenceState& used = state != nullptr ? *state : fresh;
      const auto index = static_cast<std::int64_t>(outputs.size());
      outputs.push_back(AssistedSequence(call, prompt, draft, used, index).run());
    }
  }
  return outputs;
}

}  // namespace minimax::engine
