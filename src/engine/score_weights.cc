// SPDX-License-Identifier: Apache-2.0
#include "engine/score_weights.h"

#include <algorithm>
#include <array>

#include "engine/logits_processors.h"

namespace minimax::engine {
namespace {

constexpr std::int64_t kBlock = 256;

std::int64_t count_above(float limit, std::span<const float> scores) {
  return cpu::visit_isa(cpu::detect_isa(), [&]<cpu::Isa isa>() {
    return kernels::count_above<isa>(limit, scores.data(), std::ssize(scores));
  });
}

using Limits = std::array<float, 3>;  // the highest first

std::array<ScoresAbove, 3> estimate_above(const Limits& limits, const ScoreRow& row) {
  std::array<ScoresAbove, 3> sums;
  if (row.weights == nullptr) {
    const std::span<const float> scores(row.scores, static_cast<std::size_t>(row.size));
    std::ranges::transform(limits, sums.begin(), [&](float limit) {
      return ScoresAbove{.count = count_above(limit, scores)};
    });
    return sums;
  }
  cpu::visit_isa(cpu::detect_isa(), [&]<cpu::Isa isa>() {
    kernels::estimate_above<isa>(limits.data(), row, sums.data());
  });
  return sums;
}

/// Scores are at the edge that are above `low` and not above `high`: what is above the low end is
/// enough, what is above the high end is not.
struct Bracket {
  float low;
  float high;
  ScoresAbove above_low;
  ScoresAbove above_high;

