// SPDX-License-Identifier: Apache-2.0
#include "minimax/generation_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "engine/gguf_generation.h"
#include "io/gguf.h"
#include "io/model_files.h"

namespace minimax {
namespace {

using base::Json;

/// Takes fields of generation_config.json whose value makes sense, and notes those that do not.
class Reader {
 public:
  Reader(const Json& json, std::string source, GenerationConfig& config)
      : json_(json), source_(std::move(source)), config_(config) {}

  template <class Number>  // double, or an optional one
  void number(const char* key, double min, double max, Number& field) {
    take(key, fmt::format("a number from {} to {}", min, max), [&](const Json& value) {
      const bool good = value.is_number() && value.number() >= min && value.number() <= max;
      field = good ? Number(value.number()) : field;
      return good;
    });
  }

  template <class Integer>  // std::int64_t, or an optional one
  void integer(const char* key, std::int64_t min, Integer& field) {
    take(key, fmt::format("an integer from {}", min), [&](const Json& value) {
      const bool good = value.is_integer() && value.integer() >= min;
      field = good ? Integer(value.integer()) : field;
      return good;
    });
  }

  /// One of the values that stand beside a meaning.
  template <class T>
  void choice(const char* key, const std::vector<std::pair<Json, T>>& choices, T& field) {
    std::vector<std::string> names;
    for (const auto& [value, meaning] : choices) {
      names.push_back(base::write_json(value));
    }
    take(key, fmt::format("{}", fmt::join(names, " or ")), [&](const Json& value) {
      const auto name = std::ranges::find(names, base::write_json(value));
      field = name != names.end() ? choices[static_cast<std::size_t>(name - names.begin())].second
                                  : field;
      return name != names.end();
    });
  }

  void boolean(const char* key, bool& field) {
    take(key, "true or false", [&](const Json& value) {
      field = value.is_bool() ? value.boolean() : field;
      return value.is_bool();
    });
  }

  /// A list of ids, or one id.
  void token_ids(const char* key, std::int64_t vocab_size, std::vector<std::int32_t>& field) {
    take(key, describe_ids(vocab_size), [&](const Json& value) {
      std::vector<std::int32_t> ids;
      const bool good =
          read_ids(value.is_array() ? value.array() : base::JsonArray{value}, vocab_size, ids);
      field = good ? ids : field;
      return good;
    });
  }

  void token_id_lists(const char* key, std::int64_t vocab_size,
                      std::vector<std::vector<std::int32_t>>& field) {
    take(key, "lists of " + describe_ids(vocab_size), [&](const Json& value) {
      std::vector<std::vector<std::int32_t>> lists;
      for (const Json& list : value.is_array() ? value.array() : base::JsonArray{value}) {
        if (!list.is_array() || !read_ids(list.array(), vocab_size, lists.emplace_back())) {
          return false;
        }
      }
      field = std::move(lists);
      return true;
    });
  }

 private:
  static std::string describe_ids(std::int64_t vocab_size) {
    return fmt::format("ids from 0 to {}", vocab_size - 1);
  }

  // False where there is none, or one out of range.
  static bool read_ids(const base::JsonArray& list, std::int64_t vocab_size,
                       std::vector<std::int32_t>& ids) {
    for (const Json& id : list) {
      if (!id.is_integer() || id.integer() < 0 || id.integer() >= vocab_size) {
        return false;
      }
      ids.push_back(static_cast<std::int32_t>(id.integer()));
    }
    return !ids.empty();
  }

  void take(const char* key, const std::string& expected,
            const std::function<bool(const Json&)>& accept) {
    const Json* value = json_.find(key);
    if (value != nullptr && !value->is_null() && !accept(*value)) {
      config_.warnings.push_back(fmt::format("{}: /{}: expected {}, found {}; the default is used",
                                             source_, key, expected, base::write_json(*value)));
    }
  }

