// SPDX-License-Identifier: Apache-2.0
#include "engine/divergence.h"

#include <algorithm>
#include <cmath>

#include "engine/logits_warpers.h"

namespace minimax::engine {
namespace {

template <class Field>
std::vector<double> all_of(std::span<const TokenScore> scores, const Field& field) {
  std::vector<double> values;
  values.reserve(scores.size());
  for (const TokenScore& score : scores) {
    values.push_back(field(score));
  }
  return values;
}

double sum_of_products(std::span<const double> a, double mean_a, std::span<const double> b,
                       double mean_b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += (a[i] - mean_a) * (b[i] - mean_b);
  }
  return sum;
}

double correlation_of(std::span<const double> a, std::span<const double> b) {
  const double mean_a = mean_of(a).value;
  const double mean_b = mean_of(b).value;
  const double scale =
      std::sqrt(sum_of_products(a, mean_a, a, mean_a) * sum_of_products(b, mean_b, b, mean_b));
  return scale > 0.0 ? sum_of_products(a, mean_a, b, mean_b) / scale : 1.0;
}

std::size_t top_of(std::span<const float> logits) {
  return static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
}

// The errors of both perplexities, which go up and down together.
double error_of_difference(const Estimate& a, const Estimate& b, double correlation) {
  const double variance =
      a.error * a.error + b.error * b.error - 2.0 * correlation * a.error * b.error;
  return std::sqrt(std::max(variance, 0.0));
}

}  // namespace

Estimate mean_of(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0.0;
  for (const double value : values) {
    sum += value;
  }
  const double mean = sum / count;
  if (values.size() < 2) {
    return {.value = mean, .error = 0.0};
  }
  const double variance = sum_of_products(values, mean, values, mean) / (count - 1.0);
  return {.value = mean, .error = std::sqrt(variance / count)};
}

double quantile(std::span<const double> sorted, double fraction) {
  const double place = std::clamp(fraction, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

TokenScore score_token(std::span<const float> logits, std::int32_t token) {
  return {.nll = log_sum_exp(logits) - double{logits[static_cast<std::size_t>(token)]}};
}

TokenScore score_token(std::span<const float> logits, std::span<const float> base_logits,
                       std::int32_t token) {
  const auto at = static_cast<std::size_t>(token);
  const double normalizer = log_sum_exp(logits);
  const double base_normalizer = log_sum_exp(base_logits);
  double kl = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double base_log_p = double{base_logits[i]} - base_normalizer;
    kl += std::exp(base_log_p) * (base_log_p - (double{logits[i]} - normalizer));
  }
  return {.nll = normalizer - double{logits[at]},
          .base_nll = base_normalizer - double{base_logits[at]},
          .kl = kl,
          .same_top = top_of(logits) == top_of(base_logits)};
}

Estimate mean_nll(std::span<const TokenScore> scores) {
  return mean_of(all_of(scores, [](const TokenScore& score) { return score.nll; }));
}

Estimate perplexity_of(const Estimate& nll) {
  const double value = std::exp(nll.value);
  return {.value = value, .error = value * nll.error};
}

Divergence compare(std::span<const TokenScore> scores) {
  const auto nll = all_of(scores, [](const TokenScore& s) { return s.nll; });
  const auto base_nll = all_of(scores, [](const TokenScore& s) { return s.base_nll; });
  const auto change = [](const TokenScore& s) { return std::exp(-s.nll) - std::exp(-s.base_nll); };
  const Estimate perplexity = perplexity_of(mean_of(nll));
  Divergence result;
  result.base_perplexity = perplexity_of(mean_of(base_nll));
  result.correlation = correlation_of(nll, base_nll);
  result.log_ratio =
      mean_of(all_of(scores, [](const TokenScore& s) { return s.nll - s.base_nll; }));
  result.ratio = perplexity_of(result.log_ratio);
  result.difference = {
      .value = perplexity.value - result.base_perplexity.value,
      .error = error_of_difference(perplexity, result.base_perplexity, result.correlation)};
  result.kl_sorted = all_of(scores, [](const TokenScore& s) { return s.kl; });
  result.kl = mean_of(result.kl_sorted);
  std::ranges::sort(result.kl_sorted);
  result.same_top =
      mean_of(all_of(scores, [](const TokenScore& s) { return s.same_top ? 1.0 : 0.0; }));
  result.changes_sorted = all_of(scores, change);
  result.probability_change = mean_of(result.changes_sorted);
  result.probability_rms = std::sqrt(
      mean_of(all_of(scores, [&](const TokenScore& s) { return change(s) * change(s); })).value);
  std::ranges::sort(result.changes_sorted);
  return result;
}

}  // namespace minimax::engine
