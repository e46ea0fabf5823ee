// SPDX-License-Identifier: Apache-2.0
// Memory of the current GPU.
#pragma once

#include "tensor/memory.h"

namespace minimax::cuda {

/// Plain allocations on the current GPU; copies wait for the work of all streams. Blocks to copy
/// from are pinned. Throws (its functions): Error{kOutOfMemory} with the bytes asked for and
/// those free; Error{kDevice} where the driver reports another failure.
const tensor::Memory& device_memory();

}  // namespace minimax::cuda
