// SPDX-License-Identifier: Apache-2.0
#include "cpu/thread_pool.h"

#include <emmintrin.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <thread>
#include <vector>

#include "base/check.h"
#include "cpu/processors.h"

namespace minimax::cpu {
namespace {

// The gate is one word: how many workers are inside the region, whether it is open, and its
// number. A worker enters by adding one to an open gate, so one that comes late (its processor
// was taken away) finds the gate closed and delays nobody.
constexpr std::uint32_t kActiveMask = 0xfff;
constexpr std::uint32_t kOpen = 0x1000;
constexpr std::uint32_t kStopBit = 0x2000;
constexpr std::uint32_t kEpochUnit = 0x4000;
constexpr int kMaxThreads = 4095;

// Longer than the serial work between two regions of a decoded token, short enough not to be
// noticed between two tokens of a chat.
constexpr std::chrono::microseconds kSpinTime{150};

// A thread takes this part of what is left of its share at a time: the rest can be taken by others,
// should this one be slowed down by other processes. Chunks of a share follow each other in memory.
constexpr std::uint32_t kChunkDivisor = 4;

// Units [begin, end) that nobody has taken yet.
struct Units {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  std::uint32_t count() const { return begin < end ? end - begin : 0; }
};

std::uint64_t packed(Units units) { return std::uint64_t{units.end} << 32 | units.begin; }
Units unpacked(std::uint64_t word) {
  return {static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32)};
}

struct Cut {
  Units taken;
  Units rest;
};

// What is left of the share of a thread. Its owner takes from the front, so that it reads memory as
// one stream; a thread that has nothing left takes the rear half.
class Share {
 public:
  /// What the thread will read first in the next region; null: not known.
  std::atomic<const std::byte*> ahead{nullptr};

  void set(Units units) { left_.store(packed(units), std::memory_order_relaxed); }

  Units take_front() {
    return take([](Units left) {
      const std::uint32_t middle =
          left.begin + std::max<std::uint32_t>(left.count() / kChunkDivisor, 1);
      return Cut{.taken = {left.begin, middle}, .rest = {middle, left.end}};
    });
  }
  Units take_rear() {
    return take([](Units left) {
      const std::uint32_t middle = left.begin + left.count() / 2;
      return Cut{.taken = {middle, left.end}, .rest = {left.begin, middle}};
    });
  }

 private:
  // A unit is taken once, so that a word that was seen before means what it meant then.
  template <class CutUnits>
  Units take(CutUnits cut) {
    std::uint64_t word = left_.load(std::memory_order_relaxed);
    while (unpacked(word).count() > 0) {
      const Cut wanted = cut(unpacked(word));
      if (left_.compare_exchange_weak(word, packed(wanted.rest), std::memory_order_relaxed)) {
        return wanted.taken;
      }
    }
    return {};
  }

  alignas(64) std::atomic<std::uint64_t> left_{0};
};

// As far as kernels fetch ahead of what they read.
void fetch_first_bytes(const std::byte* data) {
  constexpr std::int64_t kBytes = 8192;
  for (std::int64_t line = 0; line < kBytes; line += 64) {
    _mm_prefetch(data + line, _MM_HINT_T0);
  }
}

std::uint32_t epoch_of(std::uint32_t gate) { return gate / kEpochUnit; }

}  // namespace

struct ThreadPool::State {
  // Written by the caller while the gate is closed and empty, read by the workers inside.
  Call call = nullptr;
  void* context = nullptr;
  std::int64_t count = 0;
  std::int64_t grain = 1;  // of a unit

  std::vector<Share> shares;
  alignas(64) std::atomic<std::uint32_t> gate{0};
  bool spin = true;
  std::vector<std::thread> workers;

  void open_shares();
  void work(int thread);
  bool take_from_others(int thread);
  void worker_main(int thread);
  std::uint32_t wait_for_change(std::uint32_t seen, int thread);
  bool enter(std::uint32_t observed);
};

void ThreadPool::State::open_shares() {
  constexpr std::int64_t kMaxUnits = std::numeric_limits<std::uint32_t>::max();
  while (count / grain >= kMaxUnits) {
    grain *= 2;
  }
  const std::int64_t units = (count + grain - 1) / grain;
  const std::int64_t threads = std::ssize(shares);
  for (std::int64_t i = 0; i < threads; ++i) {
    shares[static_cast<std::size_t>(i)].set(
        {.begin = static_cast<std::uint32_t>(units * i / threads),
         .end = static_cast<std::uint32_t>(units * (i + 1) / threads)});
  }
}

// Takes chunks until none is left.
void ThreadPool::State::work(int thread) {
  Share& own = shares[static_cast<std::size_t>(thread)];
  do {
    for (Units chunk = own.take_front(); chunk.count() > 0; chunk = own.take_front()) {
      call(context, chunk.begin * grain, std::min(chunk.end * grain, count), thread);
    }
  } while (take_from_others(thread));
}

