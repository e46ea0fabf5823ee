// SPDX-License-Identifier: Apache-2.0
#include "server/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "server/api_error.h"
#include "server/sampling_fields.h"
#include "server/text_fields.h"

namespace minimax::server {
namespace {

constexpr std::int64_t kLargest32 = std::numeric_limits<std::int32_t>::max();

void read_lengths(const Fields& fields, const SamplingNames& names, GenerationConfig& config) {
  // All answers of a server are bounded by the request or the context, never by a file.
  config.max_length.reset();
  config.min_length = 0;
  config.max_new_tokens = fields.integer(names.max_tokens, names.min_max_tokens, kLargest32);
  if (names.alternative_max_tokens != nullptr) {
    const auto other =
        fields.integer(names.alternative_max_tokens, names.min_max_tokens, kLargest32);
    config.max_new_tokens = other ? other : config.max_new_tokens;
  }
  config.min_new_tokens = sampling_integer(fields, "min_tokens").value_or(0);
  if (config.max_new_tokens && config.min_new_tokens > *config.max_new_tokens) {
    fields.refuse("min_tokens",
                  fmt::format("at most {} ({})", *config.max_new_tokens, names.max_tokens));
  }
  config.ignore_eos = fields.boolean("ignore_eos", config.ignore_eos);
}

void read_filters(const Fields& fields, GenerationConfig& config) {
  const auto temperature = sampling_number(fields, "temperature");
  const auto top_k = sampling_integer(fields, "top_k");
  const auto top_p = sampling_number(fields, "top_p");
  const auto min_p = sampling_number(fields, "min_p");
  auto typical_p = sampling_number(fields, "typical_p");
  typical_p = typical_p ? typical_p : sampling_number(fields, "typical");
  config.top_k = top_k ? std::max<std::int64_t>(*top_k, 0) : config.top_k;
  config.top_p = top_p.value_or(config.top_p);
  config.min_p = min_p.value_or(config.min_p);
  config.typical_p = typical_p.value_or(config.typical_p);
  if (temperature) {
    config.do_sample = *temperature > 0;
    config.temperature = config.do_sample ? *temperature : 1.0;
  } else if (top_k || top_p || min_p || typical_p) {
    config.do_sample = true;
  }
}

void read_penalties(const Fields& fields, GenerationConfig& config) {
  config.frequency_penalty = sampling_number(fields, "frequency_penalty").value_or(0.0);
  config.presence_penalty = sampling_number(fields, "presence_penalty").value_or(0.0);
  config.repetition_penalty =
      sampling_number(fields, "repetition_penalty").value_or(config.repetition_penalty);
  config.no_repeat_ngram_size =
      sampling_integer(fields, "no_repeat_ngram_size").value_or(config.no_repeat_ngram_size);
}

void read_dry(const Fields& fields, const RequestLimits& limits, const Tokenizer& tokenizer,
              GenerationConfig& config) {
  config.dry_multiplier = sampling_number(fields, "dry_multiplier").value_or(0.0);
  config.dry_base = sampling_number(fields, "dry_base").value_or(config.dry_base);
  config.dry_allowed_length =
      sampling_integer(fields, "dry_allowed_length").value_or(config.dry_allowed_length);
  config.dry_penalty_last_n =
      sampling_integer(fields, "dry_penalty_last_n").value_or(config.dry_penalty_last_n);
  // The default of llama.cpp.
  std::vector<std::string> breakers = {"\n", ":", "\"", "*"};
  if (fields.array("dry_sequence_breakers", limits.bad_words) != nullptr) {
    breakers = read_strings(fields, "dry_sequence_breakers");
  }
  if (config.dry_multiplier == 0.0) {
    return;
  }
  for (const std::string& breaker : breakers) {
    const std::vector<std::int32_t> ids = tokenizer.encode(breaker, SpecialTokens::kAsText);
    if (!ids.empty()) {
      config.dry_sequence_breakers.push_back(ids.back());
    }
  }
}

void read_logit_bias(const Fields& fields, const RequestLimits& limits, std::int64_t vocab_size,
                     GenerationConfig& config) {
  const base::Json* bias = fields.object("logit_bias");
  if (bias == nullptr) {
    return;
  }
  if (static_cast<std::int64_t>(bias->object().size()) > limits.logit_bias) {
    fields.refuse("logit_bias", fmt::format("at most {} tokens", limits.logit_bias));
  }
  const Fields values(*bias, "logit_bias");
  for (const base::JsonMember& member : bias->object()) {
    const std::string& key = member.first;
    std::int32_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0 || id >= vocab_size) {
      throw bad_field("logit_bias", fmt::format("expected token ids from 0 to {}, found {}",
                                                vocab_size - 1, base::quote_json(key)));
    }
    config.logit_bias[id] = values.number(key, {-100.0, 100.0}).value_or(0.0);
  }
}

void read_stop(const Fields& fields, const RequestLimits& limits, const char* name,
               GenerationConfig& config) {
  const base::Json* stop = fields.find(name);
  if (stop == nullptr) {
    return;
  }
  const auto count = stop->is_array() ? static_cast<std::int64_t>(stop->array().size()) : 1;
  if (count > limits.stop_strings) {
    fields.refuse(name, fmt::format("at most {} stop strings", limits.stop_strings));
  }
  config.stop_strings = read_strings(fields, name);
  for (const std::string& text : config.stop_strings) {
    if (text.empty() || static_cast<std::int64_t>(text.size()) > limits.stop_bytes) {
      throw bad_field(fields.path(name),
                      fmt::format("expected strings of 1 to {} bytes, found one of {}",
                                  limits.stop_bytes, text.size()));
    }
  }
}

void read_bad_words(const Fields& fields, const RequestLimits& limits, const Tokenizer& tokenizer,
                    GenerationConfig& config) {
  const base::JsonArray* words = fields.array("bad_words", limits.bad_words);
  if (words == nullptr) {
    return;
  }
  for (const std::string& word : read_strings(fields, "bad_words")) {
    // A word in the middle of a text is another token than at its beginning.
    for (const std::string& spelling : {word, " " + word}) {
      std::vector<std::int32_t> ids = tokenizer.encode(spelling, SpecialTokens::kAsText);
      if (ids.empty()) {
        fields.refuse("bad_words", "strings that are not empty");
      }
      config.bad_words_ids.push_back(std::move(ids));
    }
  }
}

std::uint64_t read_seed(const Fields& fields) {
  const auto seed = fields.integer("seed", std::numeric_limits<std::int64_t>::min(),
                                   std::numeric_limits<std::int64_t>::max());
  if (seed && *seed != -1) {
    return static_cast<std::uint64_t>(*seed);
  }
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random();
}

}  // namespace

