// SPDX-License-Identifier: Apache-2.0
// Greedy choice and sampling: all sequences that have not ended run in one batch.
#include <algorithm>
#include <deque>

#include "engine/generation_modes.h"
#include "engine/sequence.h"

namespace minimax::engine {
namespace {

class TokenByToken {
 public:
  TokenByToken(const GenerationCall& call, std::span<const Prompt> prompts,
               model::SequenceState* state)
      : call_(call), prompts_(prompts), copies_(call.config.num_return_sequences) {
    const std::int64_t count = static_cast<std::int64_t>(prompts.size()) * copies_;
    for (std::int64_t i = 0; i < count; ++i) {
      if (state == nullptr) {
        owned_states_.push_back(call.new_state());
      }
      states_.push_back(state != nullptr ? state : &owned_states_.back());
      const Prompt& prompt = prompts[static_cast<std::size_t>(i / copies_)];
      sequences_.emplace_back(call, prompt, states_.back()->length(), i);
    }
    logits_.resize(static_cast<std::size_t>(count * call.vocab_size()));
  }

  std::vector<GenerateOutput> run() {
    if (!read()) {
      finish_all(FinishReason::kCancelled);
    } else if (sequences_.front().max_new_tokens() == 0) {
      finish_all(FinishReason::kLength);
    }
    for (choose(); !live_.empty(); choose()) {
      decode();
    }
    std::vector<GenerateOutput> outputs;
    for (Sequence& sequence : sequences_) {
      outputs.push_back(sequence.take());
    }
    return outputs;
  }

 private:
  // Reads every prompt once, for all of its sequences.
  bool read() {
    std::vector<model::SequenceState*> states;
    for (std::size_t i = 0; i < states_.size(); i += static_cast<std::size_t>(copies_)) {
      states.push_back(states_[i]);
    }
    const auto rows = static_cast<std::int64_t>(prompts_.size());
    if (!read_prompts(call_, prompts_, states, row_of(logits(), 0, rows * call_.vocab_size()))) {
      return false;
    }
    // From the last one, so that no row of logits is overwritten before it is copied.
    for (auto i = static_cast<std::int64_t>(sequences_.size()) - 1; i >= 0; --i) {
      if (i % copies_ != 0) {
        *states_[static_cast<std::size_t>(i)] = *states_[static_cast<std::size_t>(i - i % copies_)];
      }
      const auto from = row_of(logits(), i / copies_, call_.vocab_size());
      const auto to = row_of(logits(), i, call_.vocab_size());
      if (from.data() != to.data()) {
        std::copy(from.begin(), from.end(), to.begin());
      }
    }
    for (std::size_t i = 0; i < sequences_.size(); ++i) {
      live_.push_back(i);
    }
    return true;
  }

  // Chooses a token for every live sequence. Row i of the logits is that of the i-th of them.
  void choose() {
    std::vector<std::size_t> live;
    for (std::size_t i = 0; i < live_.size(); ++i) {
      Sequence& sequence = sequences_[live_[i]];
      if (!sequence.finished() && !chosen_.empty()) {
        sequence.take_token(chosen_[i]);
      } else if (!sequence.finished()) {
        sequence.advance(row_of(logits(), static_cast<std::int64_t>(i), call_.vocab_size()));
      }
    }
    if (call_.cancelled()) {
      finish_all(FinishReason::kCancelled);
    }
    for (const std::size_t i : live_) {
      if (!sequences_[i].finished()) {
        live.push_back(i);
      }
    }
    live_ = std::move(live);
  }

  void decode() {
    std::vector<std::int32_t> tokens;
    std::vector<model::SequenceState*> states;
    for (const std::size_t i : live_) {
      tokens.push_back(sequences_[i].last_token());
      states.push_back(states_[i]);
    }
    chosen_.clear();
    const auto rows = static_cast<std::int64_t>(live_.size());
    if (call_.impl.runner.can_choose(rows) &&
        std::ranges::all_of(live_, [&](std::size_t i) { return sequences_[i].can_plan(); })) {
      std::vector<ChoicePlan> plans;
      for (const std::size_t i : live_) {
        plans.push_back(sequences_[i].plan());
      }
      chosen_.resize(live_.size());
      engine::decode(call_, tokens, states, plans, chosen_);
    } else {
      engine::decode(call_, tokens, states, row_of(logits(), 0, rows * call_.vocab_size()));
    }
  }

  void finish_all(FinishReason reason) {
    for (Sequence& sequence : sequences_) {
      sequence.finish(reason);
    }
  }

  std::span<float> logits() { return logits_; }

  const GenerationCall& call_;
  std::span<const Prompt> prompts_;
  std::int64_t copies_;                            // sequences for each prompt
  std::deque<model::SequenceState> owned_states_;  // where none was given
  std::vector<model::SequenceState*> states_;
  std::deque<Sequence> sequences_;
  std::vector<std::size_t> live_;
  std::vector<float> logits_;
  std::vector<std::int32_t> chosen_;  // by the last step, for live_; empty where logits_ are wanted
};

}  // namespace

std::vector<GenerateOutput> generate_token_by_token(const GenerationCall& call,
                                                    std::span<const Prompt> prompts,
                                                    model::SequenceState* state) {
  return TokenByToken(call, prompts, state).run();
}

}  // namespace minimax::engine
