// SPDX-License-Identifier: Apache-2.0
// What this machine can do at most, measured: the roofs that benchmarks compare themselves with.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "cpu/thread_pool.h"

namespace minimax::cpu {

struct MachineLimits {
  double read_bytes_per_s;  // memory read by all threads of the pool, beyond every cache
  double float32_flops;     // multiply-adds a second, counted as two operations
  double bfloat16_flops;    // products of bfloat16 summed in float32; float32_flops without them
  double int8_ops;          // products of bytes summed in int32; float32_flops without them
};

struct MeasureOptions {
  std::int64_t buffer_bytes = 0;  // 0: four times the last cache, 256 MiB to 1 GiB
  double seconds = 0.3;           // of each of the four
};

/// The best of repeated passes, which take turns with whatever else runs on the machine.
/// Throws: Error{kOutOfMemory} where there is no room for the buffer.
MachineLimits measure_machine(ThreadPool& pool, Isa isa, const MeasureOptions& options = {});

}  // namespace minimax::cpu