GenerationConfig read_sampling(const Fields& fields, const ServedModel& model,
                               const RequestLimits& limits, const SamplingNames& names) {
  GenerationConfig config = model.defaults;
  config.num_beams = 1;
  config.stop_strings.clear();
  read_lengths(fields, names, config);
  read_filters(fields, config);
  read_penalties(fields, config);
  read_dry(fields, limits, *model.tokenizer, config);
  read_logit_bias(fields, limits, model.config.vocab_size, config);
  config.xtc_probability = sampling_number(fields, "xtc_probability").value_or(0.0);
  config.xtc_threshold = sampling_number(fields, "xtc_threshold").value_or(config.xtc_threshold);
  read_stop(fields, limits, names.stop, config);
  read_bad_words(fields, limits, *model.tokenizer, config);
  config.seed = read_seed(fields);
  config.num_return_sequences = 1;
  if (names.answers != nullptr) {
    config.num_return_sequences = fields.integer(names.answers, 1, limits.answers).value_or(1);
  }
  return config;
}

void fit_into_context(GenerationConfig& config, std::int64_t prompt_tokens, const char* field,
                      const ServedModel& model, const RequestLimits& limits) {
  const std::int64_t room = model.context_tokens - prompt_tokens;
  const std::int64_t wanted = config.max_new_tokens.value_or(1);  // an answer of one token at least
  if (room < wanted) {
    throw ApiError({.message = fmt::format(
                        "This model's maximum context length is {} tokens. The request asks for {} "
                        "tokens: {} in the prompt and {} in the answer.",
                        model.context_tokens, prompt_tokens + wanted, prompt_tokens, wanted),
                    .param = field,
                    .code = "context_length_exceeded"});
  }
  const std::int64_t cap = limits.total_tokens / config.num_return_sequences;
  if (wanted > cap) {
    throw bad_field(
        "max_tokens",
        fmt::format("expected at most {} tokens in all {} answers, found {}", limits.total_tokens,
                    config.num_return_sequences, wanted * config.num_return_sequences));
  }
  if (!config.max_new_tokens) {
    config.max_new_tokens = std::min(room, cap);
  }
  config.min_new_tokens = std::min(config.min_new_tokens, *config.max_new_tokens);
}

}  // namespace minimax::server
