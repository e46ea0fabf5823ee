// SPDX-License-Identifier: Apache-2.0
// Errors of the CUDA runtime as exceptions. For files that nvcc compiles.
#pragma once

#include <cuda_runtime.h>

namespace minimax::cuda {

/// Throws: Error{kDevice} naming the action and what the driver said.
void check(cudaError_t status, const char* action);

/// Of the kernel launched last. `kernel` names the operation.
inline void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

}  // namespace minimax::cuda