// Makes what somebody else has left the share of this thread. False: nobody has anything.
bool ThreadPool::State::take_from_others(int thread) {
  const auto own = static_cast<std::size_t>(thread);
  for (std::size_t i = 1; i < shares.size(); ++i) {
    const Units units = shares[(own + i) % shares.size()].take_rear();
    if (units.count() > 0) {
      shares[own].set(units);
      return true;
    }
  }
  return false;
}

// Waits until the gate is open with another number than `seen`, or the pool stops.
std::uint32_t ThreadPool::State::wait_for_change(std::uint32_t seen, int thread) {
  std::atomic<const std::byte*>& ahead = shares[static_cast<std::size_t>(thread)].ahead;
  const auto is_news = [&](std::uint32_t value) {
    return (value & kStopBit) != 0 || ((value & kOpen) != 0 && epoch_of(value) != seen);
  };
  std::uint32_t value = gate.load(std::memory_order_acquire);
  if (spin) {
    const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
    for (int i = 1; !is_news(value); ++i) {
      if (i % 64 == 0 && std::chrono::steady_clock::now() > deadline) {
        break;
      }
      if (const std::byte* data = ahead.load(std::memory_order_relaxed); data != nullptr) {
        ahead.store(nullptr, std::memory_order_relaxed);
        fetch_first_bytes(data);
      }
      _mm_pause();
      value = gate.load(std::memory_order_acquire);
    }
  }
  while (!is_news(value)) {
    gate.wait(value, std::memory_order_acquire);
    value = gate.load(std::memory_order_acquire);
  }
  return value;
}

// Adds one to the gate if it is still open as observed.
bool ThreadPool::State::enter(std::uint32_t observed) {
  const std::uint32_t epoch = epoch_of(observed);
  while ((observed & kOpen) != 0 && epoch_of(observed) == epoch) {
    if (gate.compare_exchange_weak(observed, observed + 1, std::memory_order_acq_rel,
                                   std::memory_order_acquire)) {
      return true;
    }
  }
  return false;
}

void ThreadPool::State::worker_main(int thread) {
  std::uint32_t seen = 0;
  for (;;) {
    const std::uint32_t observed = wait_for_change(seen, thread);
    if ((observed & kStopBit) != 0) {
      return;
    }
    seen = epoch_of(observed);
    if (enter(observed)) {
      work(thread);
      gate.fetch_sub(1, std::memory_order_acq_rel);
    }
  }
}

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  base::check(threads >= 1 && threads <= kMaxThreads, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("threads: expected 1 to {}, found {}", kMaxThreads, threads);
  });
  // Where threads share processors, a spinning thread takes the time of one that has work.
  state_->spin = threads <= available_processors();
  state_->shares = std::vector<Share>(static_cast<std::size_t>(threads));
  state_->workers.reserve(static_cast<std::size_t>(threads - 1));
  try {
    for (int thread = 1; thread < threads; ++thread) {
      state_->workers.emplace_back([state = state_.get(), thread] { state->worker_main(thread); });
    }
  } catch (...) {
    stop();
    throw Error(ErrorCode::kOutOfMemory, fmt::format("threads: the system refused thread {} of {}",
                                                     state_->workers.size() + 2, threads));
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  state_->gate.fetch_or(kStopBit, std::memory_order_seq_cst);
  state_->gate.notify_all();
  for (std::thread& worker : state_->workers) {
    worker.join();
  }
}

int ThreadPool::threads() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::fetch_ahead(int thread, const void* data) {
  if (data == nullptr) {
    return;  // weights without elements
  }
  const auto* bytes = static_cast<const std::byte*>(data);
  if (thread == 0) {
    fetch_first_bytes(bytes);
  } else {
    state_->shares[static_cast<std::size_t>(thread)].ahead.store(bytes, std::memory_order_relaxed);
  }
}

void ThreadPool::run(std::int64_t count, std::int64_t grain, Call call, void* context) {
  if (count <= 0) {
    return;
  }
  grain = std::max<std::int64_t>(grain, 1);
  if (threads() == 1 || count <= grain) {
    call(context, 0, count, 0);
    return;
  }
  State& state = *state_;
  state.call = call;
  state.context = context;
  state.count = count;
  state.grain = grain;
  state.open_shares();
  const std::uint32_t closed = state.gate.load(std::memory_order_relaxed);
  // Sequentially consistent, so that the check for sleepers inside notify_all comes after it.
  state.gate.store((closed + kEpochUnit) | kOpen, std::memory_order_seq_cst);
  state.gate.notify_all();
  state.work(0);
  std::uint32_t gate = state.gate.fetch_and(~kOpen, std::memory_order_acq_rel);
  for (int spins = 0; (gate & kActiveMask) != 0; ++spins) {
    // A worker that lost its processor may need this one to finish its chunk.
    if (state.spin && spins < 4096) {
      _mm_pause();
    } else {
      std::this_thread::yield();
    }
    gate = state.gate.load(std::memory_order_acquire);
  }
}

}  // namespace minimax::cpu
