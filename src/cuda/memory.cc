// SPDX-License-Identifier: Apache-2.0
#include "cuda/memory.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/memory.h"
#include "cuda/check.h"

namespace minimax::cuda {
namespace {

void free_device(void* data, std::int64_t) noexcept { cudaFree(data); }
void free_pinned(void* data, std::int64_t) noexcept { cudaFreeHost(data); }

std::string refusal(std::int64_t bytes) {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  cudaGetLastError();  // the failure is reported here: later calls start anew
  cudaMemGetInfo(&free_bytes, &total_bytes);
  return fmt::format("cuda: cannot allocate {}, {} of {} are free", base::format_bytes(bytes),
                     base::format_bytes(static_cast<std::int64_t>(free_bytes)),
                     base::format_bytes(static_cast<std::int64_t>(total_bytes)));
}

void clear(void* data, std::int64_t bytes) {
  check(cudaMemset(data, 0, static_cast<std::size_t>(bytes)), "clearing memory");
}

tensor::Buffer allocate(std::int64_t bytes) {
  if (bytes == 0) {
    return {};
  }
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, static_cast<std::size_t>(bytes));
  base::check(status == cudaSuccess, ErrorCode::kOutOfMemory, [&] { return refusal(bytes); });
  tensor::Buffer buffer(data, bytes, free_device);
  clear(data, bytes);
  // Other streams may write to it at once.
  check(cudaStreamSynchronize(cudaStreamLegacy), "clearing memory");
  return buffer;
}

tensor::Buffer allocate_staging(std::int64_t bytes) {
  if (bytes == 0) {
    return {};
  }
  void* data = nullptr;
  const cudaError_t status = cudaMallocHost(&data, static_cast<std::size_t>(bytes));
  base::check(status == cudaSuccess, ErrorCode::kOutOfMemory, [&] {
    cudaGetLastError();
    return fmt::format("cuda: cannot pin {} of host memory", base::format_bytes(bytes));
  });
  return tensor::Buffer(data, bytes, free_pinned);
}

void copy(void* to, const void* from, std::int64_t bytes) {
  check(cudaMemcpy(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault), "copying");
}

}  // namespace

const tensor::Memory& device_memory() {
  static constexpr tensor::Memory kMemory{.allocate = allocate,
                                          .allocate_staging = allocate_staging,
                                          .copy = copy,
                                          .clear = clear,
                                          .is_host = false};
  return kMemory;
}

}  // namespace minimax::cuda
