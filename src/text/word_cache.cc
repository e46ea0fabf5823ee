// SPDX-License-Identifier: Apache-2.0
#include "text/word_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace minimax::text {
namespace {

constexpr std::int64_t kShortText = 256;
constexpr std::int64_t kBytesPerSlot = 16;
constexpr std::int64_t kMaxSlots = 16384;
constexpr std::size_t kMaxPiece = 32;

std::uint64_t hash(std::string_view piece) {
  std::uint64_t value = piece.size();
  while (!piece.empty()) {
    std::uint64_t word = 0;
    const std::size_t count = std::min<std::size_t>(8, piece.size());
    std::memcpy(&word, piece.data(), count);
    value = (std::rotl(value, 29) ^ word) * 0x9E3779B97F4A7C15ULL;
    piece.remove_prefix(count);
  }
  return value;
}

}  // namespace

WordCache::WordCache(std::int64_t text_bytes) {
  if (text_bytes < kShortText) {
    return;
  }
  const auto slots =
      std::bit_ceil(static_cast<std::uint64_t>(std::min(text_bytes / kBytesPerSlot, kMaxSlots)));
  slots_.resize(slots);
  shift_ = 64 - std::countr_zero(slots);
}

WordCache::Slot* WordCache::slot_for(std::string_view piece) {
  if (slots_.empty() || piece.size() > kMaxPiece) {
    return nullptr;
  }
  return &slots_[static_cast<std::size_t>(hash(piece) >> shift_)];
}

}  // namespace minimax::text
