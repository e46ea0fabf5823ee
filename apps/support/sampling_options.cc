// SPDX-License-Identifier: Apache-2.0
#include "support/sampling_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iterator>
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
constexpr std::int64_t kLargest32 = std::numeric_limits<std::int32_t>::max();

/// One flag. Of both members, the one that is set names what it changes.
struct Flag {
  const char* name;
  std::optional<double> SamplingOptions::* number = nullptr;
  std::optional<std::int64_t> SamplingOptions::* count = nullptr;
  double min = 0;
  double max = 0;
  bool excludes_min = false;
  bool excludes_max = false;
  const char* help = nullptr;
};

using Options = SamplingOptions;

constexpr Flag kFlags[] = {
    {.name = "max-new-tokens",
     .count = &Options::max_new_tokens,
     .min = 1,
     .max = kLargest32,
     .help = "Most tokens to generate"},
    {.name = "min-new-tokens",
     .count = &Options::min_new_tokens,
     .max = kLargest32,
     .help = "Never end before so many tokens"},
    {.name = "temperature",
     .number = &Options::temperature,
     .max = 1e6,
     .help = "How freely tokens are drawn; 0: always the likeliest"},
    {.name = "top-k",
     .count = &Options::top_k,
     .max = kLargest32,
     .help = "Draw from the K likeliest tokens; 0: from all"},
    {.name = "top-p",
     .number = &Options::top_p,
     .max = 1,
     .excludes_min = true,
     .help = "Draw from the likeliest tokens that together reach P"},
    {.name = "min-p",
     .number = &Options::min_p,
     .max = 1,
     .excludes_max = true,
     .help = "Leave out tokens below P times the likeliest one's probability"},
    {.name = "typical-p",
     .number = &Options::typical_p,
     .max = 1,
     .excludes_min = true,
     .help = "Draw from the tokens of usual surprise that together reach P"},
    {.name = "epsilon-cutoff",
     .number = &Options::epsilon_cutoff,
     .max = 1,
     .excludes_max = true,
     .help = "Leave out tokens of less probability; 0: none"},
    {.name = "eta-cutoff",
     .number = &Options::eta_cutoff,
     .max = 1,
     .excludes_max = true,
     .help = "The same, but of less than the entropy lets expect; 0: none"},
    {.name = "repetition-penalty",
     .number = &Options::repetition_penalty,
     .max = 1e6,
     .excludes_min = true,
     .help = "Above 1: tokens that already occurred become less likely"},
    {.name = "no-repeat-ngram-size",
     .count = &Options::no_repeat_ngram_size,
     .max = kLargest32,
     .help = "Never generate the same N tokens in a row twice; 0: no rule"},
    {.name = "frequency-penalty",
     .number = &Options::frequency_penalty,
     .min = -2,
     .max = 2,
     .help = "Taken from a token's score for every time that it was generated"},
    {.name = "presence-penalty",
     .number = &Options::presence_penalty,
     .min = -2,
     .max = 2,
     .help = "Taken from a token's score once it was generated"},
    {.name = "dry-multiplier",
     .number = &Options::dry_multiplier,
     .max = 100,
     .help = "DRY: how strongly to avoid going on as before; 0: off"},
    {.name = "dry-base",
     .number = &Options::dry_base,
     .min = 1,
     .max = 100,
     .help = "DRY: how the penalty grows with every repeated token"},
    {.name = "dry-allowed-length",
     .count = &Options::dry_allowed_length,
     .min = 1,
     .max = kLargest32,
     .help = "DRY: tokens that may be repeated"},
    {.name = "dry-penalty-last-n",
     .count = &Options::dry_penalty_last_n,
     .min = -1,
     .max = kLargest32,
     .help = "DRY: tokens that it looks back; -1: all"},
    {.name = "xtc-probability",
     .number = &Options::xtc_probability,
     .max = 1,
     .help = "How often to leave out all likely tokens but the least likely of them"},
    {.name = "xtc-threshold",
     .number = &Options::xtc_threshold,
     .max = 1,
     .help = "The probability from which that counts a token as likely"},
    {.name = "seed",
     .count = &Options::seed,
     .max = static_cast<double>(kLargest),
     .help = "The same seed draws the same tokens"},
};

Bound bound(bool is_excluded) { return is_excluded ? Bound::kExcluded : Bound::kIncluded; }

CLI::Option* add_flag(CLI::App& command, SamplingOptions& options, const Flag& flag) {
  const std::string name = std::string("--") + flag.name;
  if (flag.number != nullptr) {
    return command.add_option(name, options.*flag.number, flag.help)
        ->check(number(flag.min, flag.max, bound(flag.excludes_min), bound(flag.excludes_max)));
  }
  const std::int64_t max = flag.count == &Options::seed ? kLargest : kLargest32;
  return command.add_option(name, options.*flag.count, flag.help)
      ->check(whole_number(static_cast<std::int64_t>(flag.min), max));
}

// The bias of "ID=BIAS"; nothing where it is none.
std::optional<std::pair<std::int32_t, double>> parse_bias(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    return std::nullopt;
  }
  const auto id = parse_integer(text.substr(0, equals));
  const auto bias = parse_number(text.substr(equals + 1));
  const bool fits = id && bias && *id >= 0 && *id <= kLargest32 && std::abs(*bias) <= 100;
  return fits ? std::optional(std::pair(static_cast<std::int32_t>(*id), *bias)) : std::nullopt;
}

