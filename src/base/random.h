// SPDX-License-Identifier: Apache-2.0
// Random numbers that are the same on every machine.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace minimax::base {

/// A generator of 64 random bits at a time. Source: splitmix64, Steele et al. 2014.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

/// Uniform in [0, 1), and a function of its arguments alone: for masks that must not depend on the
/// order in which, or the thread on which, their elements are computed.
inline double uniform_at(std::uint64_t seed, std::initializer_list<std::int64_t> place) {
  std::uint64_t bits = SplitMix64(seed).next();
  for (const std::int64_t coordinate : place) {
    bits = SplitMix64(bits ^ static_cast<std::uint64_t>(coordinate)).next();
  }
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace minimax::base
