// SPDX-License-Identifier: Apache-2.0
// Remembers the ids of pieces within one call of encode(), where most pieces of a long text
// repeat. It stores no text and no ids: a slot points to where both already are.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace minimax::text {

/// A fixed number of slots, each holding the last piece that fell into it.
class WordCache {
 public:
  /// No slots at all for short texts, and at most 16,384.
  explicit WordCache(std::int64_t text_bytes);

  /// Where a piece and its ids are.
  struct Slot {
    const char* data = nullptr;
    std::int32_t size = 0;   // bytes of the piece
    std::int32_t count = 0;  // number of ids
    std::int64_t begin = 0;  // index of the first id in the output
  };

  /// The slot for `piece`, or nullptr where it is not worth one. It may hold another piece.
  /// Requires: pieces that a slot holds are still in place.
  Slot* slot_for(std::string_view piece);

  static bool holds(const Slot& slot, std::string_view piece) {
    return std::string_view(slot.data, static_cast<std::size_t>(slot.size)) == piece;
  }

 private:
  std::vector<Slot> slots_;
  int shift_ = 0;
};

}  // namespace minimax::text
