// SPDX-License-Identifier: Apache-2.0
// For fuzz targets: what must hold of every grammar that is not refused.
#pragma once

#include <cstdint>
#include <string_view>

#include "grammar/grammar.h"

namespace minimax::grammar {

/// Compiles the grammar and goes some tokens along its masks. Aborts where a mask disagrees with
/// trying tokens, or nothing is allowed. Throws Error as compile() and Matcher.
void walk_along_masks(const Grammar& grammar, std::uint32_t seed);

/// A number that depends on the input.
std::uint32_t seed_of(std::string_view input);

}  // namespace minimax::grammar
