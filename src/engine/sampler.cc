// SPDX-License-Identifier: Apache-2.0
#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/logits_processors.h"

namespace minimax::engine {

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
  return is_sampling_ ? draw(logits) : argmax(logits);
}

std::int32_t Sampler::draw(std::span<const float> scores) {
  std::vector<std::int32_t> ids;
  std::vector<double> weights;
  const std::int32_t most_likely = argmax(scores);
  const double best = scores[static_cast<std::size_t>(most_likely)];
  double total = 0.0;
  for (std::size_t id = 0; id < scores.size(); ++id) {
    if (scores[id] != kForbidden) {
      ids.push_back(static_cast<std::int32_t>(id));
      weights.push_back(std::exp(double{scores[id]} - best));
      total += weights.back();
    }
  }
  double rest = random_.uniform() * total;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    rest -= weights[i];
    if (rest < 0.0) {
      return ids[i];
    }
  }
  return most_likely;  // the rounding of the sums left a rest
}

}  // namespace minimax::engine
