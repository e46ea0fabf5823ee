// SPDX-License-Identifier: Apache-2.0
// How characters are written: as they are, or as they stand between the quotes of a JSON string.
#pragma once

#include "grammar/code_points.h"
#include "grammar/grammar.h"

namespace minimax::grammar {

enum class Spelling { kPlain, kInJsonString };

/// One character of the set. In a JSON string each character has one spelling: itself, or for
/// quotes, backslashes and control characters the shortest escape.
NodeId add_character(Grammar& grammar, const CodePointSet& set, Spelling spelling);

}  // namespace minimax::grammar
