// SPDX-License-Identifier: Apache-2.0
// The timed tests of `minimax bench`.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "minimax/model.h"
#include "support/bench_report.h"
#include "support/signals.h"
#include "support/work_estimate.h"

namespace minimax::apps {

/// Sequences that generate together, each after `depth` tokens of its own.
struct GenerationTest {
  std::int64_t depth = 0;
  std::int64_t tokens = 32;  // of each sequence
  std::int64_t sequences = 1;
};

/// How states come to be as deep as a test wants.
enum class Depth {
  kRead,      ///< the tokens are read
  kImagined,  ///< filled with random numbers; the runs of a test go on from each other's end
};

struct BenchOptions {
  std::int64_t repetitions = 1;
  Depth depth = Depth::kRead;
  bool profiles = false;  // fills BenchResult::parts
};

/// Runs a test once to warm up and then as often as wanted. All tokens are random, the same in
/// every run, and come from the vocabulary without its last three ids.
class BenchRun {
 public:
  /// All must outlive the run.
  BenchRun(MiniMaxForCausalLM& model, const WorkModel& work, const InterruptScope& scope,
           const BenchOptions& options)
      : model_(model), work_(work), scope_(scope), options_(options) {}

  /// Reads a prompt from an empty state. Throws: Error{kCancelled} once a signal came.
  BenchResult prompt(std::int64_t tokens);
  BenchResult generation(const GenerationTest& test);

  /// Of all sequences of the test with the most.
  std::int64_t most_state_bytes() const { return most_state_bytes_; }

 private:
  using Rows = std::vector<std::vector<std::int32_t>>;  // [sequences][tokens]

  State state_of(const GenerationTest& test, std::uint64_t seed);
  MoeCausalLMOutputWithPast step(const Rows& rows, std::size_t at, std::span<State> states,
                                 bool wants_routers);
  void timed_step(const Rows& rows, std::size_t at, std::span<State> states);
  void profile_prompt(std::span<const std::int32_t> ids, BenchResult& result);
  void profile_step(const GenerationTest& test, const Rows& rows, std::span<State> states,
                    BenchResult& result);
  void note_states(std::span<const State> states);
  double experts_of(const GenerationTest& test, const Rows& rows, std::span<State> states);

  MiniMaxForCausalLM& model_;
  const WorkModel& work_;
  const InterruptScope& scope_;
  BenchOptions options_;
  std::int64_t most_state_bytes_ = 0;
};

/// How many experts of a layer at least one row chose, on average over layers and steps.
class ExpertCount {
 public:
  ExpertCount(std::int64_t experts, std::int64_t chosen) : experts_(experts), chosen_(chosen) {}

  /// Shapes: [rows, experts].
  void add(std::span<const float> router_logits);
  double mean() const { return sum_ / count_; }

 private:
  std::int64_t experts_ = 0;
  std::int64_t chosen_ = 0;
  double sum_ = 0.0;
  double count_ = 0.0;
};

}  // namespace minimax::apps
