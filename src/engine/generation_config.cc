// SPDX-License-Identifier: Apache-2.0
#include "minimax/generation_config.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <utility>

#include "base/check.h"
#include "base/json.h"

namespace minimax {
namespace {

using base::Json;

/// Takes fields of generation_config.json whose value makes sense, and notes those that do not.
class Reader {
 public:
  Reader(const Json& json, std::string source, GenerationConfig& config)
      : json_(json), source_(std::move(source)), config_(config) {}

  void number(const char* key, double min, double max, double& field) {
    take(key, fmt::format("a number from {} to {}", min, max), [&](const Json& value) {
      const bool good = value.is_number() && value.number() >= min && value.number() <= max;
      field = good ? value.number() : field;
      return good;
    });
  }

  void integer(const char* key, std::int64_t min, std::int64_t& field) {
    take(key, fmt::format("an integer from {}", min), [&](const Json& value) {
      const bool good = value.is_integer() && value.integer() >= min;
      field = good ? value.integer() : field;
      return good;
    });
  }

  void boolean(const char* key, bool& field) {
    take(key, "true or false", [&](const Json& value) {
      field = value.is_bool() ? value.boolean() : field;
      return value.is_bool();
    });
  }

  void token_ids(const char* key, std::int64_t vocab_size, std::vector<std::int32_t>& field) {
    const std::string expected = fmt::format("ids from 0 to {}", vocab_size - 1);
    take(key, expected, [&](const Json& value) {
      const base::JsonArray list = value.is_array() ? value.array() : base::JsonArray{value};
      std::vector<std::int32_t> ids;
      for (const Json& id : list) {
        if (!id.is_integer() || id.integer() < 0 || id.integer() >= vocab_size) {
          return false;
        }
        ids.push_back(static_cast<std::int32_t>(id.integer()));
      }
      field = ids.empty() ? field : ids;
      return !ids.empty();
    });
  }

 private:
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

void check_range(bool holds, const char* field, const char* expected, double found) {
  base::check(holds, ErrorCode::kInvalidArgument,
              [&] { return fmt::format("{}: expected {}, found {}", field, expected, found); });
}

}  // namespace

GenerationConfig GenerationConfig::from_pretrained(const std::filesystem::path& directory,
                                                   const MiniMaxConfig& config) {
  GenerationConfig result;
  result.eos_token_id = config.eos_token_id;
  const std::filesystem::path path = directory / "generation_config.json";
  if (!std::filesystem::exists(path)) {
    return result;
  }
  const Json json = base::read_json_file(path.string());
  base::JsonView(json, path.string()).as_object();
  Reader reader(json, path.string(), result);
  constexpr double kMaxTemperature = 100.0;
  constexpr double kMaxPenalty = 1000.0;
  reader.integer("max_new_tokens", 1, result.max_new_tokens);
  reader.integer("min_new_tokens", 0, result.min_new_tokens);
  reader.boolean("do_sample", result.do_sample);
  reader.number("temperature", 0.0, kMaxTemperature, result.temperature);
  reader.integer("top_k", 0, result.top_k);
  reader.number("top_p", 1e-9, 1.0, result.top_p);
  reader.number("min_p", 0.0, 1.0, result.min_p);
  reader.number("repetition_penalty", 1e-3, kMaxPenalty, result.repetition_penalty);
  reader.token_ids("eos_token_id", config.vocab_size, result.eos_token_id);
  return result;
}

void GenerationConfig::validate() const {
  check_range(max_new_tokens >= 0, "max_new_tokens", "a number from 0",
              static_cast<double>(max_new_tokens));
  check_range(min_new_tokens >= 0, "min_new_tokens", "a number from 0",
              static_cast<double>(min_new_tokens));
  check_range(std::isfinite(temperature) && temperature >= 0, "temperature",
              "a finite number from 0", temperature);
  check_range(top_k >= 0, "top_k", "a number from 1, or 0 for no limit",
              static_cast<double>(top_k));
  check_range(top_p > 0 && top_p <= 1, "top_p", "a number above 0 and up to 1", top_p);
  check_range(min_p >= 0 && min_p <= 1, "min_p", "a number from 0 to 1", min_p);
  check_range(std::isfinite(repetition_penalty) && repetition_penalty > 0, "repetition_penalty",
              "a finite number above 0", repetition_penalty);
  for (const std::string& stop : stop_strings) {
    base::check(!stop.empty(), ErrorCode::kInvalidArgument,
                "stop_strings: expected text, found an empty string");
  }
}

}  // namespace minimax
