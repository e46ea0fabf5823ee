// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>

#include "cuda/kernel.cuh"
#include "cuda/machine.h"
#include "cuda/memory.h"

namespace minimax::cuda {
namespace {

constexpr std::int64_t kReadBytes = std::int64_t{1} << 30;
constexpr std::int64_t kRows = 8192;       // of the matrices of bfloat16
constexpr std::int64_t kFloatRows = 4096;  // of those of float32
constexpr int kPasses = 10;
constexpr int kThreads = 512;

// Normal numbers of bfloat16 and float32 with random digits: products of zeros run faster.
void fill_randomly(cudaStream_t stream, std::byte* data, std::int64_t bytes) {
  auto* words = reinterpret_cast<std::uint32_t*>(data);
  for_each(stream, bytes / 4, "random numbers", [=] __device__(std::int64_t i) {
    std::uint32_t x = static_cast<std::uint32_t>(i) * 2654435761u;
    x = (x ^ (x >> 15)) * 2246822519u;
    x ^= x >> 13;
    words[i] = (x & 0x807f807fu) | 0x3f003f00u;  // magnitudes from 0.5 to 1
  });
}

// Sums what it reads, so that the reads stay.
__global__ void __launch_bounds__(kThreads)
    read_kernel(const uint4* data, std::int64_t count, unsigned* out) {
  unsigned sum = 0;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
#pragma unroll 8
  for (std::int64_t i = thread_index(); i < count; i += step) {
    const uint4 value = __ldcs(data + i);
    sum ^= value.x ^ value.y ^ value.z ^ value.w;
  }
  if (sum == 0x12345678u) {
    *out = sum;
  }
}

/// The shortest of some runs, in seconds.
class Stopwatch {
 public:
  explicit Stopwatch(cudaStream_t stream) : stream_(stream) {
    check(cudaEventCreate(&begin_), "creating an event");
    check(cudaEventCreate(&end_), "creating an event");
  }
  ~Stopwatch() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  double shortest(const std::function<void()>& work) const {
    float best = 0.0f;
    for (int pass = 0; pass <= kPasses; ++pass) {
      check(cudaEventRecord(begin_, stream_), "recording an event");
      work();
      check(cudaEventRecord(end_, stream_), "recording an event");
      check(cudaEventSynchronize(end_), "measuring the GPU");
      float milliseconds = 0.0f;
      check(cudaEventElapsedTime(&milliseconds, begin_, end_), "measuring the GPU");
      best = pass <= 1 ? milliseconds : std::min(best, milliseconds);  // the first warms up
    }
    return best / 1e3;
  }

 private:
  cudaStream_t stream_;
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
};

double measure_product(Runtime& runtime, const Stopwatch& watch, std::byte* memory,
                       tensor::DType dtype, std::int64_t rows) {
  const std::int64_t bytes = rows * rows * tensor::dtype_bytes(dtype);
  const DenseProduct product{.x = memory,
                             .weight = memory + bytes,
                             .out = memory + 2 * bytes,
                             .rows = rows,
                             .columns = rows,
                             .inner = rows,
                             .out_stride = rows,
                             .dtype = dtype,
                             .out_dtype = dtype};
  const double seconds = watch.shortest(
      [&] { static_cast<void>(runtime.blas().multiply(runtime.stream(), product)); });
  return 2.0 * static_cast<double>(rows * rows) * static_cast<double>(rows) / seconds;
}

double read_seconds(const Runtime& runtime, const Stopwatch& watch, std::byte* memory) {
  return watch.shortest([&] {
    read_kernel<<<static_cast<unsigned>(4 * runtime.multiprocessors()), kThreads, 0,
                  runtime.stream()>>>(reinterpret_cast<const uint4*>(memory), kReadBytes / 16,
                                      reinterpret_cast<unsigned*>(memory + kReadBytes));
    check_launch("reading memory");
  });
}

}  // namespace

double measure_read(const Runtime& runtime) {
  const tensor::Buffer buffer = device_memory().allocate(kReadBytes + 256);
  fill_randomly(runtime.stream(), buffer.data(), kReadBytes);
  return static_cast<double>(kReadBytes) /
         read_seconds(runtime, Stopwatch(runtime.stream()), buffer.data());
}

MachineLimits measure_machine(Runtime& runtime) {
  const tensor::Buffer buffer = device_memory().allocate(kReadBytes + 256);
  std::byte* const memory = buffer.data();
  fill_randomly(runtime.stream(), memory, kReadBytes);
  const Stopwatch watch(runtime.stream());
  const double seconds = read_seconds(runtime, watch, memory);
  return {.read_bytes_per_s = static_cast<double>(kReadBytes) / seconds,
          .float32_flops = measure_product(runtime, watch, memory, tensor::DType::kF32, kFloatRows),
          .bfloat16_flops = measure_product(runtime, watch, memory, tensor::DType::kBF16, kRows)};
}

}  // namespace minimax::cuda
