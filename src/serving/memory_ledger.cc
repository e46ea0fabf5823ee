// SPDX-License-Identifier: Apache-2.0
#include "serving/memory_ledger.h"

namespace minimax::serving {

void MemoryLedger::add(const model::SequenceState& state) {
  state.visit_memory([&](const void* block, std::int64_t bytes) {
    if (++owners_[block] == 1) {
      bytes_ += bytes;
    }
  });
}

void MemoryLedger::remove(const model::SequenceState& state) {
  state.visit_memory([&](const void* block, std::int64_t bytes) {
    const auto found = owners_.find(block);
    if (--found->second == 0) {
      owners_.erase(found);
      bytes_ -= bytes;
    }
  });
}

}  // namespace minimax::serving
