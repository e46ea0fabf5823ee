// SPDX-License-Identifier: Apache-2.0
#include "engine/sampler.h"

#include <algorithm>
#include <utility>

#include "engine/score_weights.h"

namespace minimax::engine {

namespace {

std::vector<double> probabilities(std::span<const float> scores) {
  const std::vector<float> weights = weights_beside(best_score(scores), scores);
  const double total = sum_of(weights);
  std::vector<double> values(weights.size());
  std::ranges::transform(weights, values.begin(),
                         [&](float weight) { return double{weight} / total; });
  return values;
}

}  // namespace

std::int32_t argmax(std::span<const float> logits) {
  return static_cast<std::int32_t>(first_at(best_score(logits), logits));
}

Sampler::Sampler(const GenerationConfig& config, std::span<const std::int32_t> suppressed,
                 std::vector<LogitsProcessor> user_defined)
    : config_(config),
      suppressed_(suppressed.begin(), suppressed.end()),
      processors_(config, suppressed, std::move(user_defined)),
      has_plans_(can_be_planned(processors_)),
      is_sampling_(is_sampling(config)),
      random_(config.seed) {}

std::int32_t Sampler::sample(std::span<float> logits, std::span<const std::int32_t> history,
                             std::int64_t generated) {
  processors_.apply(history, generated, logits);
  return is_sampling_ ? draw(weights_beside(best_score(logits), logits)) : argmax(logits);
}

std::int32_t Sampler::sample(std::span<float> logits, std::span<const std::int32_t> history,
                             std::int64_t generated, const DrawnToken& candidate) {
  processors_.apply(history, generated, logits);
  if (!is_sampling_) {
    return argmax(logits);
  }
  const std::vector<double> wanted = probabilities(logits);
  const std::vector<double> drawn = probabilities(candidate.scores);
  const auto token = static_cast<std::size_t>(candidate.token);
  if (random_.uniform() * drawn[token] < wanted[token]) {
    return candidate.token;
  }
  // What the candidates give too seldom.
  std::vector<float> missing(wanted.size());
  std::ranges::transform(wanted, drawn, missing.begin(), [](double p, double q) {
    return static_cast<float>(std::max(0.0, p - q));
  });
  const bool has_rest = std::ranges::any_of(missing, [](float p) { return p > 0.0f; });
  return has_rest ? draw(missing) : candidate.token;  // but for rounding, both are the same
}

std::int32_t Sampler::draw(std::span<const float> weights) {
  return static_cast<std::int32_t>(find_in_sums(random_.uniform() * sum_of(weights), weights));
}

}  // namespace minimax::engine
