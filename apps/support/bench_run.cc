// SPDX-License-Identifier: Apache-2.0
#include "support/bench_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>

#include "base/random.h"
#include "engine/pretrained_model.h"

namespace minimax::apps {
namespace {

constexpr std::uint64_t kSeed = 1;

std::vector<std::int32_t> random_tokens(std::int64_t count, std::int64_t vocab_size,
                                        std::uint64_t seed) {
  std::vector<std::int32_t> ids;
  ids.reserve(static_cast<std::size_t>(count));
  base::SplitMix64 random(seed);
  const auto limit = static_cast<std::uint64_t>(std::max<std::int64_t>(vocab_size - 3, 1));
  for (std::int64_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<std::int32_t>(random.next() % limit));
  }
  return ids;
}

template <class Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Token number `at` of every sequence, as the engine takes it.
class TokenBatch {
 public:
  TokenBatch(const std::vector<std::vector<std::int32_t>>& rows, std::size_t at,
             std::span<State> states) {
    for (std::size_t i = 0; i < states.size(); ++i) {
      ids_.push_back(rows[i][at]);
      cu_seqlens_.push_back(std::ssize(ids_));
      output_rows_.push_back(static_cast<std::int32_t>(i));
      states_.push_back(&states[i].impl().sequence);
    }
  }
  model::Batch batch() const {
    return {.token_ids = ids_,
            .cu_seqlens = cu_seqlens_,
            .states = states_,
            .output_rows = output_rows_};
  }

 private:
  std::vector<std::int32_t> ids_;
  std::vector<std::int64_t> cu_seqlens_ = {0};
  std::vector<std::int32_t> output_rows_;
  std::vector<model::SequenceState*> states_;
};

}  // namespace

void ExpertCount::add(std::span<const float> router_logits) {
  const auto width = static_cast<std::size_t>(experts_);
  std::vector<bool> is_read(width);
  std::vector<std::size_t> order(width);
  for (std::size_t row = 0; row < router_logits.size(); row += width) {
    std::iota(order.begin(), order.end(), row);
    std::partial_sort(
        order.begin(), order.begin() + chosen_, order.end(),
        [&](std::size_t a, std::size_t b) { return router_logits[a] > router_logits[b]; });
    for (std::int64_t i = 0; i < chosen_; ++i) {
      is_read[order[static_cast<std::size_t>(i)] - row] = true;
    }
  }
  sum_ += static_cast<double>(std::ranges::count(is_read, true));
  count_ += 1.0;
}

void BenchRun::note_states(std::span<const State> states) {
  std::int64_t bytes = 0;
  for (const State& state : states) {
    bytes += state.bytes();
  }
  most_state_bytes_ = std::max(most_state_bytes_, bytes);
}

BenchResult BenchRun::prompt(std::int64_t tokens) {
  const std::vector<std::int32_t> ids = random_tokens(tokens, model_.config().vocab_size, kSeed);
  const Work work = prefill_work(work_, tokens);
  BenchResult result;
  result.test = fmt::format("pp{}", tokens);
  result.tokens = tokens;
  result.bytes = work.bytes;
  result.flops = work.flops;
  for (std::int64_t i = 0; i <= options_.repetitions; ++i) {
    scope_.check();
    State state = model_.new_state();
    const double seconds = seconds_of(
        [&] { model_.forward(ids, {.past_key_values = {&state, 1}, .logits_to_keep = 1}); });
    note_states({&state, 1});
    if (i > 0) {
      result.seconds.push_back(seconds);
    }
  }
  if (options_.profiles) {
    profile_prompt(ids, result);
  }
  return result;
}

// Token number `at` of every sequence.
MoeCausalLMOutputWithPast BenchRun::step(const Rows& rows, std::size_t at, std::span<State> states,
                                         bool wants_routers) {
  std::vector<std::int32_t> ids;
  ids.reserve(rows.size());
  for (const std::vector<std::int32_t>& row : rows) {
    ids.push_back(row[at]);
  }
  ModelInputs inputs(ids);
  inputs.batch_size = static_cast<std::int64_t>(rows.size());
  return model_.forward(inputs, {.past_key_values = states, .output_router_logits = wants_routers});
}

// A step as generation takes it: where the device chooses the next tokens, it does so here, too,
// though those of `rows` are read.
void BenchRun::timed_step(const Rows& rows, std::size_t at, std::span<State> states) {
  engine::Runner& runner = model_.impl().runner;
  if (!runner.can_choose(std::ssize(states))) {
    step(rows, at, states, false);
    return;
  }
  const TokenBatch batch(rows, at, states);
  std::vector<std::int32_t> chosen(states.size());
  runner.choose(batch.batch(), std::vector<engine::ChoicePlan>(states.size()), chosen);
}

