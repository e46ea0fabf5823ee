// SPDX-License-Identifier: Apache-2.0
// A hash map from 64-bit keys to 64-bit values in one array, for the tables that encoding looks
// up millions of times: merges, and the edges of pattern automata.
#pragma once

#include <cstdint>
#include <vector>

namespace minimax::text {

/// Linear probing, at most two thirds full. The key ~0 is reserved.
class FlatMap {
 public:
  explicit FlatMap(std::int64_t expected_size = 0);

  /// Inserts or replaces. Requires: key != ~0.
  void set(std::uint64_t key, std::uint64_t value);

  /// The value of `key`, or nullptr. Valid until the next set().
  const std::uint64_t* find(std::uint64_t key) const {
    for (std::size_t i = slot_of(key);; i = (i + 1) & mask_) {
      if (slots_[i].key == key) {
        return &slots_[i].value;
      }
      if (slots_[i].key == kEmpty) {
        return nullptr;
      }
    }
  }

  std::int64_t size() const { return size_; }

  /// Calls visit(key, value) for all, in no order.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const Slot& slot : slots_) {
      if (slot.key != kEmpty) {
        visit(slot.key, slot.value);
      }
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

  struct Slot {
    std::uint64_t key = kEmpty;
    std::uint64_t value = 0;
  };

  // The highest bits of the product: they depend on every bit of the key.
  std::size_t slot_of(std::uint64_t key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> shift_);
  }
  void allocate(std::size_t slots);
  void grow();

  std::vector<Slot> slots_;
  std::size_t mask_ = 0;
  int shift_ = 0;
  std::int64_t size_ = 0;
};

}  // namespace minimax::text
