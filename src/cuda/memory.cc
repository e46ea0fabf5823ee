// SPDX-License-Identifier: Apache-2.0
#include "cuda/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/memory.h"
#include "cuda/check.h"

namespace minimax::cuda {
namespace {

void free_device(void* data, std::int64_t) noexcept { cudaFree(data); }
void free_pinned(void* data, std::int64_t) noexcept { cudaFreeHost(data); }
void free_large_pinned(void* data, std::int64_t bytes) noexcept {
  cudaHostUnregister(data);
  ::munmap(data, static_cast<std::size_t>(bytes));
}

std::string refusal(std::int64_t bytes) {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  cudaGetLastError();  // the failure is reported here: later calls start anew
  cudaMemGetInfo(&free_bytes, &total_bytes);
  return fmt::format("cuda: cannot allocate {}, {} of {} are free", base::format_bytes(bytes),
                     base::format_bytes(static_cast<std::int64_t>(free_bytes)),
                     base::format_bytes(static_cast<std::int64_t>(total_bytes)));
}

std::string pin_refusal(std::int64_t bytes) {
  return fmt::format("cuda: cannot pin {} of host memory", base::format_bytes(bytes));
}

// Makes the system back a large block with pages, on several threads.
void touch(std::byte* data, std::int64_t bytes) {
  constexpr std::int64_t kPage = 4096;
  constexpr std::int64_t kShare = std::int64_t{8} << 20;
  constexpr std::int64_t kMostThreads = 16;
  const std::int64_t threads = std::clamp<std::int64_t>(bytes / kShare, 1, kMostThreads);
  const std::int64_t share = (bytes / threads + kPage - 1) / kPage * kPage;
  const auto touch_share = [&](std::int64_t index) {
    const std::int64_t end = std::min(bytes, (index + 1) * share);
    for (std::int64_t at = index * share; at < end; at += kPage) {
      static_cast<volatile std::byte*>(data)[at] = std::byte{0};
    }
  };
  std::vector<std::jthread> helpers;
  for (std::int64_t i = 1; i < threads; ++i) {
    helpers.emplace_back(touch_share, i);
  }
  touch_share(0);
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
  return buffer;
}

// Large pages are pinned ten times as fast as what cudaMallocHost takes.
tensor::Buffer pin_large_pages(std::int64_t bytes) {
  constexpr std::int64_t kPage = std::int64_t{2} << 20;
  const std::int64_t rounded = (bytes + kPage - 1) / kPage * kPage;
  const auto size = static_cast<std::size_t>(rounded);
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  base::check(data != MAP_FAILED, ErrorCode::kOutOfMemory, [&] { return pin_refusal(bytes); });
  ::madvise(data, size, MADV_HUGEPAGE);  // advice: may be refused
  touch(static_cast<std::byte*>(data), rounded);
  if (cudaHostRegister(data, size, cudaHostRegisterPortable) != cudaSuccess) {
    cudaGetLastError();  // it is reported here: later calls start anew
    ::munmap(data, size);
    throw Error(ErrorCode::kOutOfMemory, pin_refusal(bytes));
  }
  return tensor::Buffer(data, rounded, free_large_pinned);
}

tensor::Buffer allocate_staging(std::int64_t bytes) {
  constexpr std::int64_t kLarge = std::int64_t{4} << 20;
  if (bytes == 0) {
    return {};
  }
  if (bytes >= kLarge) {
    return pin_large_pages(bytes);
  }
  void* data = nullptr;
  const cudaError_t status = cudaMallocHost(&data, static_cast<std::size_t>(bytes));
  base::check(status == cudaSuccess, ErrorCode::kOutOfMemory, [&] {
    cudaGetLastError();
    return pin_refusal(bytes);
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
