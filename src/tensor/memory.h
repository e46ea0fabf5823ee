// SPDX-License-Identifier: Apache-2.0
// Kinds of memory: the host's, and those of devices.
#pragma once

#include <cstdint>

#include "tensor/buffer.h"

namespace minimax::tensor {

class BlockPool;

/// Where blocks lie, and how bytes get there and back. One constant for each kind, and one in every
/// BlockPool.
struct Memory {
  /// Zero-filled. Throws: Error{kOutOfMemory} with the size asked for.
  Buffer (*allocate)(std::int64_t bytes);
  /// A block of the host that is fast to copy from; not cleared. Throws: as allocate.
  Buffer (*allocate_staging)(std::int64_t bytes);
  /// Between blocks of this memory and of the host, in any direction; done when it returns.
  void (*copy)(void* to, const void* from, std::int64_t bytes);
  /// Sets a part of a block to zeros.
  void (*clear)(void* data, std::int64_t bytes);
  bool is_host;               // whether the processor reads and writes it
  BlockPool* pool = nullptr;  // keeps the blocks of SharedBuffers for others; may be null
};

const Memory& host_memory();

/// Memory of the host that is fast to copy to and from `memory`. Fresh blocks are not cleared.
Memory staging_memory(const Memory& memory);

}  // namespace minimax::tensor
