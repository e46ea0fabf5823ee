// SPDX-License-Identifier: Apache-2.0
// Memory that several owners share until one of them writes.
#pragma once

#include <atomic>
#include <cstdint>

#include "tensor/buffer.h"
#include "tensor/memory.h"

namespace minimax::tensor {

/// One of the owners of a Buffer; a copy is a further owner, and the last one releases the memory.
/// Thread safety: different owners may be used in different threads at the same time, as long as
/// none writes what is shared.
class SharedBuffer {
 public:
  SharedBuffer() = default;
  ~SharedBuffer() { release(); }
  SharedBuffer(const SharedBuffer& other) noexcept;
  SharedBuffer& operator=(const SharedBuffer& other) noexcept;
  SharedBuffer(SharedBuffer&& other) noexcept;
  SharedBuffer& operator=(SharedBuffer&& other) noexcept;

  /// Zero-filled, with one owner. `memory` must outlive it. Throws: Error{kOutOfMemory}.
  static SharedBuffer allocate(std::int64_t bytes, const Memory& memory = host_memory());

  std::byte* data() const { return block_ != nullptr ? block_->buffer.data() : nullptr; }
  std::int64_t owners() const;
  bool is_shared() const { return owners() > 1; }

  /// Makes this the only owner of its bytes, the first `bytes` of them copied where others own
  /// them, too. Throws: Error{kOutOfMemory}; this owner is then unchanged.
  void unshare(std::int64_t bytes);
  /// The same, and moves them to `memory` where they lie elsewhere: on the host or on its device.
  void unshare(std::int64_t bytes, const Memory& memory);

 private:
  struct Block {
    Buffer buffer;
    const Memory* memory = nullptr;
    std::int64_t bytes = 0;  // that were asked for
    std::atomic<std::int64_t> owners = 1;
  };

  explicit SharedBuffer(Block* block) : block_(block) {}
  static SharedBuffer allocate(std::int64_t bytes, const Memory& memory, std::int64_t used);
  void release() noexcept;

  Block* block_ = nullptr;
};

}  // namespace minimax::tensor
