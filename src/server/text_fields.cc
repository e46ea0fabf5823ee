// SPDX-License-Identifier: Apache-2.0
#include "server/text_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/api_error.h"

namespace minimax::server {
namespace {

constexpr std::string_view kPrompts =
    "a string, an array of strings, an array of token ids or an array of arrays of token ids";

bool holds_only_integers(const base::JsonArray& array) {
  return std::ranges::all_of(array, [](const base::Json& each) { return each.is_integer(); });
}

void check_bytes(const Fields& fields, std::string_view name, const RequestLimits& limits) {
  const base::Json& value = fields.require(name);
  std::int64_t bytes = value.is_string() ? static_cast<std::int64_t>(value.string().size()) : 0;
  if (value.is_array()) {
    for (const base::Json& each : value.array()) {
      bytes += each.is_string() ? static_cast<std::int64_t>(each.string().size()) : 0;
    }
  }
  if (bytes > limits.prompt_bytes) {
    throw bad_field(fields.path(name), fmt::format("expected at most {} bytes of text, found {}",
                                                   limits.prompt_bytes, bytes));
  }
}

std::vector<std::int32_t> encode_prompt(const std::string& text, const ServedModel& model,
                                        const std::string& field) {
  std::vector<std::int32_t> ids = model.tokenizer->encode(text);
  if (ids.empty() && model.config.bos_token_id) {
    ids.push_back(*model.config.bos_token_id);
  }
  if (ids.empty()) {
    throw bad_field(field, "expected some text, as the model has no token to begin with");
  }
  return ids;
}

}  // namespace

std::vector<std::string> read_strings(const Fields& fields, std::string_view name) {
  const base::Json& value = fields.require(name);
  if (value.is_string()) {
    return {value.string()};
  }
  std::vector<std::string> strings;
  const bool fits =
      value.is_array() &&
      std::ranges::all_of(value.array(), [](const base::Json& each) { return each.is_string(); });
  if (!fits) {
    fields.refuse(name, "a string or an array of strings");
  }
  for (const base::Json& each : value.array()) {
    strings.push_back(each.string());
  }
  return strings;
}

std::vector<std::int32_t> read_tokens(const base::Json& value, const ServedModel& model,
                                      const std::string& field) {
  if (!value.is_array() || value.array().empty() || !holds_only_integers(value.array())) {
    throw bad_field(field,
                    fmt::format("expected an array of token ids, found {}", describe_json(value)));
  }
  std::vector<std::int32_t> ids;
  ids.reserve(value.array().size());
  for (const base::Json& each : value.array()) {
    if (each.integer() < 0 || each.integer() >= model.config.vocab_size) {
      throw bad_field(field, fmt::format("expected token ids from 0 to {}, found {}",
                                         model.config.vocab_size - 1, each.integer()));
    }
    ids.push_back(static_cast<std::int32_t>(each.integer()));
  }
  return ids;
}

std::vector<std::vector<std::int32_t>> read_prompts(const Fields& fields, std::string_view name,
                                                    const ServedModel& model,
                                                    const RequestLimits& limits) {
  const base::Json& value = fields.require(name);
  const std::string field = fields.path(name);
  check_bytes(fields, name, limits);
  if (value.is_string()) {
    return {encode_prompt(value.string(), model, field)};
  }
  if (!value.is_array() || value.array().empty()) {
    fields.refuse(name, kPrompts);
  }
  const base::JsonArray& array = value.array();
  if (holds_only_integers(array)) {
    return {read_tokens(value, model, field)};
  }
  if (static_cast<std::int64_t>(array.size()) > limits.prompts) {
    fields.refuse(name, fmt::format("at most {} prompts", limits.prompts));
  }
  std::vector<std::vector<std::int32_t>> prompts;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", field, i);
    if (array[i].is_string() == array.front().is_string() && array[i].is_string()) {
      prompts.push_back(encode_prompt(array[i].string(), model, place));
    } else if (!array.front().is_string() && array[i].is_array()) {
      prompts.push_back(read_tokens(array[i], model, place));
    } else {
      throw bad_field(place,
                      fmt::format("expected {}, found {}", kPrompts, describe_json(array[i])));
    }
  }
  return prompts;
}

}  // namespace minimax::server
