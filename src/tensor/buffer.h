// SPDX-License-Identifier: Apache-2.0
// Owners of memory: Buffer holds one block, Arena hands out views of one block in turn.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/tensor.h"

namespace minimax::tensor {

/// How large blocks are asked for from the operating system.
enum class Pages { kDefault, kHuge };

/// Owns one block of memory. Move-only.
class Buffer {
 public:
  using Deleter = void (*)(void* data, std::int64_t bytes) noexcept;
  static constexpr std::int64_t kAlignment = 64;  // bytes: a cache line, the widest vector

  Buffer() = default;
  /// Takes ownership; `deleter` releases the block, null: nothing does. Devices use this.
  Buffer(void* data, std::int64_t bytes, Deleter deleter)
      : data_(data), bytes_(bytes), deleter_(deleter) {}
  ~Buffer() { reset(); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(static_cast<Buffer&&>(other)).swap(*this);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  /// Zero-filled host memory, aligned to kAlignment. kHuge advises the system to back the block
  /// with 2 MiB pages, which saves TLB misses when gigabytes of weights are streamed.
  /// Throws: Error{kOutOfMemory} with the size asked for.
  static Buffer allocate(std::int64_t bytes, Pages pages = Pages::kDefault);

  std::byte* data() const { return static_cast<std::byte*>(data_); }
  std::int64_t bytes() const { return bytes_; }
  /// False for a part of another buffer, which has no deleter.
  bool owns() const { return deleter_ != nullptr; }

 private:
  void reset() noexcept;
  void swap(Buffer& other) noexcept;

  void* data_ = nullptr;
  std::int64_t bytes_ = 0;
  Deleter deleter_ = nullptr;
};

/// A bump allocator over one Buffer: views are handed out in turn and all end at once.
class Arena {
 public:
  Arena() = default;
  explicit Arena(std::int64_t bytes, Pages pages = Pages::kDefault)
      : buffer_(Buffer::allocate(bytes, pages)) {}
  explicit Arena(Buffer buffer) : buffer_(static_cast<Buffer&&>(buffer)) {}

  /// What `bytes` take here: rounded up to Buffer::kAlignment.
  static std::int64_t footprint(std::int64_t bytes);
  static std::int64_t footprint(DType dtype, const Shape& shape);

  /// The next free piece. Throws: Error{kOutOfMemory} when the planned size is used up.
  std::byte* allocate(std::int64_t bytes);
  Tensor allocate(DType dtype, const Shape& shape);

  /// Ends all views from `mark` (an earlier used()) on.
  void rewind(std::int64_t mark) { used_ = mark; }
  std::int64_t used() const { return used_; }
  std::int64_t capacity() const { return buffer_.bytes(); }

 private:
  Buffer buffer_;
  std::int64_t used_ = 0;
};

}  // namespace minimax::tensor
