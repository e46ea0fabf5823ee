// SPDX-License-Identifier: Apache-2.0
// The memory and the budgets of one rendering. Everything that a template makes at run time lives
// here and goes at once when the rendering ends, so values are plain pointers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <unordered_map>
#include <utility>
#include <vector>

namespace minimax::text::jinja {

/// What one rendering may use.
struct Limits {
  std::int64_t steps = 1'000'000;          // evaluated nodes, and as much work inside builtins
  std::int64_t memory_bytes = 48LL << 20;  // all values and the output together
  int depth = 150;                         // nested evaluations; 256 KiB of stack must hold them
};

/// Hands out memory that is freed with the heap and counts what is spent.
/// Throws: Error{kUnsupported} from every member that exceeds a limit.
class Heap final : public std::pmr::memory_resource {
 public:
  explicit Heap(const Limits& limits) : limits_(limits) {}
  ~Heap() override;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  /// Makes a T whose destructor never runs. Requires: T owns only memory of this heap.
  template <class T, class... Args>
  T* make(Args&&... args) {
    return std::construct_at(static_cast<T*>(allocate(sizeof(T), alignof(T))),
                             std::forward<Args>(args)...);
  }

  void spend_steps(std::int64_t count = 1);
  /// The steps for work on so many bytes: copying and searching, and looking at every code point.
  void spend_bytes(std::int64_t count) { spend_steps(count >> 7); }
  void spend_code_points(std::int64_t bytes) { spend_steps(bytes >> 3); }

  void enter();
  void leave() { --depth_; }
  /// The depth to return to after an exception was caught inside a rendering.
  int depth() const { return depth_; }

  /// Memory for what a builtin needs while it runs: counted as long as it is held.
  std::pmr::memory_resource* scratch() { return &scratch_; }

  std::int64_t steps_spent() const { return steps_; }
  std::int64_t bytes_used() const { return used_; }

 private:
  class Scratch final : public std::pmr::memory_resource {
   public:
    explicit Scratch(Heap& heap) : heap_(heap) {}

   private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
      return this == &other;
    }

    Heap& heap_;
  };

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
  void spend_memory(std::size_t bytes);

  Limits limits_;
  Scratch scratch_{*this};
  std::int64_t steps_ = 0;
  std::int64_t used_ = 0;
  int depth_ = 0;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::unordered_map<void*, std::size_t> large_;  // each from operator new
};

/// Counts one level of nesting for as long as it lives.
class DepthGuard {
 public:
  explicit DepthGuard(Heap& heap) : heap_(heap) { heap.enter(); }
  ~DepthGuard() { heap_.leave(); }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  Heap& heap_;
};

}  // namespace minimax::text::jinja
