// SPDX-License-Identifier: Apache-2.0
#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/logits_processors.h"

namespace minimax::engine {

namespace {

// Of the scores, where the best one has 1.
std::vector<double> weights_of(std::span<const float> scores) {
  const double best = *std::ranges::max_element(scores);
  std::vector<double> weights(scores.size());
  std::ranges::transform(scores, weights.begin(), [&](float score) {
    return score == kForbidden ? 0.0 : std::exp(double{score} - best);
  });
  return weights;
}

std::vector<double> probabilities(std::span<const float> scores) {
  std::vector<double> weights = weights_of(scores);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) {
    weight /= total;
  }
  return weights;
}

}  // namespace

std::int32_t argmax(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

Sampler::Sampler(const GenerationConfig& config, std::span<const std::int32_t> suppressed,
                 std::vector<LogitsProcessor> user_defined)
    : processors_(config, suppressed, std::move(user_defined)),
      is_sampling_(is_sampling(config)),
      random_(config.seed) {}

std::int32_t Sampler::sample(std::span<float> logits, std::span<const std::int32_t> history,
                             std::int64_t generated) {
  processors_.apply(history, generated, logits);
  return is_sampling_ ? draw(weights_of(logits)) : argmax(logits);
}

std::int32_t Sampler::sample(std::span<float> logits, std::span<const std::int32_t> history,
                             std::int64_t generated, const DrawnToken& candidate) {
  processors_.apply(history, generated, logits);
  if (!is_sampling_) {
    return argmax(logits);
  }
  std::vector<double> wanted = probabilities(logits);
  const std::vector<double> drawn = probabilities(candidate.scores);
  const auto token = static_cast<std::size_t>(candidate.token);
  if (random_.uniform() * drawn[token] < wanted[token]) {
    return candidate.token;
  }
  // What the candidates give too seldom.
  std::ranges::transform(wanted, drawn, wanted.begin(),
                         [](double p, double q) { return std::max(0.0, p - q); });
  const bool has_rest = std::ranges::any_of(wanted, [](double p) { return p > 0.0; });
  return has_rest ? draw(wanted) : candidate.token;  // but for rounding, both are the same
}

std::int32_t Sampler::draw(std::span<const double> weights) {
  double rest = random_.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t id = 0; id < weights.size(); ++id) {
    rest -= weights[id];
    if (rest < 0.0) {
      return static_cast<std::int32_t>(id);
    }
  }
  // The rounding of the sums left a rest.
  return static_cast<std::int32_t>(std::ranges::max_element(weights) - weights.begin());
}

}  // namespace minimax::engine
