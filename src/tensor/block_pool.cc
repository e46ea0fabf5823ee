// SPDX-License-Identifier: Apache-2.0
#include "tensor/block_pool.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/build.h"

namespace minimax::tensor {
namespace {

// In bfloat16 and in float32, such bytes are not a number.
constexpr int kPoison = 0xFF;

// A large page: what one step of a model has the time for.
constexpr std::int64_t kPiece = std::int64_t{2} << 20;

Memory with_pool(Memory memory, BlockPool& pool) {
  memory.pool = &pool;
  return memory;
}

}  // namespace

BlockPool::BlockPool(const Memory& memory, std::int64_t most_bytes)
    : memory_(memory), pooled_(with_pool(memory, *this)), most_bytes_(most_bytes) {}

BlockPool::Block BlockPool::take(std::int64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = free_.find(bytes);
    if (found != free_.end() && !found->second.empty()) {
      Block block{.buffer = std::move(found->second.back())};
      found->second.pop_back();
      free_bytes_ -= bytes;
      return block;
    }
  }
  return {.buffer = memory_.allocate(bytes), .is_clear = true};
}

void BlockPool::give_back(Buffer buffer, std::int64_t bytes) noexcept {
  if (bytes == 0) {
    return;
  }
  if (base::kIsDebugBuild && memory_.is_host) {
    std::memset(buffer.data(), kPoison, static_cast<std::size_t>(bytes));
  }
  const std::lock_guard lock(mutex_);
  keep(std::move(buffer), bytes);
}

// Where there is no room, the block goes back to the system, if it is not part of a reserve.
void BlockPool::keep(Buffer buffer, std::int64_t bytes) noexcept {
  if (free_bytes_ + bytes > most_bytes_ && buffer.owns()) {
    return;
  }
  try {
    free_[bytes].push_back(std::move(buffer));
    free_bytes_ += bytes;
  } catch (const std::bad_alloc&) {
    return;
  }
}

bool BlockPool::wants(std::int64_t bytes, std::int64_t count) const {
  const std::lock_guard lock(mutex_);
  const auto found = free_.find(bytes);
  const std::int64_t ready = found != free_.end() ? std::ssize(found->second) : 0;
  return bytes > 0 && ready < count && free_bytes_ + bytes <= most_bytes_;
}

bool BlockPool::prepare(std::int64_t bytes, std::int64_t count) {
  if (!wants(bytes, count)) {
    return false;
  }
  if (prepared_ == 0) {
    next_ = memory_.allocate(bytes);
    next_bytes_ = bytes;
  }
  const std::int64_t piece = std::min(kPiece, next_bytes_ - prepared_);
  memory_.clear(next_.data() + prepared_, piece);
  prepared_ += piece;
  if (prepared_ == next_bytes_) {
    prepared_ = 0;
    const std::lock_guard lock(mutex_);
    keep(std::move(next_), next_bytes_);
  }
  return true;
}

void BlockPool::reserve(std::int64_t bytes, std::int64_t count) {
  const std::int64_t stride = Arena::footprint(bytes);
  if (bytes <= 0 || count <= 0) {
    return;
  }
  Buffer all = memory_.allocate(stride * count);
  const std::lock_guard lock(mutex_);
  most_bytes_ += bytes * count;
  std::vector<Buffer>& blocks = free_[bytes];
  blocks.reserve(blocks.size() + static_cast<std::size_t>(count));
  for (std::int64_t i = count - 1; i >= 0; --i) {  // the first ones are taken first
    blocks.emplace_back(all.data() + i * stride, bytes, nullptr);
    free_bytes_ += bytes;
  }
  reserves_.push_back(std::move(all));
}

std::int64_t BlockPool::free_bytes() const {
  const std::lock_guard lock(mutex_);
  return free_bytes_;
}

}  // namespace minimax::tensor
