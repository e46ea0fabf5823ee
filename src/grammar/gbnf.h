// SPDX-License-Identifier: Apache-2.0
// Grammars in the notation of llama.cpp, GBNF.
#pragma once

#include <string_view>

#include "grammar/grammar.h"

namespace minimax::grammar {

/// Rules `name ::= alternatives`, of which "root" is the root; comments from # to the end of the
/// line. Literals "..." and classes [a-z], [^...] and . stand for characters, with the escapes
/// \n \r \t \\ \" \[ \] \xHH \uHHHH \UHHHHHHHH; behind them, groups (...) and names of rules may
/// stand *, +, ?, {n}, {n,}, {,m} and {n,m}. A rule goes on in the next line within a group and
/// behind ::= and |.
/// Throws: Error{kInvalidArgument} with line and column: what is not in this notation, groups more
/// than 128 deep, a rule that is not defined or defined twice, references to tokens (<...>).
Grammar parse_gbnf(std::string_view text);

}  // namespace minimax::grammar
