// SPDX-License-Identifier: Apache-2.0
// The one table of the numbers that say how tokens are chosen: what requests are checked against
// and what /openapi.json tells about them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "server/fields.h"

namespace minimax::server {

struct NumberField {
  std::string_view name;
  Range range;
  bool is_integer = false;
  std::string_view meaning;
};

std::span<const NumberField> sampling_fields();

/// The value of a field of the table where it is given. Throws: ApiError{400} naming the field and
/// its range.
std::optional<double> sampling_number(const Fields& fields, std::string_view name);
std::optional<std::int64_t> sampling_integer(const Fields& fields, std::string_view name);

}  // namespace minimax::server