  const Json& json_;
  std::string source_;
  GenerationConfig& config_;
};

void check_from_one(const char* field, std::int64_t found) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  base::check(found >= 1 && found <= kMost, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected a number from 1 to {}, found {}", field, kMost, found);
  });
}

void check_lists(const GenerationConfig& config) {
  for (std::size_t i = 0; i < config.bad_words_ids.size(); ++i) {
    base::check(!config.bad_words_ids[i].empty(), ErrorCode::kInvalidArgument, [&] {
      return fmt::format("bad_words_ids[{}]: expected token ids, found an empty list", i);
    });
  }
  for (const std::string& stop : config.stop_strings) {
    base::check(!stop.empty(), ErrorCode::kInvalidArgument,
                "stop_strings: expected text, found an empty string");
  }
}

void check_range(bool holds, const char* field, const char* expected, double found) {
  base::check(holds, ErrorCode::kInvalidArgument,
              [&] { return fmt::format("{}: expected {}, found {}", field, expected, found); });
}

void check_finite(const char* field, double found) {
  check_range(std::isfinite(found), field, "a finite number", found);
}

void check_at_least_zero(const char* field, std::int64_t found) {
  base::check(found >= 0, ErrorCode::kInvalidArgument,
              [&] { return fmt::format("{}: expected a number from 0, found {}", field, found); });
}

// Those of servers.
void check_penalties(const GenerationConfig& config) {
  check_finite("frequency_penalty", config.frequency_penalty);
  check_finite("presence_penalty", config.presence_penalty);
  for (const auto& [id, bias] : config.logit_bias) {
    check_finite("logit_bias", bias);
  }
  check_range(std::isfinite(config.dry_multiplier) && config.dry_multiplier >= 0, "dry_multiplier",
              "a finite number from 0", config.dry_multiplier);
  check_range(std::isfinite(config.dry_base) && config.dry_base >= 1, "dry_base",
              "a finite number from 1", config.dry_base);
  check_at_least_zero("dry_allowed_length", config.dry_allowed_length);
  base::check(config.dry_penalty_last_n >= -1, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("dry_penalty_last_n: expected a number from -1, found {}",
                       config.dry_penalty_last_n);
  });
  check_range(config.xtc_probability >= 0 && config.xtc_probability <= 1, "xtc_probability",
              "a number from 0 to 1", config.xtc_probability);
  check_range(config.xtc_threshold >= 0 && config.xtc_threshold <= 1, "xtc_threshold",
              "a number from 0 to 1", config.xtc_threshold);
}

void check_returns(const GenerationConfig& config) {
  check_from_one("num_return_sequences", config.num_return_sequences);
  check_from_one("num_beams", config.num_beams);
  check_range(std::isfinite(config.length_penalty), "length_penalty", "a finite number",
              config.length_penalty);
  if (config.num_beams > 1) {
    base::check(config.num_return_sequences <= config.num_beams, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("num_return_sequences: expected up to the {} of num_beams, found {}",
                         config.num_beams, config.num_return_sequences);
    });
    return;
  }
  base::check(config.num_return_sequences == 1 || config.do_sample, ErrorCode::kInvalidArgument,
              [&] {
                return fmt::format(
                    "num_return_sequences: expected 1 without do_sample or num_beams, "
                    "found {}",
                    config.num_return_sequences);
              });
}

void check_assistance(const GenerationConfig& config) {
  check_at_least_zero("prompt_lookup_num_tokens", config.prompt_lookup_num_tokens);
  check_from_one("max_matching_ngram_size", config.max_matching_ngram_size);
  check_from_one("num_assistant_tokens", config.num_assistant_tokens);
  check_range(
      config.assistant_confidence_threshold >= 0 && config.assistant_confidence_threshold <= 1,
      "assistant_confidence_threshold", "a number from 0 to 1",
      config.assistant_confidence_threshold);
  base::check(config.prompt_lookup_num_tokens == 0 || config.num_beams == 1,
              ErrorCode::kInvalidArgument, [&] {
                return fmt::format("prompt_lookup_num_tokens: expected 0 with beams, found {}",
                                   config.prompt_lookup_num_tokens);
              });
}

