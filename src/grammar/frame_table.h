// SPDX-License-Identifier: Apache-2.0
// Sets of frames, of which equal ones get one number.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "grammar/automaton.h"

namespace minimax::grammar {

/// Where a rule stands, or where a caller goes on, with the stack of callers below.
struct Frame {
  StateId state = 0;
  std::int32_t count = 0;  // of a counter: how often its rule has run
  std::int32_t stack = 0;

  auto operator<=>(const Frame&) const = default;
};

/// Thread safety: none.
class FrameTable {
 public:
  /// The number of the set; sorts `frames` and removes what is twice in it.
  std::int32_t intern(std::vector<Frame>& frames);
  std::span<const Frame> at(std::int32_t id) const { return *sets_[static_cast<std::size_t>(id)]; }
  std::int32_t size() const { return static_cast<std::int32_t>(sets_.size()); }
  /// About so much memory.
  std::int64_t bytes_used() const { return bytes_; }

 private:
  struct Hash {
    std::size_t operator()(const std::vector<Frame>& frames) const;
  };

  std::unordered_map<std::vector<Frame>, std::int32_t, Hash> ids_;
  std::vector<const std::vector<Frame>*> sets_;  // keys of ids_, which stay where they are
  std::int64_t bytes_ = 0;
};

}  // namespace minimax::grammar
