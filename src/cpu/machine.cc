// SPDX-License-Identifier: Apache-2.0
#include "cpu/machine.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "cpu/machine_kernels.h"
#include "tensor/buffer.h"

namespace minimax::cpu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kReadPart = 1 << 20;  // bytes that a thread reads at a time
constexpr std::int64_t kRounds = 32768;      // of arithmetic at a time: some 50 microseconds
constexpr std::int64_t kTasksPerThread = 8;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The highest rate of pass(), which returns the work that it did, over so many seconds.
template <class Pass>
double best_rate(double seconds, Pass&& pass) {
  constexpr int kMinPasses = 4;
  double best = 0.0;
  const Clock::time_point begin = Clock::now();
  for (int passes = 0; passes < kMinPasses || seconds_since(begin) < seconds; ++passes) {
    const Clock::time_point pass_begin = Clock::now();
    const double work = pass();
    best = std::max(best, work / seconds_since(pass_begin));
  }
  return best;
}

std::int64_t default_buffer_bytes() {
  const std::int64_t last_cache =
      std::max(::sysconf(_SC_LEVEL3_CACHE_SIZE), ::sysconf(_SC_LEVEL2_CACHE_SIZE));
  return std::clamp<std::int64_t>(4 * last_cache, 256 << 20, 1 << 30);
}

double read_rate(ThreadPool& pool, Isa isa, const MeasureOptions& options) {
  const std::int64_t wanted =
      options.buffer_bytes > 0 ? options.buffer_bytes : default_buffer_bytes();
  const std::int64_t parts = std::max<std::int64_t>(wanted / kReadPart, 1);
  const tensor::Buffer buffer = tensor::Buffer::allocate(parts * kReadPart, tensor::Pages::kHuge);
  // Written first: pages never written all stand for one page of zeros, which is in the cache.
  pool.parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end, int) {
    std::memset(buffer.data() + begin * kReadPart, 0x3c,
                static_cast<std::size_t>((end - begin) * kReadPart));
  });
  const auto read = visit_isa(isa, []<Isa kIsa>() { return &read_all<kIsa>; });
  std::vector<float> seen(static_cast<std::size_t>(parts));  // keeps the loads from being left out
  return best_rate(options.seconds, [&] {
    pool.parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end, int) {
      seen[static_cast<std::size_t>(begin)] =
          read(buffer.data() + begin * kReadPart, (end - begin) * kReadPart);
    });
    return static_cast<double>(parts * kReadPart);
  });
}

double arithmetic_rate(ThreadPool& pool, double seconds,
                       Arithmetic (*loop)(std::int64_t rounds, float one)) {
  const std::int64_t tasks = pool.threads() * kTasksPerThread;
  std::vector<Arithmetic> done(static_cast<std::size_t>(tasks));
  return best_rate(seconds, [&] {
    pool.parallel_for(tasks, 1, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t task = begin; task < end; ++task) {
        done[static_cast<std::size_t>(task)] = loop(kRounds, 1.0f);
      }
    });
    return done.front().operations * static_cast<double>(tasks);
  });
}

}  // namespace

MachineLimits measure_machine(ThreadPool& pool, Isa isa, const MeasureOptions& options) {
  const auto float32 = visit_isa(isa, []<Isa kIsa>() { return &multiply_float32<kIsa>; });
  const auto int8 = visit_isa(isa, []<Isa kIsa>() { return &multiply_int8<kIsa>; });
  const auto bfloat16 = visit_isa(isa, []<Isa kIsa>() { return &multiply_bfloat16<kIsa>; });
  MachineLimits limits{};
  limits.read_bytes_per_s = read_rate(pool, isa, options);
  limits.float32_flops = arithmetic_rate(pool, options.seconds, float32);
  const bool has_bfloat16 = bfloat16(1, 1.0f).operations > 0.0;
  limits.bfloat16_flops =
      has_bfloat16 ? arithmetic_rate(pool, options.seconds, bfloat16) : limits.float32_flops;
  const bool has_int8 = int8(1, 1.0f).operations > 0.0;
  limits.int8_ops = has_int8 ? arithmetic_rate(pool, options.seconds, int8) : limits.float32_flops;
  return limits;
}

}  // namespace minimax::cpu