  std::int64_t count() const { return above_low.count - above_high.count; }
};

// False where none of the limits is low enough.
bool cut(const Limits& limits, const ScoreRow& row, const ScoresAbove& goal, Bracket& bracket) {
  const std::array<ScoresAbove, 3> sums = estimate_above(limits, row);
  for (std::size_t i = 0; i < limits.size(); ++i) {
    if (sums[i].mass >= goal.mass && sums[i].count >= goal.count) {
      bracket.low = limits[i];
      bracket.above_low = sums[i];
      return true;
    }
    bracket.high = limits[i];
    bracket.above_high = sums[i];
  }
  return false;
}

std::optional<Bracket> find_bracket(const ScoreRow& row, const ScoresAbove& goal) {
  const float best = best_score({row.scores, static_cast<std::size_t>(row.size)});
  Bracket bracket{
      .low = kForbidden, .high = best, .above_low = {.count = row.size}, .above_high = {}};
  // What is far below the best hardly ever counts.
  if (!cut({best - 8.0f, best - 16.0f, kForbidden}, row, goal, bracket)) {
    return std::nullopt;
  }
  for (float distance = 32.0f; bracket.low == kForbidden && best - distance > kForbidden;
       distance *= 64.0f) {
    cut({best - distance, best - 4.0f * distance, best - 16.0f * distance}, row, goal, bracket);
  }
  return bracket;
}

// Three places within the bracket: beside the one at which the goal would be reached if it were
// evenly filled, or at its quarters.
Limits places_in(const Bracket& bracket, const ScoresAbove& goal, bool guesses) {
  const float width = bracket.high - bracket.low;
  const double mass = bracket.above_low.mass - bracket.above_high.mass;
  if (!guesses || !(mass > 0.0)) {
    return {bracket.high - width * 0.25f, bracket.low + width * 0.5f, bracket.low + width * 0.25f};
  }
  constexpr float kMargin = 0.06f;
  const auto part = static_cast<float>((goal.mass - bracket.above_high.mass) / mass);
  const float middle = std::clamp(part, 2.0f * kMargin, 1.0f - 2.0f * kMargin);
  return {bracket.high - width * (middle - kMargin), bracket.high - width * middle,
          bracket.high - width * (middle + kMargin)};
}

// Takes narrower brackets until few scores are left, unless many are equal.
void narrow(const ScoreRow& row, const ScoresAbove& goal, Bracket& bracket) {
  constexpr std::int64_t kFew = 128;
  constexpr float kNearlyEven = 4.0f;
  bool has_guessed = false;
  while (bracket.count() > kFew) {
    // A guess that was wrong is followed by quarters.
    has_guessed = !has_guessed && bracket.high - bracket.low < kNearlyEven;
    const Limits limits = places_in(bracket, goal, has_guessed);
    const bool is_finer = limits[2] > bracket.low && limits[1] > limits[2] &&
                          limits[0] > limits[1] && bracket.high > limits[0];
    if (!is_finer) {
      return;
    }
    // Where none of them is low enough, the low end still is.
    const float width = bracket.high - bracket.low;
    cut(limits, row, goal, bracket);
    has_guessed = has_guessed && bracket.high - bracket.low > width * 0.25f;
  }
}

std::vector<std::int32_t> ids_between(const ScoreRow& row, const Bracket& bracket) {
  std::vector<std::int32_t> ids(static_cast<std::size_t>(bracket.count()));
  const std::int64_t count = cpu::visit_isa(cpu::detect_isa(), [&]<cpu::Isa isa>() {
    return kernels::ids_between<isa>(bracket.low, bracket.high, row, ids.data());
  });
  ids.resize(static_cast<std::size_t>(count));
  return ids;
}

}  // namespace

float best_score(std::span<const float> scores) {
  return cpu::visit_isa(cpu::detect_isa(), [&]<cpu::Isa isa>() {
    return kernels::best_score<isa>(scores.data(), std::ssize(scores));
  });
}

std::size_t first_at(float score, std::span<const float> scores) {
  return cpu::visit_isa(cpu::detect_isa(), [&]<cpu::Isa isa>() {
    return static_cast<std::size_t>(
        kernels::first_at<isa>(score, scores.data(), std::ssize(scores)));
  });
}

std::vector<float> weights_beside(float best, std::span<const float> scores) {
  std::vector<float> weights(scores.size());
  const ScoreRow row{.scores = scores.data(), .weights = nullptr, .size = std::ssize(scores)};
  cpu::visit_isa(cpu::detect_isa(),
                 [&]<cpu::Isa isa>() { kernels::weights_beside<isa>(best, row, weights.data()); });
  return weights;
}

double sum_of(std::span<const float> weights) {
  return cpu::visit_isa(cpu::detect_isa(), [&]<cpu::Isa isa>() {
    return kernels::sum_of<isa>(weights.data(), std::ssize(weights));
  });
}

std::size_t find_in_sums(double rest, std::span<const float> weights) {
  std::size_t begin = 0;
  while (begin < weights.size()) {
    const auto block =
        weights.subspan(begin, std::min(std::size_t{kBlock}, weights.size() - begin));
    const double sum = sum_of(block);
    if (rest < sum) {
      break;
    }
    rest -= sum;
    begin += block.size();
  }
  // Rounding may leave a rest in the block, which is then for what follows.
  for (std::size_t id = begin; id < weights.size(); ++id) {
    rest -= double{weights[id]};
    if (rest < 0.0) {
      return id;
    }
  }
  return static_cast<std::size_t>(std::ranges::max_element(weights) - weights.begin());
}

void forbid_up_to(float limit, std::span<float> scores) {
  cpu::visit_isa(cpu::detect_isa(), [&]<cpu::Isa isa>() {
    kernels::forbid_up_to<isa>(limit, scores.data(), std::ssize(scores));
  });
}

bool are_usable(std::span<const float> scores) {
  return cpu::visit_isa(cpu::detect_isa(), [&]<cpu::Isa isa>() {
    return kernels::are_usable<isa>(scores.data(), std::ssize(scores));
  });
}

std::optional<ScoreEdge> find_edge(const ScoreRow& row, const ScoresAbove& goal) {
  std::optional<Bracket> bracket = find_bracket(row, goal);
  if (!bracket) {
    return std::nullopt;
  }
  narrow(row, goal, *bracket);
  if (row.weights != nullptr) {
    bracket->above_high.mass = cpu::visit_isa(cpu::detect_isa(), [&]<cpu::Isa isa>() {
      return kernels::mass_above<isa>(bracket->high, row);
    });
  }
  ScoreEdge edge{
      .before = bracket->above_high, .ids = ids_between(row, *bracket), .below = bracket->low};
  std::ranges::sort(edge.ids, [&](std::int32_t a, std::int32_t b) {
    return row.scores[a] != row.scores[b] ? row.scores[a] > row.scores[b] : a > b;
  });
  return edge;
}

}  // namespace minimax::engine
