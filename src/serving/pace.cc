// SPDX-License-Identifier: Apache-2.0
#include "serving/pace.h"

#include <algorithm>
#include <cmath>

namespace minimax::serving {
namespace {

constexpr double kNews = 0.2;  // the weight of the last step in the means
constexpr double kMostShare = 0.8;
constexpr std::int64_t kLeastTokens = 8;
constexpr std::int64_t kMostTokens = 512;

void mix(double found, double& mean) { mean = mean == 0.0 ? found : mean + kNews * (found - mean); }

}  // namespace

std::int64_t Pace::prompt_tokens(std::int64_t rows, std::int64_t prompts) const {
  if (row_seconds_ == 0.0 || prompt_seconds_ == 0.0) {
    return std::max(kLeastTokens, rows / 4);
  }
  const double part = static_cast<double>(prompts) / static_cast<double>(prompts + rows);
  const double share = std::max(share_, std::min(part, kMostShare));
  const double room = share / (1.0 - share) * row_seconds_ * static_cast<double>(rows);
  const double tokens = std::min(room / prompt_seconds_, double{kMostTokens});
  return std::max(kLeastTokens, static_cast<std::int64_t>(std::lround(tokens)));
}

void Pace::note(std::int64_t rows, std::int64_t prompt_tokens, double seconds) {
  if (prompt_tokens == 0) {
    mix(seconds / static_cast<double>(rows), row_seconds_);
    return;
  }
  const double rest = seconds - row_seconds_ * static_cast<double>(rows);
  // Never nothing: a step that was faster than usual does not make prompts free of charge.
  const double least = 0.1 * seconds / static_cast<double>(rows + prompt_tokens);
  mix(std::max(rest / static_cast<double>(prompt_tokens), least), prompt_seconds_);
}

}  // namespace minimax::serving
