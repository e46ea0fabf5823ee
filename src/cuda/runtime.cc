// SPDX-License-Identifier: Apache-2.0
#include "cuda/runtime.h"

#include <fmt/format.h>

#include <cstring>

#include "base/check.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "cuda/memory.h"

namespace minimax::cuda {

Staging::Staging(std::int64_t bytes)
    : host_(device_memory().allocate_staging(bytes)), device_(device_memory().allocate(bytes)) {}

const std::byte* Staging::put(const void* data, std::int64_t bytes) {
  base::check(bytes <= host_.bytes() - used_, ErrorCode::kOutOfMemory, [&] {
    return fmt::format("cuda: the arrays of a step take more than the {} bytes planned for them",
                       host_.bytes());
  });
  std::memcpy(host_.data() + used_, data, static_cast<std::size_t>(bytes));
  const std::byte* const place = device_.data() + used_;
  used_ += tensor::Arena::footprint(bytes);
  return place;
}

void Staging::send(Stream stream) {
  if (used_ > sent_) {
    check(cudaMemcpyAsync(device_.data() + sent_, host_.data() + sent_,
                          static_cast<std::size_t>(used_ - sent_), cudaMemcpyHostToDevice, stream),
          "sending the arrays of a step");
    sent_ = used_;
  }
}

// The stream waits for copies of device_memory() and they for it, as the default one does.
Runtime::Runtime(std::int64_t staging_bytes) : multiprocessors_(require_device().multiprocessors) {
  check(cudaStreamCreate(&stream_), "creating a stream");
  staging_ = std::make_unique<Staging>(staging_bytes);
}

Runtime::~Runtime() {
  blas_.reset();
  cudaStreamDestroy(stream_);
}

Blas& Runtime::blas() {
  if (blas_ == nullptr) {
    blas_ = std::make_unique<Blas>();
  }
  return *blas_;
}

void Runtime::synchronize() { check(cudaStreamSynchronize(stream_), "waiting for the GPU"); }

void Runtime::download(const void* from, std::span<std::byte> to) {
  check(cudaMemcpyAsync(to.data(), from, to.size(), cudaMemcpyDeviceToHost, stream_),
        "reading results");
  synchronize();
}

}  // namespace minimax::cuda
