// SPDX-License-Identifier: Apache-2.0
// Regular expressions of tokenizer files: written for Oniguruma, matched with PCRE2. Time is
// bounded: a pattern that backtracks without end becomes an Error, not a hang.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::text {

/// How many steps of backtracking the patterns of one call may take together. It grows with the
/// text, so that no honest pattern meets it, and keeps the worst below a tenth of a second.
class StepBudget {
 public:
  explicit StepBudget(std::int64_t text_bytes) { extend(text_bytes); }

  void extend(std::int64_t text_bytes) { left_ += kStepsPerByte * text_bytes; }
  /// Whether as many steps were left.
  bool take(std::int64_t steps) {
    left_ -= steps;
    return left_ >= 0;
  }

 private:
  static constexpr std::int64_t kStepsPerByte = 16;

  std::int64_t left_ = 4'000'000;
};

/// Thread safety: matching is const and may run on several threads.
class Regex {
 public:
  /// Throws: Error{kUnsupported} with `source`, the pattern and the place where it breaks.
  Regex(std::string_view pattern, const std::string& source);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  struct Match {
    std::int64_t begin = 0;  // byte offsets
    std::int64_t end = 0;
  };

  /// Appends all matches from left to right, without overlap. An empty match right behind the
  /// previous match is left out. Requires: valid UTF-8.
  /// Throws: Error{kUnsupported} where that takes more steps than the budget has.
  void find_all(std::string_view text, StepBudget& budget, std::vector<Match>& matches) const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

/// The pattern as PCRE2 must read it to mean what it means to Oniguruma: \s, \w, \d and \h, and
/// the characters that later versions of Unicode added to \p{...}.
/// Throws: Error{kUnsupported} naming `source` for nested or intersected character classes and
/// for quantifiers that the two read differently.
std::string translate_pattern(std::string_view pattern, const std::string& source);

}  // namespace minimax::text
