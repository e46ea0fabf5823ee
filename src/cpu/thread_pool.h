// SPDX-License-Identifier: Apache-2.0
// A pool of threads that stay alive between short parallel regions. A decoded token runs hundreds
// of regions of some tens of microseconds each, so waiting threads spin before they sleep.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace minimax::cpu {

class ThreadPool {
 public:
  /// `threads` counts the calling thread too.
  /// Throws: Error{kInvalidArgument} unless 1 to 4095; Error{kOutOfMemory} where the system
  /// refuses.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  /// The index that a thread begins with in a parallel_for over [0, count) with a grain of 1.
  std::int64_t first_index(std::int64_t count, int thread) const {
    return count * thread / threads();
  }

  /// Says where a thread will begin to read memory in the next region: it fetches some of it while
  /// it waits. Only worth it for memory that is in no cache. Any address will do.
  void fetch_ahead(int thread, const void* data);

  /// Calls body(begin, end, thread) over disjoint ranges that cover [0, count) and returns when
  /// all are done; `thread` is below threads(). Ranges are multiples of `grain` but for the last,
  /// and which thread takes which range is not fixed: bodies write disjoint outputs.
  /// Requires: body does not throw; one caller at a time, not from within a body.
  template <class Body>
  void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run(
        count, grain,
        [](void* context, std::int64_t begin, std::int64_t end, int thread) {
          (*static_cast<Plain*>(context))(begin, end, thread);
        },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using Call = void (*)(void* context, std::int64_t begin, std::int64_t end, int thread);
  void stop();
  void run(std::int64_t count, std::int64_t grain, Call call, void* context);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minimax::cpu