void read_lengths(Reader& reader, GenerationConfig& config) {
  reader.integer("max_new_tokens", 1, config.max_new_tokens);
  reader.integer("min_new_tokens", 0, config.min_new_tokens);
  reader.integer("max_length", 1, config.max_length);
  reader.integer("min_length", 0, config.min_length);
  reader.number("max_time", 0.0, std::numeric_limits<double>::max(), config.max_time);
}

void read_choice(Reader& reader, GenerationConfig& config) {
  constexpr double kMaxTemperature = 100.0;
  constexpr double kMaxPenalty = 1000.0;
  constexpr double kAboveZero = 1e-9;
  constexpr double kBelowOne = 1.0 - 1e-9;
  reader.boolean("do_sample", config.do_sample);
  reader.number("temperature", 0.0, kMaxTemperature, config.temperature);
  reader.integer("top_k", 0, config.top_k);
  reader.number("top_p", kAboveZero, 1.0, config.top_p);
  reader.number("min_p", 0.0, 1.0, config.min_p);
  reader.number("typical_p", kAboveZero, 1.0, config.typical_p);
  reader.number("epsilon_cutoff", 0.0, kBelowOne, config.epsilon_cutoff);
  reader.number("eta_cutoff", 0.0, kBelowOne, config.eta_cutoff);
  reader.number("repetition_penalty", 1e-3, kMaxPenalty, config.repetition_penalty);
}

void read_beams(Reader& reader, GenerationConfig& config) {
  constexpr double kMaxPenalty = 1000.0;
  reader.integer("num_return_sequences", 1, config.num_return_sequences);
  reader.integer("num_beams", 1, config.num_beams);
  reader.number("length_penalty", -kMaxPenalty, kMaxPenalty, config.length_penalty);
  reader.choice<EarlyStopping>("early_stopping",
                               {{false, EarlyStopping::kFalse},
                                {true, EarlyStopping::kTrue},
                                {"never", EarlyStopping::kNever}},
                               config.early_stopping);
}

void read_assistance(Reader& reader, GenerationConfig& config) {
  using enum AssistantSchedule;
  reader.integer("prompt_lookup_num_tokens", 0, config.prompt_lookup_num_tokens);
  reader.integer("max_matching_ngram_size", 1, config.max_matching_ngram_size);
  reader.integer("num_assistant_tokens", 1, config.num_assistant_tokens);
  reader.choice<AssistantSchedule>("num_assistant_tokens_schedule",
                                   {{"constant", kConstant},
                                    {"heuristic", kHeuristic},
                                    {"heuristic_transient", kHeuristicTransient}},
                                   config.num_assistant_tokens_schedule);
  reader.number("assistant_confidence_threshold", 0.0, 1.0, config.assistant_confidence_threshold);
}

// Fields that are right but do not go together.
void replace_what_clashes(const std::string& source, GenerationConfig& config) {
  const auto replace = [&](const char* key, const char* expected, std::int64_t value,
                           std::int64_t& field) {
    config.warnings.push_back(fmt::format("{}: /{}: expected {}, found {}; {} is used", source, key,
                                          expected, field, value));
    field = value;
  };
  if (config.num_beams > 1 && config.num_return_sequences > config.num_beams) {
    replace("num_return_sequences", "up to num_beams", config.num_beams,
            config.num_return_sequences);
  }
  if (config.num_beams == 1 && !config.do_sample && config.num_return_sequences > 1) {
    replace("num_return_sequences", "1 without do_sample or num_beams", 1,
            config.num_return_sequences);
  }
  if (config.num_beams > 1 && config.prompt_lookup_num_tokens > 0) {
    replace("prompt_lookup_num_tokens", "0 with num_beams", 0, config.prompt_lookup_num_tokens);
  }
}

// Where the fields are, and in what words.
struct Source {
  std::string name;
  Json json = base::JsonObject{};
};

