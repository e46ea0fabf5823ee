// SPDX-License-Identifier: Apache-2.0
// Where a model runs.
#pragma once

namespace minimax {

enum class Device {
  kReference,  ///< Plain loops in float32 and float64: slow, and what every kernel is tested
               ///< against.
  kCpu,        ///< Vector kernels for the machine's instruction set, on several threads.
  kCuda,       ///< One NVIDIA GPU of compute capability 8.0 or newer.
};

}  // namespace minimax
