// SPDX-License-Identifier: Apache-2.0
// Cutting a text at the matches of a pattern, and what becomes of the matches.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/regex.h"

namespace minimax::text {

/// What happens to a match: its own piece, dropped, joined to a neighbour, or joined to the
/// matches beside it.
enum class SplitBehavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

struct SplitRule {
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // swaps matches and what lies between them

  bool operator==(const SplitRule&) const = default;
};

/// A stretch of the text, either one match or all that lies between two.
struct MatchRun {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool is_match = false;
};

/// Appends the pieces that `behavior` makes of `runs`, without the empty ones.
/// Requires: the runs lie in `text`, in order, and leave nothing out.
void apply_behavior(std::string_view text, const std::vector<MatchRun>& runs,
                    SplitBehavior behavior, std::vector<std::string_view>& pieces);

/// The runs of `text` for matches found by a regular expression or otherwise.
std::vector<MatchRun> complete_runs(const std::vector<Regex::Match>& matches, std::int64_t size);

/// A pattern of a tokenizer file: plain text, one of the known splitting rules, or any other
/// regular expression.
class Pattern {
 public:
  static Pattern literal(std::string text);
  /// Throws: as Regex.
  static Pattern regex(std::string_view pattern, const std::string& source);

  /// Whether both were made of the same text in the same way.
  bool operator==(const Pattern& other) const {
    return is_literal_ == other.is_literal_ && written_ == other.written_;
  }

  /// The plain text, or the regular expression.
  const std::string& written() const { return written_; }
  bool is_literal() const { return is_literal_; }

  /// Matches from left to right. Requires: valid UTF-8. Throws: as Regex::find_all.
  std::vector<Regex::Match> find_all(std::string_view text, StepBudget& budget) const;

  /// Appends the pieces of a split.
  void split(std::string_view text, const SplitRule& rule, StepBudget& budget,
             std::vector<std::string_view>& pieces) const;

  /// `text` with every match replaced. Where nothing matches, no copy is needed: nullopt.
  std::optional<std::string> replace_all(std::string_view text, std::string_view content,
                                         StepBudget& budget) const;

 private:
  using Splitter = void (*)(std::string_view, std::vector<std::string_view>&);

  Pattern() = default;

  std::string written_;
  bool is_literal_ = false;
  Splitter splitter_ = nullptr;  // a known rule, which matches everything
  std::optional<Regex> regex_;
};

}  // namespace minimax::text
