// SPDX-License-Identifier: Apache-2.0
// A hash of vectors of integers, for the tables that give equal ones one number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace minimax::grammar {

/// `hash` and `value` together.
inline std::uint64_t mix_hash(std::uint64_t hash, std::uint64_t value) {
  hash ^= value + 0x9E3779B97F4A7C15U + (hash << 6) + (hash >> 2);
  return hash * 0xFF51AFD7ED558CCDU;
}

struct VectorHash {
  std::size_t operator()(const std::vector<std::int32_t>& values) const {
    std::uint64_t hash = values.size();
    for (const std::int32_t value : values) {
      hash = mix_hash(hash, static_cast<std::uint32_t>(value));
    }
    return static_cast<std::size_t>(hash ^ (hash >> 32));
  }
};

}  // namespace minimax::grammar
