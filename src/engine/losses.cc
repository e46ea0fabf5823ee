// SPDX-License-Identifier: Apache-2.0
#include "engine/losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "engine/logits_warpers.h"

namespace minimax::engine {
namespace {

void check_labels(std::size_t found, std::size_t expected) {
  base::check(found == expected, ErrorCode::kInvalidArgument,
              [&] { return fmt::format("labels: expected {} values, found {}", expected, found); });
}

/// How often every expert was chosen, and the sum of its probabilities.
struct ExpertUse {
  std::vector<double> chosen;
  std::vector<double> probability;

  void add(std::span<const float> logits, std::size_t top_k) {
    const double normalizer = log_sum_exp(logits);
    std::vector<std::size_t> order(logits.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
    for (std::size_t i = 0; i < top_k; ++i) {
      chosen[order[i]] += 1.0;
    }
    for (std::size_t expert = 0; expert < logits.size(); ++expert) {
      probability[expert] += std::exp(double{logits[expert]} - normalizer);
    }
  }
};

}  // namespace

float cross_entropy(std::span<const float> logits, std::span<const std::int32_t> labels,
                    std::int32_t ignored) {
  const std::size_t columns = labels.empty() ? 0 : logits.size() / labels.size();
  double sum = 0.0;
  double count = 0.0;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const std::int32_t label = labels[row];
    if (label == ignored) {
      continue;
    }
    base::check(0 <= label && static_cast<std::size_t>(label) < columns,
                ErrorCode::kInvalidArgument, [&] {
                  return fmt::format("labels: expected {}, or 0 to {}, found {}", ignored,
                                     static_cast<std::int64_t>(columns) - 1, label);
                });
    const std::span<const float> of_row = logits.subspan(row * columns, columns);
    sum += log_sum_exp(of_row) - double{of_row[static_cast<std::size_t>(label)]};
    count += 1.0;
  }
  return static_cast<float>(sum / count);
}

float mean_squared_error(std::span<const float> values, std::span<const float> labels) {
  check_labels(labels.size(), values.size());
  double sum = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double difference = double{values[i]} - double{labels[i]};
    sum += difference * difference;
  }
  return static_cast<float>(sum / static_cast<double>(values.size()));
}

float binary_cross_entropy(std::span<const float> logits, std::span<const float> labels) {
  check_labels(labels.size(), logits.size());
  double sum = 0.0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double x = logits[i];
    sum += std::max(x, 0.0) - x * double{labels[i]} + std::log1p(std::exp(-std::abs(x)));
  }
  return static_cast<float>(sum / static_cast<double>(logits.size()));
}

float load_balancing_loss(std::span<const std::vector<float>> router_logits,
                          std::int64_t num_experts, std::int64_t top_k) {
  const auto experts = static_cast<std::size_t>(num_experts);
  ExpertUse use{.chosen = std::vector<double>(experts),
                .probability = std::vector<double>(experts)};
  double rows = 0.0;
  for (const std::vector<float>& layer : router_logits) {
    for (std::size_t at = 0; at < layer.size(); at += experts) {
      use.add(std::span(layer).subspan(at, experts), static_cast<std::size_t>(top_k));
      rows += 1.0;
    }
  }
  const double sum =
      std::inner_product(use.chosen.begin(), use.chosen.end(), use.probability.begin(), 0.0);
  return static_cast<float>(static_cast<double>(num_experts) * sum / (rows * rows));
}

}  // namespace minimax::engine
