// SPDX-License-Identifier: Apache-2.0
// The loops that measure_machine() times.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/isa.h"

namespace minimax::cpu {

/// Loads every byte; the result depends on all of them. Requires: a multiple of 1024 bytes.
template <Isa>
float read_all(const std::byte* data, std::int64_t bytes);

/// What a loop of arithmetic did.
struct Arithmetic {
  double operations;  // a multiply-add counts as two
  float checksum;     // depends on all of them
};

/// `rounds` times as many independent multiply-adds as keep the units busy, on `one`, which is 1.
template <Isa>
Arithmetic multiply_float32(std::int64_t rounds, float one);

/// The same for bfloat16; no operations where the machine has none.
template <Isa>
Arithmetic multiply_bfloat16(std::int64_t rounds, float one);

/// The same for 8-bit integers, summed in 32 bits.
template <Isa>
Arithmetic multiply_int8(std::int64_t rounds, float one);

}  // namespace minimax::cpu
