// SPDX-License-Identifier: Apache-2.0
#include "tests/support/allocation_meter.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::int64_t> live_bytes{0};
std::atomic<std::int64_t> peak_bytes{0};

void record(std::int64_t bytes) {
  const std::int64_t live = live_bytes += bytes;
  std::int64_t peak = peak_bytes;
  while (live > peak && !peak_bytes.compare_exchange_weak(peak, live)) {
  }
}

}  // namespace

void* operator new(std::size_t bytes) {
  void* block = std::malloc(bytes);  // NOLINT(cppcoreguidelines-owning-memory): this is new
  if (block == nullptr) {
    throw std::bad_alloc();
  }
  record(static_cast<std::int64_t>(::malloc_usable_size(block)));
  return block;
}

void operator delete(void* block) noexcept {
  live_bytes -= static_cast<std::int64_t>(::malloc_usable_size(block));
  std::free(block);  // NOLINT(cppcoreguidelines-owning-memory): this is delete
}

void operator delete(void* block, std::size_t) noexcept { operator delete(block); }

namespace minimax::testing {

std::int64_t peak_allocation_of(const std::function<void()>& action) {
  const std::int64_t before = live_bytes;
  peak_bytes = before;
  action();
  return peak_bytes - before;
}

}  // namespace minimax::testing
