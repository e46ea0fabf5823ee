// SPDX-License-Identifier: Apache-2.0
// What servers add to or take from the scores of single tokens. The rules of transformers are in
// logits_processors.h; processor_list.h has the order.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace minimax::engine {

/// Every function takes `scores`, one for each id of the vocabulary, none of them NaN, and changes
/// them in place. All ids must be in the vocabulary. What is forbidden stays forbidden, and what is
/// finite stays finite.

void add_bias(const std::map<std::int32_t, double>& bias, std::span<float> scores);

/// score - count * frequency - (count > 0) * presence, where `count` is how often the token is
/// among the `generated` ones. Source: the API of OpenAI, "frequency and presence penalties".
void penalize_frequency(double frequency, double presence, std::span<const std::int32_t> generated,
                        std::span<float> scores);

/// See GenerationConfig::dry_multiplier.
struct DryRule {
  double multiplier;
  double base;
  std::int64_t allowed_length;
  std::int64_t last_n;  ///< tokens that are looked at; -1: all
  std::span<const std::int32_t> breakers;
};

/// Source: "DRY", p-e-w, text-generation-webui pull request 5677; as there, a match counts as 50
/// tokens at most, and neither breakers nor what follows them are penalized.
void penalize_continuation(const DryRule& rule, std::span<const std::int32_t> input_ids,
                           std::span<float> scores);

}  // namespace minimax::engine
