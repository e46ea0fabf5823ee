// SPDX-License-Identifier: Apache-2.0
// Memory of the current GPU.
#pragma once

#include "tensor/memory.h"

namespace minimax::cuda {

/// Plain allocations on the current GPU; copies and clearing are in the order of all
/// streams but those that say otherwise (upload_queue.h). Blocks to copy
/// from are pinned. Throws (its functions): Error{kOutOfMemory} with the bytes asked for and
/// those free; Error{kDevice} where the driver reports another failure.
const tensor::Memory& device_memory();

}  // namespace minimax::cuda
