// SPDX-License-Identifier: Apache-2.0
#include "cuda/device.h"

#include <fmt/format.h>

#include "base/check.h"
#include "cuda/check.h"

namespace minimax::cuda {
namespace {

constexpr int kOldestCapability = 80;
constexpr bool kIsBuiltForHopper = MINIMAX_CUDA_HOPPER != 0;  // see cmake/MinimaxCuda.cmake

}  // namespace

void check(cudaError_t status, const char* action) {
  const bool lacks_memory = status == cudaErrorMemoryAllocation;
  if (lacks_memory) {
    cudaGetLastError();  // it is reported here: later calls start anew
  }
  base::check(status == cudaSuccess, lacks_memory ? ErrorCode::kOutOfMemory : ErrorCode::kDevice,
              [&] {
                return fmt::format("cuda: {}: {} ({})", action, cudaGetErrorString(status),
                                   cudaGetErrorName(status));
              });
}

DeviceInfo require_device() {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  base::check(status == cudaSuccess && devices > 0, ErrorCode::kDevice, [&] {
    return fmt::format("cuda: expected a GPU with its driver, found none: {}",
                       status == cudaSuccess ? "no device" : cudaGetErrorString(status));
  });
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "reading the properties of the GPU");
  DeviceInfo info{.name = properties.name,
                  .compute_capability = 10 * properties.major + properties.minor,
                  .multiprocessors = properties.multiProcessorCount};
  base::check(info.compute_capability >= kOldestCapability, ErrorCode::kDevice, [&] {
    return fmt::format("cuda: {}: expected compute capability 8.0 or newer, found {}.{}", info.name,
                       properties.major, properties.minor);
  });
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  check(cudaMemGetInfo(&free_bytes, &total_bytes), "reading the memory of the GPU");
  info.free_bytes = static_cast<std::int64_t>(free_bytes);
  info.total_bytes = static_cast<std::int64_t>(total_bytes);
  return info;
}

bool has_hopper() {
  // Asked for every weight: the driver takes its time to answer.
  static const bool kHasHopper = [] {
    int devices = 0;
    return kIsBuiltForHopper && cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0 &&
           require_device().compute_capability == 90;
  }();
  return kHasHopper;
}

}  // namespace minimax::cuda
