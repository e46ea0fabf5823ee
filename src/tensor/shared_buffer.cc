// SPDX-License-Identifier: Apache-2.0
#include "tensor/shared_buffer.h"

#include <memory>
#include <utility>

#include "tensor/block_pool.h"

namespace minimax::tensor {

SharedBuffer::SharedBuffer(const SharedBuffer& other) noexcept : block_(other.block_) {
  if (block_ != nullptr) {
    block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
}

SharedBuffer& SharedBuffer::operator=(const SharedBuffer& other) noexcept {
  SharedBuffer copy(other);
  std::swap(block_, copy.block_);
  return *this;
}

SharedBuffer::SharedBuffer(SharedBuffer&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)) {}

SharedBuffer& SharedBuffer::operator=(SharedBuffer&& other) noexcept {
  SharedBuffer taken(std::move(other));
  std::swap(block_, taken.block_);
  return *this;
}

SharedBuffer SharedBuffer::allocate(std::int64_t bytes, const Memory& memory) {
  return allocate(bytes, memory, 0);
}

// The first `used` bytes are written at once: they need not be cleared.
SharedBuffer SharedBuffer::allocate(std::int64_t bytes, const Memory& memory, std::int64_t used) {
  auto block = std::make_unique<Block>();
  block->memory = &memory;
  block->bytes = bytes;
  if (memory.pool == nullptr) {
    block->buffer = memory.allocate(bytes);
    return SharedBuffer(block.release());
  }
  BlockPool::Block found = memory.pool->take(bytes);
  if (!found.is_clear && used < bytes) {
    memory.clear(found.buffer.data() + used, bytes - used);
  }
  block->buffer = std::move(found.buffer);
  return SharedBuffer(block.release());
}

std::int64_t SharedBuffer::owners() const {
  // Acquire: where this reads 1, what the other owners read has been read before this one writes.
  return block_ != nullptr ? block_->owners.load(std::memory_order_acquire) : 0;
}

void SharedBuffer::unshare(std::int64_t bytes) {
  if (block_ != nullptr) {
    unshare(bytes, *block_->memory);
  }
}

void SharedBuffer::unshare(std::int64_t bytes, const Memory& memory) {
  if (block_ == nullptr || (!is_shared() && block_->memory == &memory)) {
    return;
  }
  SharedBuffer copy = allocate(block_->bytes, memory, bytes);
  if (bytes > 0) {
    const Memory& device = memory.is_host ? *block_->memory : memory;
    device.copy(copy.data(), data(), bytes);
  }
  std::swap(block_, copy.block_);
}

void SharedBuffer::release() noexcept {
  if (block_ != nullptr && block_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    const std::unique_ptr<Block> last(block_);
    if (BlockPool* pool = last->memory->pool) {
      pool->give_back(std::move(last->buffer), last->bytes);
    }
  }
}

}  // namespace minimax::tensor
