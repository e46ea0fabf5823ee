// SPDX-License-Identifier: Apache-2.0
// How fast the link to the GPU is: the most that loading a model can reach.
#pragma once

#include "cuda/runtime.h"

namespace minimax::cuda {

/// Bytes per second from pinned memory of the host to the GPU, the best of a few copies.
/// Throws: Error{kOutOfMemory}.
double measure_upload(const Runtime& runtime);

}  // namespace minimax::cuda
