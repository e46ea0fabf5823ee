// SPDX-License-Identifier: Apache-2.0
// A JSON value that keeps the order of keys, its parser (simdjson underneath) and its writer.
// Not a streaming interface: files up to some tens of megabytes, and requests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace minimax::base {

class Json;
using JsonArray = std::vector<Json>;
using JsonMember = std::pair<std::string, Json>;
using JsonObject = std::vector<JsonMember>;

/// One JSON value. Integers that fit std::int64_t are kept exactly; other numbers are doubles.
class Json {
 public:
  using Value =
      std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, JsonArray, JsonObject>;

  Json() : value_(nullptr) {}
  Json(std::nullptr_t) : value_(nullptr) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(std::int64_t{value}) {}
  Json(std::int64_t value) : value_(value) {}
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(JsonArray value) : value_(std::move(value)) {}
  Json(JsonObject value) : value_(std::move(value)) {}

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_number() const { return is_integer() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<JsonArray>(value_); }
  bool is_object() const { return std::holds_alternative<JsonObject>(value_); }

  // Requires: the matching is_...() holds (std::bad_variant_access otherwise).
  bool boolean() const { return std::get<bool>(value_); }
  std::int64_t integer() const { return std::get<std::int64_t>(value_); }
  double number() const;
  const std::string& string() const { return std::get<std::string>(value_); }
  const JsonArray& array() const { return std::get<JsonArray>(value_); }
  const JsonObject& object() const { return std::get<JsonObject>(value_); }
  JsonArray& array() { return std::get<JsonArray>(value_); }
  JsonObject& object() { return std::get<JsonObject>(value_); }

  /// The member of that name, or null where there is none or this is no object.
  const Json* find(std::string_view key) const;

  /// "null", "boolean", "integer", "number", "string", "array" or "object", for messages.
  const char* type_name() const;

 private:
  Value value_;
};

enum class DuplicateKeys { kRefuse, kLastWins };

struct JsonParseOptions {
  DuplicateKeys duplicate_keys = DuplicateKeys::kRefuse;
  int max_depth = 64;
};

/// Parses `text` as one JSON value.
/// Throws: Error{kCorruptFile} naming `source` (a file name or "request") and what is wrong.
Json parse_json(std::string_view text, const std::string& source,
                const JsonParseOptions& options = {});

/// Reads and parses a file. Throws as parse_json, or Error{kIo}.
Json read_json_file(const std::string& path, const JsonParseOptions& options = {});

enum class JsonStyle { kCompact, kIndented };

/// The value as JSON text in UTF-8. Doubles are written so that they read back to the same bits.
/// NaN and infinities become null.
std::string write_json(const Json& value, JsonStyle style = JsonStyle::kCompact);

/// `text` as a JSON string literal with its quotes.
std::string quote_json(std::string_view text);

/// A value with the place it came from, so that every complaint names file and JSON pointer:
/// `config.json: /num_hidden_layers: expected an integer from 1 to 10000, found -1`.
/// The underlying Json must outlive the view.
class JsonView {
 public:
  JsonView(const Json& value, std::string source, std::string pointer = "")
      : value_(&value), source_(std::move(source)), pointer_(std::move(pointer)) {}

  const Json& value() const { return *value_; }
  const std::string& source() const { return source_; }
  const std::string& pointer() const { return pointer_; }

  /// The member, where it is present and not null.
  std::optional<JsonView> get(std::string_view key) const;
  /// The member. Throws Error{kCorruptFile} where it is absent.
  JsonView require(std::string_view key) const;
  /// The elements of an array. Throws Error{kCorruptFile} for another type.
  std::vector<JsonView> elements() const;

  std::int64_t as_integer(std::int64_t min, std::int64_t max) const;
  double as_finite() const;
  bool as_bool() const;
  const std::string& as_string() const;
  const JsonObject& as_object() const;

  /// Throws Error{kCorruptFile} "source: pointer: expected ..., found <this value>".
  [[noreturn]] void fail_expected(std::string_view expected) const;

 private:
  const Json* value_;
  std::string source_;
  std::string pointer_;
};

}  // namespace minimax::base