std::string check_bias(const std::string& text) {
  return parse_bias(text) ? std::string()
                          : "expected ID=BIAS, a token and a number from -100 to 100, found " +
                                base::printable(text);
}

void set_penalties(const SamplingOptions& options, GenerationConfig& config) {
  const auto set = [](const auto& from, auto& to) { to = from.value_or(to); };
  set(options.repetition_penalty, config.repetition_penalty);
  set(options.no_repeat_ngram_size, config.no_repeat_ngram_size);
  set(options.frequency_penalty, config.frequency_penalty);
  set(options.presence_penalty, config.presence_penalty);
  set(options.dry_multiplier, config.dry_multiplier);
  set(options.dry_base, config.dry_base);
  set(options.dry_allowed_length, config.dry_allowed_length);
  set(options.dry_penalty_last_n, config.dry_penalty_last_n);
  set(options.xtc_probability, config.xtc_probability);
  set(options.xtc_threshold, config.xtc_threshold);
  set(options.min_new_tokens, config.min_new_tokens);
  for (const std::string& text : options.logit_bias) {
    const auto bias = parse_bias(text).value();
    config.logit_bias[bias.first] = bias.second;
  }
}

}  // namespace

void add_sampling_options(CLI::App& command, Environment& environment, SamplingOptions& options) {
  const std::string group = "Sampling (defaults: the model's generation_config.json)";
  for (const Flag& flag : kFlags) {
    environment.bind(add_flag(command, options, flag)->type_name("N")->group(group));
  }
  command
      .add_option("--logit-bias", options.logit_bias,
                  "Add BIAS to the score of token ID; may be repeated")
      ->type_name("ID=BIAS")
      ->check(check_bias)
      ->allow_extra_args(false)
      ->group(group);
  const auto add_texts = [&](const char* name, std::vector<std::string>& texts, const char* help) {
    command.add_option(name, texts, help)->type_name("TEXT")->allow_extra_args(false)->group(group);
  };
  add_texts(
      "--dry-sequence-breaker", options.dry_sequence_breakers,
      "DRY: no repetition reaches over the last token of this text; may be repeated; default: "
      "a new line, :, \" and *");
  add_texts("--bad-word", options.bad_words, "Never write this; may be repeated");
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
  config.epsilon_cutoff = options.epsilon_cutoff.value_or(config.epsilon_cutoff);
  config.eta_cutoff = options.eta_cutoff.value_or(config.eta_cutoff);
  set_penalties(options, config);
  if (options.temperature) {
    config.do_sample = *options.temperature > 0;
    config.temperature = config.do_sample ? *options.temperature : 1.0;
  } else if (options.top_k || options.top_p || options.min_p || options.typical_p ||
             options.epsilon_cutoff || options.eta_cutoff) {
    config.do_sample = true;
  }
  config.seed = options.seed ? static_cast<std::uint64_t>(*options.seed) : std::random_device{}();
  config.stop_strings.insert(config.stop_strings.end(), options.stop.begin(), options.stop.end());
  config.ignore_eos = config.ignore_eos || options.ignore_eos;
  return config;
}

void add_words(const SamplingOptions& options, const Tokenizer& tokenizer,
               GenerationConfig& config) {
  std::vector<std::string> breakers = options.dry_sequence_breakers;
  if (breakers.empty() && config.dry_sequence_breakers.empty()) {
    breakers = {"\n", ":", "\"", "*"};
  }
  for (const std::string& breaker : breakers) {
    const std::vector<std::int32_t> ids = tokenizer.encode(breaker, SpecialTokens::kAsText);
    if (config.dry_multiplier > 0 && !ids.empty()) {
      config.dry_sequence_breakers.push_back(ids.back());
    }
  }
  for (const std::string& word : options.bad_words) {
    if (word.empty()) {
      throw UsageError("--bad-word: expected some text, found none");
    }
    // A word in the middle of a text is another token than at its beginning.
    config.bad_words_ids.push_back(tokenizer.encode(word, SpecialTokens::kAsText));
    config.bad_words_ids.push_back(tokenizer.encode(" " + word, SpecialTokens::kAsText));
  }
}

void set_sampling_option(SamplingOptions& options, std::string_view name, std::string_view value) {
  std::string wanted(name);
  std::ranges::replace(wanted, '_', '-');
  const Flag* flag = std::ranges::find(kFlags, std::string_view(wanted), &Flag::name);
  if (flag == std::end(kFlags)) {
    std::vector<std::string> known;
    std::ranges::transform(kFlags, std::back_inserter(known), &Flag::name);
    const std::string nearest = nearest_word(wanted, known);
    throw UsageError(fmt::format("expected the name of a setting, found {}", base::printable(name)),
                     nearest.empty() ? fmt::format("the settings are {}", fmt::join(known, ", "))
                                     : fmt::format("did you mean {}?", nearest));
  }
  CLI::App parser;
  SamplingOptions parsed = options;
  CLI::Option* option = add_flag(parser, parsed, *flag);
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