void BenchRun::profile_step(const GenerationTest& test, const Rows& rows, std::span<State> states,
                            BenchResult& result) {
  const TokenBatch batch(rows, 0, states);
  MiniMaxPreTrainedModel::Impl& impl = model_.impl();
  result.parts = with_work(impl.runner.profile(batch.batch(), options_.repetitions), impl.model,
                           {.tokens = test.sequences,
                            .sequences = test.sequences,
                            .depth = test.depth,
                            .experts = result.experts});
}

// Of the first tokens, as many as fit one step.
void BenchRun::profile_prompt(std::span<const std::int32_t> ids, BenchResult& result) {
  MiniMaxPreTrainedModel::Impl& impl = model_.impl();
  const std::int64_t count = std::min(std::ssize(ids), impl.runner.max_tokens());
  State state = model_.new_state();
  const std::array<std::int64_t, 2> cu_seqlens = {0, count};
  const std::array<model::SequenceState*, 1> states = {&state.impl().sequence};
  const std::array<std::int32_t, 1> rows = {static_cast<std::int32_t>(count - 1)};
  const auto parts = impl.runner.profile({.token_ids = ids.first(static_cast<std::size_t>(count)),
                                          .cu_seqlens = cu_seqlens,
                                          .states = states,
                                          .output_rows = rows},
                                         options_.repetitions);
  result.parts = with_work(parts, impl.model, {.tokens = count});
}

double BenchRun::experts_of(const GenerationTest& test, const Rows& rows, std::span<State> states) {
  const MiniMaxConfig& config = model_.config();
  if (test.sequences == 1) {
    return static_cast<double>(config.num_experts_per_tok);
  }
  ExpertCount count(config.num_local_experts, config.num_experts_per_tok);
  for (std::size_t at = 0; at < rows.front().size(); ++at) {
    scope_.check();
    for (const FloatTensor& layer : step(rows, at, states, true).router_logits) {
      count.add(layer.values);
    }
  }
  return count.mean();
}

// One that has the depth of the test.
State BenchRun::state_of(const GenerationTest& test, std::uint64_t seed) {
  State state = model_.new_state();
  if (test.depth > 0 && options_.depth == Depth::kImagined) {
    state.impl().sequence.imagine(test.depth, seed);
  } else if (test.depth > 0) {
    const std::vector<std::int32_t> ids =
        random_tokens(test.depth, model_.config().vocab_size, ~seed);
    model_.forward(ids, {.past_key_values = {&state, 1}, .logits_to_keep = 1});
  }
  return state;
}

BenchResult BenchRun::generation(const GenerationTest& test) {
  Rows rows;
  std::vector<State> deep;
  for (std::int64_t i = 0; i < test.sequences; ++i) {
    const std::uint64_t seed = kSeed + static_cast<std::uint64_t>(i);
    rows.push_back(random_tokens(test.tokens, model_.config().vocab_size, seed));
    deep.push_back(state_of(test, seed));
  }
  BenchResult result;
  result.test = fmt::format("tg@{}", test.depth);
  if (test.sequences > 1) {
    result.test += fmt::format("x{}", test.sequences);
  }
  result.sequences = test.sequences;
  result.tokens = test.tokens * test.sequences;
  // A fork would take the memory of its original again, which large states do not leave.
  const bool forks = options_.depth == Depth::kRead;
  std::vector<State> states;
  if (forks) {
    states = deep;
  } else {
    states.swap(deep);
  }
  result.experts = experts_of(test, rows, states);
  for (std::int64_t i = 0; i < test.tokens; ++i) {
    const Work work = decode_work(
        work_, {.depth = test.depth + i, .sequences = test.sequences, .experts = result.experts});
    result.bytes += work.bytes;
    result.flops += work.flops;
  }
  for (std::int64_t i = 0; i <= options_.repetitions; ++i) {
    if (forks) {
      states = deep;
    }
    const double seconds = seconds_of([&] {
      for (std::size_t at = 0; at < rows.front().size(); ++at) {
        scope_.check();
        timed_step(rows, at, states);
      }
    });
    note_states(states);
    if (i > 0) {
      result.seconds.push_back(seconds);
    }
  }
  if (options_.profiles) {
    profile_step(test, rows, states, result);
  }
  return result;
}

}  // namespace minimax::apps
