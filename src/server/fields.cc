// SPDX-License-Identifier: Apache-2.0
#include "server/fields.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/file.h"
#include "server/api_error.h"

namespace minimax::server {

std::string describe_json(const base::Json& value) {
  if (value.is_string()) {
    return base::quote_json(base::printable(value.string(), 60));
  }
  if (value.is_integer() || value.is_number() || value.is_bool()) {
    return base::write_json(value);
  }
  if (value.is_array()) {
    return value.array().empty() ? "an empty array"
                                 : fmt::format("an array of {}", value.array().size());
  }
  return value.is_object() ? "an object" : value.type_name();
}

Fields::Fields(const base::Json& object, std::string path)
    : object_(&object), path_(std::move(path)) {
  if (!object.is_object()) {
    throw bad_field(path_, fmt::format("expected an object, found {}", describe_json(object)));
  }
}

const base::Json* Fields::find(std::string_view name) const {
  const base::Json* value = object_->find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const base::Json& Fields::require(std::string_view name) const {
  const base::Json* value = find(name);
  if (value == nullptr) {
    throw bad_field(path(name), "is required, found nothing", "missing_required_parameter");
  }
  return *value;
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t min,
                                            std::int64_t max) const {
  const base::Json* value = find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_integer() || value->integer() < min || value->integer() > max) {
    refuse(name, fmt::format("an integer from {} to {}", min, max));
  }
  return value->integer();
}

std::optional<double> Fields::number(std::string_view name, const Range& range) const {
  const base::Json* value = find(name);
  if (value == nullptr) {
    return std::nullopt;
  }
  const bool is_in_range = value->is_number() && std::isfinite(value->number()) &&
                           value->number() >= range.min && value->number() <= range.max &&
                           !(range.excludes_min && value->number() == range.min);
  if (!is_in_range) {
    refuse(name, fmt::format("a number {} {} to {}", range.excludes_min ? "above" : "from",
                             range.min, range.max));
  }
  return value->number();
}

bool Fields::boolean(std::string_view name, bool otherwise) const {
  const base::Json* value = find(name);
  if (value != nullptr && !value->is_bool()) {
    refuse(name, "true or false");
  }
  return value == nullptr ? otherwise : value->boolean();
}

const std::string* Fields::string(std::string_view name) const {
  const base::Json* value = find(name);
  if (value != nullptr && !value->is_string()) {
    refuse(name, "a string");
  }
  return value == nullptr ? nullptr : &value->string();
}

const std::string& Fields::require_string(std::string_view name) const {
  require(name);
  return *string(name);
}

const base::JsonArray* Fields::array(std::string_view name, std::int64_t max_size) const {
  const base::Json* value = find(name);
  if (value == nullptr) {
    return nullptr;
  }
  if (!value->is_array() || static_cast<std::int64_t>(value->array().size()) > max_size) {
    refuse(name, fmt::format("an array of at most {} elements", max_size));
  }
  return &value->array();
}

const base::Json* Fields::object(std::string_view name) const {
  const base::Json* value = find(name);
  if (value != nullptr && !value->is_object()) {
    refuse(name, "an object");
  }
  return value;
}

std::string Fields::path(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void Fields::refuse(std::string_view name, std::string_view expected) const {
  const base::Json* value = object_->find(name);
  throw bad_field(path(name), fmt::format("expected {}, found {}", expected,
                                          value == nullptr ? "nothing" : describe_json(*value)));
}

base::Json parse_body(std::string_view body) {
  try {
    base::Json json = base::parse_json(body, "request");
    if (!json.is_object()) {
      throw bad_field(
          "", fmt::format("request: expected a JSON object, found {}", describe_json(json)));
    }
    return json;
  } catch (const Error& error) {
    throw ApiError({.message = base::printable(error.what(), 500), .code = "invalid_json"});
  }
}

}  // namespace minimax::server