Source read_source(const std::filesystem::path& directory) {
  if (const auto gguf = io::find_gguf(directory)) {
    return {gguf->string(), engine::generation_json_from_gguf(io::read_gguf(*gguf).metadata)};
  }
  const std::filesystem::path path = directory / "generation_config.json";
  Source source{.name = path.string()};
  if (std::filesystem::exists(path)) {
    source.json = base::read_json_file(path.string());
    base::JsonView(source.json, source.name).as_object();
  }
  return source;
}

}  // namespace

GenerationConfig GenerationConfig::from_pretrained(const std::filesystem::path& directory,
                                                   const MiniMaxConfig& config) {
  GenerationConfig result;
  result.eos_token_id = config.eos_token_id;
  const Source source = read_source(directory);
  Reader reader(source.json, source.name, result);
  read_lengths(reader, result);
  read_choice(reader, result);
  reader.integer("no_repeat_ngram_size", 0, result.no_repeat_ngram_size);
  read_beams(reader, result);
  read_assistance(reader, result);
  reader.token_ids("eos_token_id", config.vocab_size, result.eos_token_id);
  reader.token_ids("suppress_tokens", config.vocab_size, result.suppress_tokens);
  reader.token_ids("begin_suppress_tokens", config.vocab_size, result.begin_suppress_tokens);
  reader.token_id_lists("bad_words_ids", config.vocab_size, result.bad_words_ids);
  reader.boolean("output_scores", result.output_scores);
  replace_what_clashes(source.name, result);
  return result;
}

void GenerationConfig::validate() const {
  check_at_least_zero("max_new_tokens", max_new_tokens.value_or(0));
  check_at_least_zero("min_new_tokens", min_new_tokens);
  check_at_least_zero("max_length", max_length.value_or(0));
  check_at_least_zero("min_length", min_length);
  check_range(max_time.value_or(0) >= 0, "max_time", "a number of seconds from 0",
              max_time.value_or(0));
  check_at_least_zero("no_repeat_ngram_size", no_repeat_ngram_size);
  check_at_least_zero("top_k", top_k);
  check_range(std::isfinite(temperature) && temperature >= 0, "temperature",
              "a finite number from 0", temperature);
  check_range(top_p > 0 && top_p <= 1, "top_p", "a number above 0 and up to 1", top_p);
  check_range(min_p >= 0 && min_p <= 1, "min_p", "a number from 0 to 1", min_p);
  check_range(typical_p > 0 && typical_p <= 1, "typical_p", "a number above 0 and up to 1",
              typical_p);
  check_range(epsilon_cutoff >= 0 && epsilon_cutoff < 1, "epsilon_cutoff",
              "a number from 0 and below 1", epsilon_cutoff);
  check_range(eta_cutoff >= 0 && eta_cutoff < 1, "eta_cutoff", "a number from 0 and below 1",
              eta_cutoff);
  check_range(std::isfinite(repetition_penalty) && repetition_penalty > 0, "repetition_penalty",
              "a finite number above 0", repetition_penalty);
  check_penalties(*this);
  check_lists(*this);
  check_returns(*this);
  check_assistance(*this);
}

// Source: _prepare_generated_length in transformers 5.17, generation/utils.py, but for the default.
GenerationConfig GenerationConfig::for_prompt(std::int64_t prompt_tokens) const {
  constexpr std::int64_t kDefaultNewTokens = 256;
  GenerationConfig result = *this;
  if (!max_new_tokens) {
    const std::int64_t room =
        max_length.value_or(prompt_tokens + kDefaultNewTokens) - prompt_tokens;
    base::check(room > 0, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("max_length: expected more than the {} tokens of the prompt, found {}",
                         prompt_tokens, *max_length);
    });
    result.max_new_tokens = room;
  }
  if (min_new_tokens == 0) {
    result.min_new_tokens = std::max<std::int64_t>(0, min_length - prompt_tokens);
  }
  return result;
}

}  // namespace minimax
