// SPDX-License-Identifier: Apache-2.0
// Regular expressions for the values of `format` in JSON schemas.
#pragma once

#include <string>

namespace minimax::grammar {

/// The expression for a format, or "" where it is not known.
std::string pattern_of_format(const std::string& format);

/// The names of the formats, for messages.
std::string known_formats();

}  // namespace minimax::grammar
