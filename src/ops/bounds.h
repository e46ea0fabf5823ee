// SPDX-License-Identifier: Apache-2.0
// std::min and std::max for the files that are compiled once per instruction set, which must not
// share inline functions with others.
#pragma once

#include <cstdint>

namespace minimax::ops {
namespace {

inline std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
inline std::int64_t larger(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

}  // namespace
}  // namespace minimax::ops
