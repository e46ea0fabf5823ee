// SPDX-License-Identifier: Apache-2.0
#include "text/flat_map.h"

#include <algorithm>
#include <bit>

namespace minimax::text {

FlatMap::FlatMap(std::int64_t expected_size) {
  const auto wanted = static_cast<std::size_t>(expected_size + expected_size / 2 + 1);
  allocate(std::bit_ceil(std::max<std::size_t>(wanted, 16)));
}

void FlatMap::allocate(std::size_t slots) {
  slots_.assign(slots, Slot{});
  mask_ = slots - 1;
  shift_ = 64 - std::countr_zero(slots);
}

void FlatMap::set(std::uint64_t key, std::uint64_t value) {
  std::size_t i = slot_of(key);
  while (slots_[i].key != kEmpty && slots_[i].key != key) {
    i = (i + 1) & mask_;
  }
  const bool is_new = slots_[i].key == kEmpty;
  slots_[i] = {key, value};
  if (is_new && 3 * static_cast<std::size_t>(++size_) > 2 * slots_.size()) {
    grow();
  }
}

void FlatMap::grow() {
  const std::vector<Slot> old = std::move(slots_);
  allocate(old.size() * 2);
  size_ = 0;
  for (const Slot& slot : old) {
    if (slot.key != kEmpty) {
      set(slot.key, slot.value);
    }
  }
}

}  // namespace minimax::text
