// SPDX-License-Identifier: Apache-2.0
// Loops over arrays by vectors, for the files that are compiled once per instruction set. The last
// elements go through the same instructions as the others, so an element's result does not depend
// on where it stands.
#pragma once

#include <cstdint>

#include "cpu/simd.h"

namespace minimax::ops {
namespace {

using cpu::Vec;

/// Which lanes of a vector take part: all of them, or the first n.
struct AllLanes {};
struct FirstLanes {
  std::int64_t n;
};

template <class T>
Vec load(const T* from, AllLanes) {
  return cpu::load(from);
}
template <class T>
Vec load(const T* from, FirstLanes lanes) {
  return cpu::load_first(from, lanes.n);
}
template <class T>
void store(T* to, Vec a, AllLanes) {
  cpu::store(to, a);
}
template <class T>
void store(T* to, Vec a, FirstLanes lanes) {
  cpu::store_first(to, a, lanes.n);
}

/// Calls body(i, lanes) for every vector of [begin, end).
template <class Body>
void for_each_vec(std::int64_t begin, std::int64_t end, const Body& body) {
  std::int64_t i = begin;
  for (; i + Vec::kLanes <= end; i += Vec::kLanes) {
    body(i, AllLanes{});
  }
  if (i < end) {
    body(i, FirstLanes{end - i});
  }
}

}  // namespace
}  // namespace minimax::ops
