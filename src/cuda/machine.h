// SPDX-License-Identifier: Apache-2.0
// What the GPU can do at most, measured: the roofs that benchmarks compare themselves with.
#pragma once

#include "cuda/runtime.h"

namespace minimax::cuda {

struct MachineLimits {
  double read_bytes_per_s;  // of its memory, beyond its cache
  double float32_flops;     // a large product by cuBLASLt, not rounded to tf32
  double bfloat16_flops;    // the same of bfloat16, summed in float32
};

/// How fast kernels read the memory of the GPU, in bytes per second: the best of some passes.
/// Throws: Error{kOutOfMemory} where there is no room for about 1 GiB.
double measure_read(const Runtime& runtime);

/// The best of some passes over random data.
/// Throws: Error{kOutOfMemory} where there is no room for about 1 GiB.
MachineLimits measure_machine(Runtime& runtime);

}  // namespace minimax::cuda
