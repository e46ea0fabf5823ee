// SPDX-License-Identifier: Apache-2.0
// Reads the fields of a request, so that every complaint names the field as its protocol does:
// "messages[2].content: expected a string, found null".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace minimax::server {

/// A range of numbers; the lower bound itself may be excluded.
struct Range {
  double min = 0.0;
  double max = 0.0;
  bool excludes_min = false;
};

/// An object of a request. Fields that are absent or null count as not given. The object must
/// outlive its Fields. All members throw ApiError{400} naming the field.
class Fields {
 public:
  /// `path` is how messages name the object itself; empty for a whole request.
  explicit Fields(const base::Json& object, std::string path = "");

  /// The value where it is given, or null.
  const base::Json* find(std::string_view name) const;
  const base::Json& require(std::string_view name) const;

  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min,
                                      std::int64_t max) const;
  std::optional<double> number(std::string_view name, const Range& range) const;
  bool boolean(std::string_view name, bool otherwise) const;
  const std::string* string(std::string_view name) const;
  const std::string& require_string(std::string_view name) const;
  /// At most `max_size` elements.
  const base::JsonArray* array(std::string_view name, std::int64_t max_size) const;
  const base::Json* object(std::string_view name) const;

  /// "tools[1].name" for the field "name" of the object "tools[1]".
  std::string path(std::string_view name) const;
  [[noreturn]] void refuse(std::string_view name, std::string_view expected) const;

 private:
  const base::Json* object_;
  std::string path_;
};

/// "null", "an empty array", "the string "abc"", for messages.
std::string describe_json(const base::Json& value);

/// The body of a request as an object: at most 64 levels deep, without duplicate keys.
/// Throws: ApiError{400}.
base::Json parse_body(std::string_view body);

}  // namespace minimax::server
