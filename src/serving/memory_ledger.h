// SPDX-License-Identifier: Apache-2.0
// How much memory a set of states takes, where what several of them share counts once.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "model/state.h"

namespace minimax::serving {

class MemoryLedger {
 public:
  /// A state must be removed as it was added: no token may have been read in between.
  void add(const model::SequenceState& state);
  void remove(const model::SequenceState& state);
  std::int64_t bytes() const { return bytes_; }

 private:
  std::unordered_map<const void*, std::int64_t> owners_;  // by block
  std::int64_t bytes_ = 0;
};

}  // namespace minimax::serving
