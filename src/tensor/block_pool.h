// SPDX-License-Identifier: Apache-2.0
// Blocks that were given back and are used again: memory that is fresh from the system has to be
// found and cleared page by page, which takes longer than many a step of a model.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "tensor/buffer.h"
#include "tensor/memory.h"

namespace minimax::tensor {

/// Thread safety: all members but prepare() and reserve() may be called from any thread.
class BlockPool {
 public:
  /// Keeps up to `most_bytes` that nobody uses; the rest goes back to `memory` at once.
  BlockPool(const Memory& memory, std::int64_t most_bytes);
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool() = default;

  /// What a SharedBuffer takes to get its memory from here. The pool must outlive all of them.
  const Memory& memory() const { return pooled_; }

  /// A block of `bytes` with whatever its last user left, or cleared where it is fresh.
  /// Throws: Error{kOutOfMemory}.
  struct Block {
    Buffer buffer;
    bool is_clear = false;
  };
  Block take(std::int64_t bytes);
  /// Debug builds fill it with bytes that are no numbers in any format.
  void give_back(Buffer buffer, std::int64_t bytes) noexcept;

  /// Gets the next piece, about 2 MiB, of one more block of `bytes` from the system, unless `count`
  /// of that size wait already or there is no room. Returns whether it did. One thread, always with
  /// the same size. Throws: Error{kOutOfMemory}.
  bool prepare(std::int64_t bytes, std::int64_t count);

  /// Gets `count` blocks of `bytes` at once, which are kept beside what the pool may keep, so that
  /// as many users at a time need nothing of the system. Throws: Error{kOutOfMemory}.
  void reserve(std::int64_t bytes, std::int64_t count);

  /// That nobody uses.
  std::int64_t free_bytes() const;

 private:
  bool wants(std::int64_t bytes, std::int64_t count) const;
  void keep(Buffer buffer, std::int64_t bytes) noexcept;

  const Memory memory_;
  const Memory pooled_;
  std::int64_t most_bytes_;
  mutable std::mutex mutex_;
  std::vector<Buffer> reserves_;                      // in which blocks lie that own nothing
  std::map<std::int64_t, std::vector<Buffer>> free_;  // by the size that was asked for
  std::int64_t free_bytes_ = 0;

  Buffer next_;  // is being prepared
  std::int64_t next_bytes_ = 0;
  std::int64_t prepared_ = 0;
};

}  // namespace minimax::tensor
