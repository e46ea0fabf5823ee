// SPDX-License-Identifier: Apache-2.0
#include "tensor/shared_buffer.h"

#include <cstring>
#include <memory>
#include <utility>

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

SharedBuffer SharedBuffer::allocate(std::int64_t bytes) {
  auto block = std::make_unique<Block>();
  // Large blocks are states that are copied as a whole: small pages would take most of the time.
  constexpr std::int64_t kLarge = std::int64_t{4} << 20;
  block->buffer = Buffer::allocate(bytes, bytes >= kLarge ? Pages::kHuge : Pages::kDefault);
  return SharedBuffer(block.release());
}

std::int64_t SharedBuffer::owners() const {
  // Acquire: where this reads 1, what the other owners read has been read before this one writes.
  return block_ != nullptr ? block_->owners.load(std::memory_order_acquire) : 0;
}

void SharedBuffer::unshare(std::int64_t bytes) {
  if (!is_shared()) {
    return;
  }
  SharedBuffer copy = allocate(block_->buffer.bytes());
  if (bytes > 0) {
    std::memcpy(copy.data(), data(), static_cast<std::size_t>(bytes));
  }
  std::swap(block_, copy.block_);
}

void SharedBuffer::release() noexcept {
  if (block_ != nullptr && block_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    const std::unique_ptr<Block> last(block_);
  }
}

}  // namespace minimax::tensor
