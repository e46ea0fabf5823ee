// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/heap.h"

#include <fmt/format.h>

#include <new>

#include "minimax/error.h"

namespace minimax::text::jinja {
namespace {

constexpr std::size_t kChunkBytes = 64 << 10;
constexpr std::size_t kLargeBytes = 16 << 10;  // from here on an allocation of its own

[[noreturn]] void fail_budget(const std::string& what) {
  throw Error(ErrorCode::kUnsupported, fmt::format("the template exceeds its budget of {}", what));
}

}  // namespace

Heap::~Heap() {
  for (const auto& [memory, bytes] : large_) {
    ::operator delete(memory, bytes);
  }
}

void Heap::spend_steps(std::int64_t count) {
  steps_ += count;
  if (steps_ > limits_.steps) [[unlikely]] {
    fail_budget(fmt::format("{} steps", limits_.steps));
  }
}

void Heap::enter() {
  if (depth_ >= limits_.depth) [[unlikely]] {
    fail_budget(fmt::format("{} nested evaluations (endless recursion?)", limits_.depth));
  }
  ++depth_;
}

void Heap::spend_memory(std::size_t bytes) {
  if (bytes > static_cast<std::size_t>(limits_.memory_bytes - used_)) [[unlikely]] {
    fail_budget(fmt::format("{} MiB of memory", limits_.memory_bytes >> 20));
  }
  used_ += static_cast<std::int64_t>(bytes);
}

void* Heap::Scratch::do_allocate(std::size_t bytes, std::size_t alignment) {
  heap_.spend_memory(bytes);
  return std::pmr::new_delete_resource()->allocate(bytes, alignment);
}

void Heap::Scratch::do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
  heap_.used_ -= static_cast<std::int64_t>(bytes);
  std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
}

void* Heap::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (bytes >= kLargeBytes) {
    spend_memory(bytes);
    void* memory = ::operator new(bytes);
    large_.emplace(memory, bytes);
    return memory;
  }
  void* place = next_;
  auto room = static_cast<std::size_t>(end_ - next_);
  if (next_ == nullptr || std::align(alignment, bytes, place, room) == nullptr) {
    spend_memory(kChunkBytes);
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kChunkBytes));
    place = chunks_.back().get();
    end_ = chunks_.back().get() + kChunkBytes;
  }
  next_ = static_cast<std::byte*>(place) + bytes;
  return place;
}

void Heap::do_deallocate(void* memory, std::size_t bytes, std::size_t /*alignment*/) {
  if (bytes >= kLargeBytes && large_.erase(memory) > 0) {
    used_ -= static_cast<std::int64_t>(bytes);
    ::operator delete(memory, bytes);
  }
}

}  // namespace minimax::text::jinja
