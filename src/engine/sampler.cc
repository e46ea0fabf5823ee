// SPDX-License-Identifier: Apache-2.0
#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "base/check.h"

namespace minimax::engine {
namespace {

constexpr float kExcluded = -std::numeric_limits<float>::infinity();

void check_usable(std::span<const float> logits) {
  float best = kExcluded;
  for (const float logit : logits) {
    base::check(!std::isnan(logit), ErrorCode::kCorruptFile,
                "the model computed a logit that is not a number: its weights may be damaged "
                "(see minimax inspect --check)");
    best = std::max(best, logit);
  }
  base::check(std::isfinite(best), ErrorCode::kInvalidArgument,
              "no token is left to choose: all are excluded");
}

}  // namespace

std::int32_t argmax(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

Sampler::Sampler(const GenerationConfig& config, std::span<const std::int32_t> suppressed)
    : config_(config),
      suppressed_(suppressed.begin(), suppressed.end()),
      random_state_(config.seed) {}

std::int32_t Sampler::sample(std::span<float> logits, std::span<const std::int32_t> history,
                             std::int64_t generated) {
  penalize_repetition(logits, history);
  exclude(logits, generated);
  check_usable(logits);
  if (!config_.do_sample || config_.temperature == 0.0) {
    return argmax(logits);
  }
  const std::vector<Candidate> kept = candidates(logits);
  std::vector<double> weights;
  double total = 0.0;
  for (const Candidate& candidate : kept) {
    weights.push_back(
        std::exp((double{candidate.logit} - kept.front().logit) / config_.temperature));
    total += weights.back();
  }
  double rest = uniform() * total;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    rest -= weights[i];
    if (rest < 0.0) {
      return kept[i].id;
    }
  }
  return kept.back().id;
}

void Sampler::exclude(std::span<float> logits, std::int64_t generated) const {
  for (const std::int32_t id : suppressed_) {
    logits[static_cast<std::size_t>(id)] = kExcluded;
  }
  if (config_.ignore_eos || generated < config_.min_new_tokens) {
    for (const std::int32_t id : config_.eos_token_id) {
      logits[static_cast<std::size_t>(id)] = kExcluded;
    }
  }
}

// Source: Keskar et al. 2019 (CTRL), section 4.1, as transformers applies it: each token once.
void Sampler::penalize_repetition(std::span<float> logits,
                                  std::span<const std::int32_t> history) const {
  if (config_.repetition_penalty == 1.0) {
    return;
  }
  const auto penalty = static_cast<float>(config_.repetition_penalty);
  for (const std::int32_t id : std::unordered_set<std::int32_t>(history.begin(), history.end())) {
    float& logit = logits[static_cast<std::size_t>(id)];
    logit = logit < 0.0f ? logit * penalty : logit / penalty;
  }
}

std::vector<Sampler::Candidate> Sampler::candidates(std::span<const float> logits) const {
  std::vector<Candidate> kept;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] != kExcluded) {
      kept.push_back({logits[id], static_cast<std::int32_t>(id)});
    }
  }
  const std::size_t limit = config_.top_k > 0
                                ? std::min(kept.size(), static_cast<std::size_t>(config_.top_k))
                                : kept.size();
  std::partial_sort(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(limit), kept.end(),
                    [](const Candidate& a, const Candidate& b) {
                      return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
                    });
  kept.resize(limit);

  const auto weight = [&](const Candidate& candidate) {
    return std::exp((double{candidate.logit} - kept.front().logit) / config_.temperature);
  };
  double total = 0.0;
  for (const Candidate& candidate : kept) {
    total += weight(candidate);
  }
  // top_p keeps the tokens before which less than top_p of the probability has been passed.
  double passed = 0.0;
  std::size_t count = 0;
  while (count < kept.size() && (count == 0 || passed < config_.top_p * total)) {
    passed += weight(kept[count++]);
  }
  while (count > 1 && weight(kept[count - 1]) < config_.min_p) {
    --count;
  }
  kept.resize(count);
  return kept;
}

// Uniform in [0, 1). Source: splitmix64, Steele et al. 2014.
double Sampler::uniform() {
  random_state_ += 0x9e3779b97f4a7c15u;
  std::uint64_t z = random_state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return static_cast<double>(z >> 11) * 0x1p-53;
}

}  // namespace minimax::engine
