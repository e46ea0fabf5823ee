// SPDX-License-Identifier: Apache-2.0
// The type of a CUDA stream, for headers that C++ includes.
#pragma once

struct CUstream_st;

namespace minimax::cuda {

/// A cudaStream_t.
using Stream = CUstream_st*;

}  // namespace minimax::cuda
