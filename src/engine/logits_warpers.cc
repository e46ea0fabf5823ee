// SPDX-License-Identifier: Apache-2.0
#include "engine/logits_warpers.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include "engine/logits_processors.h"
#include "engine/score_weights.h"

namespace minimax::engine {
namespace {

struct Candidate {
  double rank;  // lowest first
  double probability;
  std::int32_t id;
};

// The tokens that are not forbidden. `rank` computes a rank from a logarithm of probability.
template <class Rank>
std::vector<Candidate> candidates(std::span<const float> scores, Rank rank) {
  const double total = log_sum_exp(scores);
  std::vector<Candidate> all;
  for (std::size_t id = 0; id < scores.size(); ++id) {
    if (scores[id] != kForbidden) {
      const double log_probability = double{scores[id]} - total;
      all.push_back(
          {rank(log_probability), std::exp(log_probability), static_cast<std::int32_t>(id)});
    }
  }
  return all;
}

// Puts the first candidates in order, as many as it takes to reach `mass` and `min_tokens_to_keep`;
// returns their number. What comes behind them is left unordered: a large vocabulary is mostly
// tail.
template <class Before>
std::size_t order_until(double mass, std::int64_t min_tokens_to_keep, std::vector<Candidate>& all,
                        Before before) {
  constexpr std::size_t kFirstPiece = 64;
  constexpr std::size_t kGrowth = 4;
  double passed = 0.0;
  std::size_t count = 0;
  while (count < all.size()) {
    const std::size_t end = std::min(all.size(), std::max(kFirstPiece, count * kGrowth));
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(count);
    const auto piece_end = all.begin() + static_cast<std::ptrdiff_t>(end);
    if (end < all.size()) {
      std::nth_element(begin, piece_end, all.end(), before);
    }
    std::sort(begin, piece_end, before);
    for (; count < end; ++count) {
      if (passed >= mass && static_cast<std::int64_t>(count) >= min_tokens_to_keep) {
        return count;
      }
      passed += all[count].probability;
    }
  }
  return count;
}

// The score of the kth best; none is forbidden by it where there are fewer.
float kth_best(std::span<const float> scores, std::int64_t k) {
  if (k == 1) {
    return best_score(scores);
  }
  const ScoreRow row{.scores = scores.data(), .weights = nullptr, .size = std::ssize(scores)};
  const std::optional<ScoreEdge> edge = find_edge(row, {.count = k});
  return edge ? row.scores[edge->ids[static_cast<std::size_t>(k - 1 - edge->before.count)]]
              : kForbidden;
}

void forbid_below(double limit, std::span<float> scores) {
  for (float& score : scores) {
    score = double{score} < limit ? kForbidden : score;
  }
}

// Forbids probabilities below `limit`, but none of the `min_tokens_to_keep` best.
void cut_below(double limit, std::int64_t min_tokens_to_keep, double total,
               std::span<float> scores) {
  forbid_below(std::min(std::log(limit) + total, double{kth_best(scores, min_tokens_to_keep)}),
               scores);
}

double entropy(std::span<const float> scores, double total) {
  double sum = 0.0;
  for (const float score : scores) {
    if (score != kForbidden) {
      const double log_probability = double{score} - total;
      sum -= log_probability * std::exp(log_probability);
    }
  }
  return sum;
}

}  // namespace

double log_sum_exp(std::span<const float> scores) {
  const double best = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  for (const float score : scores) {
    if (score != kForbidden) {
      sum += std::exp(double{score} - best);
    }
  }
  return best + std::log(sum);
}

void divide_by_temperature(double temperature, std::span<float> scores) {
  // -inf / inf would be NaN, and so would 0 / 0.
  using Limits = std::numeric_limits<float>;
  const auto divisor =
      static_cast<float>(std::clamp(temperature, double{Limits::min()}, double{Limits::max()}));
  for (float& score : scores) {
    score = std::min(score / divisor, Limits::max());
  }
}

void keep_top_k(std::int64_t top_k, std::int64_t min_tokens_to_keep, std::span<float> scores) {
  const std::int64_t kept = std::max(top_k, min_tokens_to_keep);
  if (kept < static_cast<std::int64_t>(scores.size())) {
    forbid_below(kth_best(scores, kept), scores);
  }
}

void keep_top_p(double top_p, std::int64_t min_tokens_to_keep, std::span<float> scores) {
  const std::vector<float> weights = weights_beside(best_score(scores), scores);
  const double mass = top_p * sum_of(weights);
  const std::int64_t least = std::max<std::int64_t>(min_tokens_to_keep, 1);
  const std::optional<ScoreEdge> edge =
      find_edge({.scores = scores.data(), .weights = weights.data(), .size = std::ssize(scores)},
                {.mass = mass, .count = least});
  if (!edge) {
    return;
  }
  forbid_up_to(edge->below, scores);
  ScoresAbove passed = edge->before;
  for (const std::int32_t id : edge->ids) {
    const auto at = static_cast<std::size_t>(id);
    scores[at] = passed.mass < mass || passed.count < least ? scores[at] : kForbidden;
    passed.mass += double{weights[at]};
    ++passed.count;
  }
}

void keep_min_p(double min_p, std::int64_t min_tokens_to_keep, std::span<float> scores) {
  const double best = kth_best(scores, 1);
  forbid_below(std::min(std::log(min_p) + best, double{kth_best(scores, min_tokens_to_keep)}),
               scores);
}

void keep_typical(double typical_p, std::int64_t min_tokens_to_keep, std::span<float> scores) {
  const double mean = entropy(scores, log_sum_exp(scores));
  std::vector<Candidate> all =
      candidates(scores, [&](double log_probability) { return std::abs(-log_probability - mean); });
  const auto before = [](const Candidate& a, const Candidate& b) { return a.rank < b.rank; };
  const double limit = all[order_until(typical_p, min_tokens_to_keep, all, before) - 1].rank;
  for (const Candidate& candidate : all) {
    if (candidate.rank > limit) {
      scores[static_cast<std::size_t>(candidate.id)] = kForbidden;
    }
  }
}

void exclude_top_choices(double threshold, std::span<float> scores) {
  const double limit = std::log(threshold) + log_sum_exp(scores);
  float least = std::numeric_limits<float>::infinity();
  for (const float score : scores) {
    least = score != kForbidden && double{score} >= limit ? std::min(least, score) : least;
  }
  for (float& score : scores) {
    score = score > least ? kForbidden : score;
  }
}

void cut_epsilon(double epsilon, std::int64_t min_tokens_to_keep, std::span<float> scores) {
  cut_below(epsilon, min_tokens_to_keep, log_sum_exp(scores), scores);
}

void cut_eta(double epsilon, std::int64_t min_tokens_to_keep, std::span<float> scores) {
  const double total = log_sum_exp(scores);
  const double limit = std::sqrt(epsilon) * std::exp(-entropy(scores, total));
  cut_below(std::min(epsilon, limit), min_tokens_to_keep, total, scores);
}

}  // namespace minimax::engine
