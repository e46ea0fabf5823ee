// SPDX-License-Identifier: Apache-2.0
#include "tensor/buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstring>
#include <utility>

#include "base/check.h"
#include "tensor/memory.h"

namespace minimax::tensor {
namespace {

void unmap(void* data, std::int64_t bytes) noexcept {
  ::munmap(data, static_cast<std::size_t>(bytes));
}

// Large blocks are states that are copied as a whole: small pages would take most of the time.
Buffer allocate_on_host(std::int64_t bytes) {
  constexpr std::int64_t kLarge = std::int64_t{4} << 20;
  return Buffer::allocate(bytes, bytes >= kLarge ? Pages::kHuge : Pages::kDefault);
}

void copy_on_host(void* to, const void* from, std::int64_t bytes) {
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void clear_on_host(void* data, std::int64_t bytes) {
  std::memset(data, 0, static_cast<std::size_t>(bytes));
}

}  // namespace

Buffer Buffer::allocate(std::int64_t bytes, Pages pages) {
  if (bytes == 0) {
    return {};
  }
  base::check(bytes > 0, ErrorCode::kInvalidArgument,
              [&] { return fmt::format("buffer: expected a size from 0, found {}", bytes); });
  constexpr std::int64_t kHugePage = 2LL << 20;
  const std::int64_t unit = pages == Pages::kHuge ? kHugePage : 4096;
  const std::int64_t rounded = (bytes + unit - 1) / unit * unit;
  void* data = ::mmap(nullptr, static_cast<std::size_t>(rounded), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  base::check(data != MAP_FAILED, ErrorCode::kOutOfMemory,
              [&] { return fmt::format("cannot allocate {} bytes of memory", bytes); });
  if (pages == Pages::kHuge) {
    ::madvise(data, static_cast<std::size_t>(rounded), MADV_HUGEPAGE);  // advice: may be refused
  }
  return Buffer(data, rounded, unmap);
}

void Buffer::reset() noexcept {
  if (data_ != nullptr && deleter_ != nullptr) {
    deleter_(data_, bytes_);
  }
  data_ = nullptr;
  bytes_ = 0;
}

void Buffer::swap(Buffer& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(deleter_, other.deleter_);
}

std::int64_t Arena::footprint(std::int64_t bytes) {
  return (bytes + Buffer::kAlignment - 1) / Buffer::kAlignment * Buffer::kAlignment;
}

std::int64_t Arena::footprint(DType dtype, const Shape& shape) {
  return footprint(shape.elements() * dtype_bytes(dtype));
}

std::byte* Arena::allocate(std::int64_t bytes) {
  const std::int64_t size = footprint(bytes);
  base::check(size <= capacity() - used_, ErrorCode::kOutOfMemory, [&] {
    return fmt::format("arena: {} of {} bytes are used, {} more do not fit", used_, capacity(),
                       bytes);
  });
  std::byte* begin = buffer_.data() + used_;
  used_ += size;
  return begin;
}

Tensor Arena::allocate(DType dtype, const Shape& shape) {
  return {allocate(shape.elements() * dtype_bytes(dtype)), dtype, shape};
}

Memory staging_memory(const Memory& memory) {
  return {.allocate = memory.allocate_staging,
          .allocate_staging = memory.allocate_staging,
          .copy = memory.copy,
          .clear = host_memory().clear,
          .is_host = true};
}

const Memory& host_memory() {
  static constexpr Memory kMemory{.allocate = allocate_on_host,
                                  .allocate_staging = allocate_on_host,
                                  .copy = copy_on_host,
                                  .clear = clear_on_host,
                                  .is_host = true};
  return kMemory;
}

}  // namespace minimax::tensor
