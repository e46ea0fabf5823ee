// SPDX-License-Identifier: Apache-2.0
#include "support/sampling_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <random>
#include <utility>

#include "base/file.h"
#include "support/exit_code.h"
#include "support/suggest.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

CLI::Option* add_numbers(CLI::App& command, SamplingOptions& options, std::string_view name) {
  if (name == "max-new-tokens") {
    return command
        .add_option("--max-new-tokens", options.max_new_tokens, "Most tokens to generate")
        ->check(whole_number(1, std::numeric_limits<std::int32_t>::max()));
  }
  if (name == "temperature") {
    return command
        .add_option("--temperature", options.temperature,
                    "How freely tokens are drawn; 0: always the likeliest")
        ->check(number(0, 1e6));
  }
  if (name == "top-k") {
    return command
        .add_option("--top-k", options.top_k, "Draw from the K likeliest tokens; 0: from all")
        ->check(whole_number(0, std::numeric_limits<std::int32_t>::max()));
  }
  if (name == "top-p") {
    return command
        .add_option("--top-p", options.top_p,
                    "Draw from the likeliest tokens that together reach P")
        ->check(number(0, 1, Bound::kExcluded));
  }
  if (name == "min-p") {
    return command
        .add_option("--min-p", options.min_p,
                    "Leave out tokens below P times the likeliest one's probability")
        ->check(number(0, 1, Bound::kIncluded, Bound::kExcluded));
  }
  if (name == "typical-p") {
    return command
        .add_option("--typical-p", options.typical_p,
                    "Draw from the tokens of usual surprise that together reach P")
        ->check(number(0, 1, Bound::kExcluded));
  }
  if (name == "no-repeat-ngram-size") {
    return command
        .add_option("--no-repeat-ngram-size", options.no_repeat_ngram_size,
                    "Never generate the same N tokens in a row twice; 0: no rule")
        ->check(whole_number(0, std::numeric_limits<std::int32_t>::max()));
  }
  if (name == "repetition-penalty") {
    return command
        .add_option("--repetition-penalty", options.repetition_penalty,
                    "Above 1: tokens that already occurred become less likely")
        ->check(number(0, 1e6, Bound::kExcluded));
  }
  return command.add_option("--seed", options.seed, "The same seed draws the same tokens")
      ->check(whole_number(0, kLargest));
}

constexpr std::array kNumbers = {
    "max-new-tokens",     "temperature",          "top-k", "top-p", "min-p", "typical-p",
    "repetition-penalty", "no-repeat-ngram-size", "seed"};

}  // namespace

void add_sampling_options(CLI::App& command, Environment& environment, SamplingOptions& options) {
  const std::string group = "Sampling (defaults: the model's generation_config.json)";
  for (const char* name : kNumbers) {
    environment.bind(add_numbers(command, options, name)->type_name("N")->group(group));
  }
  command.add_option("--stop", options.stop, "End before this text; may be repeated")
      ->type_name("TEXT")
      ->allow_extra_args(false)
      ->group(group);
  command.add_flag("--ignore-eos", options.ignore_eos, "Never choose an end token")->group(group);
}

GenerationConfig to_generation_config(const SamplingOptions& options,
                                      const GenerationConfig& defaults) {
  GenerationConfig config = defaults;
  if (options.max_new_tokens) {
    config.max_new_tokens = options.max_new_tokens;
  }
  config.top_k = options.top_k.value_or(config.top_k);
  config.top_p = options.top_p.value_or(config.top_p);
  config.min_p = options.min_p.value_or(config.min_p);
  config.typical_p = options.typical_p.value_or(config.typical_p);
  config.no_repeat_ngram_size = options.no_repeat_ngram_size.value_or(config.no_repeat_ngram_size);
  config.repetition_penalty = options.repetition_penalty.value_or(config.repetition_penalty);
  if (options.temperature) {
    config.do_sample = *options.temperature > 0;
    config.temperature = config.do_sample ? *options.temperature : 1.0;
  } else if (options.top_k || options.top_p || options.min_p || options.typical_p) {
    config.do_sample = true;
  }
  config.seed = options.seed ? static_cast<std::uint64_t>(*options.seed) : std::random_device{}();
  config.stop_strings.insert(config.stop_strings.end(), options.stop.begin(), options.stop.end());
  config.ignore_eos = config.ignore_eos || options.ignore_eos;
  return config;
}

void set_sampling_option(SamplingOptions& options, std::string_view name, std::string_view value) {
  std::string flag(name);
  std::ranges::replace(flag, '_', '-');
  const std::vector<std::string> known(kNumbers.begin(), kNumbers.end());
  if (std::ranges::find(known, flag) == known.end()) {
    const std::string nearest = nearest_word(flag, known);
    throw UsageError(fmt::format("expected the name of a setting, found {}", base::printable(name)),
                     nearest.empty() ? fmt::format("the settings are {}", fmt::join(known, ", "))
                                     : fmt::format("did you mean {}?", nearest));
  }
  CLI::App parser;
  SamplingOptions parsed = options;
  CLI::Option* option = add_numbers(parser, parsed, flag);
  try {
    option->add_result(std::string(value));
    option->run_callback();
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  options = std::move(parsed);
}

std::string describe_sampling(const GenerationConfig& config) {
  return fmt::format(
      "max-new-tokens {}\ntemperature {}\ntop-k {}\ntop-p {}\nmin-p {}\ntypical-p {}\n"
      "repetition-penalty {}\nno-repeat-ngram-size {}\n",
      config.for_prompt(0).max_new_tokens.value(), config.do_sample ? config.temperature : 0.0,
      config.top_k, config.top_p, config.min_p, config.typical_p, config.repetition_penalty,
      config.no_repeat_ngram_size);
}

}  // namespace minimax::apps
