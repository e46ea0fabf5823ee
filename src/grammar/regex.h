// SPDX-License-Identifier: Apache-2.0
// Regular expressions of ECMA-262, as far as they are regular.
#pragma once

#include <string>
#include <string_view>

#include "grammar/grammar.h"
#include "grammar/spelling.h"

namespace minimax::grammar {

/// Which texts match: those that the expression describes as a whole, or as the `pattern` of a JSON
/// schema all that have such a part, where ^ and $ do not say otherwise.
enum class RegexMatch { kWhole, kPart };

struct RegexOptions {
  std::string source = "regex";  // for messages
  Spelling spelling = Spelling::kPlain;
  RegexMatch match = RegexMatch::kWhole;
  /// What takes the place of no bound in repetitions, where their least number is not larger.
  std::int64_t max_repeat = kUnlimited;
};

/// How many characters the texts of an expression have; at most kMaxLength are told apart.
struct LengthRange {
  static constexpr std::int64_t kMaxLength = std::int64_t{1} << 40;
  std::int64_t min = 0;
  std::int64_t max = 0;
};

/// Characters are code points. Alternatives, groups (also (?:...) and (?<name>...)), classes,
/// `.` (no line end), \d \w \s and their negations, \t \n \v \f \r \0 \cX \xHH \uHHHH \u{H...},
/// and the repetitions * + ? {n} {n,} {n,m}, with ? behind them without effect. ^ and $ may stand
/// at the beginning and end of the expression and of its outermost alternatives.
/// Throws: Error{kInvalidArgument} with the column: anything else, among it look-around,
/// back-references, word boundaries, \p{...} and flags, groups more than 128 deep, and expressions
/// of more than 65,536 bytes.
NodeId add_regex(Grammar& grammar, std::string_view pattern, const RegexOptions& options);

/// The lengths of what add_regex() matches. Throws as above.
LengthRange measure_regex(std::string_view pattern, const RegexOptions& options);

/// Texts that the expression describes as a whole. Throws as above.
Grammar regex_grammar(std::string_view pattern);

}  // namespace minimax::grammar
