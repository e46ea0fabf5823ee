// SPDX-License-Identifier: Apache-2.0
// How many tokens of prompts are read beside answers, so that these do not stall.
#pragma once

#include <cstdint>

namespace minimax::serving {

/// Learns from the steps how long answers and tokens of prompts take. Thread safety: one thread.
class Pace {
 public:
  /// Prompts may take `share` of the time of a step, above 0 and below 1.
  explicit Pace(double share) : share_(share) {}

  /// How many tokens of `prompts` prompts may run beside `rows` tokens of answers. Where many
  /// prompts wait for few answers, they may take more than their share, up to four fifths of the
  /// time: answers are cheaper together. At least a few tokens, or a prompt would never be read.
  std::int64_t prompt_tokens(std::int64_t rows, std::int64_t prompts) const;
  /// Notes a step with tokens of answers.
  void note(std::int64_t rows, std::int64_t prompt_tokens, double seconds);

 private:
  double share_;
  double row_seconds_ = 0.0;     // a step of answers alone, for each of its rows
  double prompt_seconds_ = 0.0;  // each token of a prompt in addition
};

}  // namespace minimax::serving
