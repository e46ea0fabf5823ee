// SPDX-License-Identifier: Apache-2.0
// Ends a stream of text at the first stop string, and never shows a part of one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/automaton.h"

namespace minimax::text {

/// The stop string that is complete first ends the text, before its first byte; of those complete
/// at the same byte, the longest. How the text is cut into pieces makes no difference. Time is
/// linear in the text. Not thread safe.
class StopMatcher {
 public:
  /// Throws: Error{kInvalidArgument} for an empty stop string.
  explicit StopMatcher(std::vector<std::string> stop_strings);

  /// The text that can be shown now. Once stopped, always empty.
  std::string push(std::string_view text);

  /// At the end of a text without a stop string: what was held back. Otherwise empty.
  std::string flush();

  bool stopped() const { return matched_.has_value(); }
  /// The index of the stop string that was found.
  std::optional<std::int64_t> matched() const { return matched_; }

 private:
  std::vector<std::string> stop_strings_;
  Automaton automaton_;
  Automaton::State state_ = Automaton::kRoot;
  std::string held_;  // as long as the state is deep
  std::optional<std::int64_t> matched_;
};

}  // namespace minimax::text
