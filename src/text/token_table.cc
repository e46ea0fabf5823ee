// SPDX-License-Identifier: Apache-2.0
#include "text/token_table.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace minimax::text {

void TokenTable::reserve(std::int64_t tokens) {
  spans_.reserve(static_cast<std::size_t>(tokens));
  bytes_.reserve(static_cast<std::size_t>(tokens) * 8);
  rehash(std::bit_ceil(static_cast<std::size_t>(tokens) * 2 + 1));
}

TokenTable::AddResult TokenTable::add(std::string_view text, std::int32_t id) {
  if (contains(id)) {
    return AddResult::kDuplicateId;
  }
  if (slots_.size() < 2 * (static_cast<std::size_t>(count_) + 1)) {
    rehash(std::max<std::size_t>(16, slots_.size() * 2));
  }
  const std::size_t slot = slot_of(text);
  if (slots_[slot] >= 0) {
    return AddResult::kDuplicateText;
  }
  slots_[slot] = id;
  if (static_cast<std::size_t>(id) >= spans_.size()) {
    spans_.resize(static_cast<std::size_t>(id) + 1);
  }
  spans_[static_cast<std::size_t>(id)] = {static_cast<std::int64_t>(bytes_.size()),
                                          static_cast<std::int64_t>(text.size())};
  bytes_ += text;
  ++count_;
  return AddResult::kAdded;
}

std::int32_t TokenTable::find(std::string_view text) const {
  return slots_.empty() ? -1 : slots_[slot_of(text)];
}

bool TokenTable::contains(std::int64_t id) const {
  return id >= 0 && id < size() && spans_[static_cast<std::size_t>(id)].length >= 0;
}

std::string_view TokenTable::text(std::int64_t id) const {
  const Span& span = spans_[static_cast<std::size_t>(id)];
  return std::string_view(bytes_).substr(static_cast<std::size_t>(span.begin),
                                         static_cast<std::size_t>(span.length));
}

// The slot that holds `text`, or the free slot where it belongs.
std::size_t TokenTable::slot_of(std::string_view text) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(text)&mask;
  while (slots_[slot] >= 0 && this->text(slots_[slot]) != text) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void TokenTable::rehash(std::size_t slots) {
  slots_.assign(slots, -1);
  for (std::int64_t id = 0; id < size(); ++id) {
    if (contains(id)) {
      slots_[slot_of(text(id))] = static_cast<std::int32_t>(id);
    }
  }
}

}  // namespace minimax::text
