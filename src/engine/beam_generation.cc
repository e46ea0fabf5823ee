// SPDX-License-Identifier: Apache-2.0
// Beam search on the model: the beams of all prompts run in one batch, and the states follow them.
#include <deque>
#include <utility>

#include "engine/beam_search.h"
#include "engine/generation_modes.h"

namespace minimax::engine {
namespace {

// The beams of one prompt and their states.
struct Search {
  BeamSearch beams;
  std::vector<model::SequenceState> states;  // [1], then [K]

  // Forks the states of the beams that go on.
  void reorder() {
    std::vector<std::int64_t> uses(states.size());
    for (const Beam& beam : beams.running()) {
      ++uses[parent_of(beam)];
    }
    std::vector<model::SequenceState> next;
    next.reserve(beams.running().size());
    for (const Beam& beam : beams.running()) {
      const std::size_t parent = parent_of(beam);
      if (--uses[parent] == 0) {
        next.push_back(std::move(states[parent]));
      } else {
        next.push_back(states[parent]);
      }
    }
    states = std::move(next);
  }

 private:
  std::size_t parent_of(const Beam& beam) const {
    return states.size() == 1 ? 0 : static_cast<std::size_t>(beam.beam_indices.back());
  }
};

class BeamGeneration {
 public:
  BeamGeneration(const GenerationCall& call, std::span<const Prompt> prompts)
      : call_(call), prompts_(prompts) {
    for (const Prompt& prompt : prompts) {
      const auto index =
          static_cast<std::int64_t>(searches_.size()) * call.config.num_return_sequences;
      searches_.push_back({.beams = BeamSearch(call, prompt, index), .states = {}});
      searches_.back().states.push_back(call.new_state());
    }
  }

  std::vector<GenerateOutput> run() {
    std::vector<float> logits = first_logits();
    while (!live_.empty()) {
      step(logits);
      logits = next_logits();
    }
    std::vector<GenerateOutput> outputs;
    for (Search& search : searches_) {
      for (GenerateOutput& output : search.beams.take()) {
        outputs.push_back(std::move(output));
      }
    }
    return outputs;
  }

 private:
  std::vector<float> first_logits() {
    std::vector<model::SequenceState*> states;
    for (Search& search : searches_) {
      states.push_back(&search.states.front());
      live_.push_back(&search);
    }
    std::vector<float> logits(prompts_.size() * static_cast<std::size_t>(call_.vocab_size()));
    if (!read_prompts(call_, prompts_, states, logits)) {
      finish_all(FinishReason::kCancelled);
    } else if (searches_.front().beams.max_new_tokens() == 0) {
      finish_all(FinishReason::kLength);
    }
    return logits;
  }

  // Shapes: logits [states of all live searches, V].
  void step(std::span<float> logits) {
    for (Search* search : live_) {
      const std::size_t values =
          search->states.size() * static_cast<std::size_t>(call_.vocab_size());
      search->beams.step(logits.first(values));
      logits = logits.subspan(values);
    }
    if (call_.cancelled()) {
      finish_all(FinishReason::kCancelled);
    }
    std::erase_if(live_, [](const Search* search) { return search->beams.is_finished(); });
  }

  std::vector<float> next_logits() {
    std::vector<std::int32_t> tokens;
    std::vector<model::SequenceState*> states;
    for (Search* search : live_) {
      search->reorder();
      for (std::size_t i = 0; i < search->states.size(); ++i) {
        tokens.push_back(search->beams.running()[i].ids.back());
        states.push_back(&search->states[i]);
      }
    }
    std::vector<float> logits(tokens.size() * static_cast<std::size_t>(call_.vocab_size()));
    if (!tokens.empty()) {
      decode(call_, tokens, states, logits);
    }
    return logits;
  }

  void finish_all(FinishReason reason) {
    for (Search& search : searches_) {
      search.beams.finish(reason);
    }
    live_.clear();
  }

  const GenerationCall& call_;
  std::span<const Prompt> prompts_;
  std::deque<Search> searches_;
  std::vector<Search*> live_;
};

}  // namespace

std::vector<GenerateOutput> generate_with_beams(const GenerationCall& call,
                                                std::span<const Prompt> prompts) {
  return BeamGeneration(call, prompts).run();
}

}  // namespace minimax::engine
