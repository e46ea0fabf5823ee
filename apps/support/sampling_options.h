// SPDX-License-Identifier: Apache-2.0
// The options that say how tokens are chosen, shared by generate and chat, and by /set in a chat.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "minimax/generation_config.h"
#include "minimax/tokenizer.h"
#include "support/cli11_fwd.h"
#include "support/environment.h"

namespace minimax::apps {

/// Only what was said; everything else follows the model's generation_config.json.
struct SamplingOptions {
  std::optional<std::int64_t> max_new_tokens;
  std::optional<double> temperature;  // 0: greedy
  std::optional<std::int64_t> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> typical_p;
  std::optional<double> epsilon_cutoff;
  std::optional<double> eta_cutoff;
  std::optional<double> repetition_penalty;
  std::optional<std::int64_t> no_repeat_ngram_size;
  std::optional<double> frequency_penalty;
  std::optional<double> presence_penalty;
  std::optional<double> dry_multiplier;
  std::optional<double> dry_base;
  std::optional<std::int64_t> dry_allowed_length;
  std::optional<std::int64_t> dry_penalty_last_n;
  std::optional<double> xtc_probability;
  std::optional<double> xtc_threshold;
  std::optional<std::int64_t> min_new_tokens;
  std::optional<std::int64_t> seed;
  std::vector<std::string> stop;
  std::vector<std::string> logit_bias;  // "ID=BIAS", checked
  std::vector<std::string> dry_sequence_breakers;
  std::vector<std::string> bad_words;
  bool ignore_eos = false;
};

void add_sampling_options(CLI::App& command, Environment& environment, SamplingOptions& options);

/// `defaults` (of the model) with the options applied. Without a seed, each call draws one.
GenerationConfig to_generation_config(const SamplingOptions& options,
                                      const GenerationConfig& defaults);

/// Adds the words that the options name, as `tokenizer` writes them. DRY has breakers of its own
/// where none are named: those of llama.cpp, as the server has them.
void add_words(const SamplingOptions& options, const Tokenizer& tokenizer,
               GenerationConfig& config);

/// Sets the field of that name ("top_p", "top-p") from text.
/// Throws: UsageError naming the field and what it accepts.
void set_sampling_option(SamplingOptions& options, std::string_view name, std::string_view value);

/// The settings in force, one to a line, for /set without a name.
std::string describe_sampling(const GenerationConfig& config);

}  // namespace minimax::apps
