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

void Staging::start(std::int64_t front_bytes) {
  front_ = 0;
  front_end_ = used_ = 0;
  check_room(front_bytes);
  front_end_ = used_ = front_bytes;
}

void Staging::check_room(std::int64_t bytes) const {
  base::check(bytes <= host_.bytes() - used_, ErrorCode::kOutOfMemory, [&] {
    return fmt::format("cuda: the arrays of a step take more than the {} bytes planned for them",
                       host_.bytes());
  });
}

const std::byte* Staging::copy_to(std::int64_t place, const void* data, std::int64_t bytes) {
  std::memcpy(host_.data() + place, data, static_cast<std::size_t>(bytes));
  return device_.data() + place;
}

const std::byte* Staging::put(const void* data, std::int64_t bytes) {
  const std::int64_t place = front_;
  base::check(tensor::Arena::footprint(bytes) <= front_end_ - front_, ErrorCode::kOutOfMemory,
              "cuda: more was put into the front of the arrays of a step than was announced");
  front_ += tensor::Arena::footprint(bytes);
  return copy_to(place, data, bytes);
}

const std::byte* Staging::put_behind(const void* data, std::int64_t bytes) {
  check_room(tensor::Arena::footprint(bytes));
  const std::int64_t place = used_;
  used_ += tensor::Arena::footprint(bytes);
  return copy_to(place, data, bytes);
}

void Staging::send(Stream stream) const {
  if (used_ > 0) {
    check(cudaMemcpyAsync(device_.data(), host_.data(), static_cast<std::size_t>(used_),
                          cudaMemcpyHostToDevice, stream),
          "sending the arrays of a step");
  }
}

// The stream waits for copies of device_memory() and they for it, as the default one does.
Runtime::Runtime(std::int64_t staging_bytes)
    : multiprocessors_(require_device().multiprocessors), is_hopper_(has_hopper()) {
  check(cudaStreamCreate(&stream_), "creating a stream");
  counters_ = device_memory().allocate(kGridBarrierBytes +
                                       kTickets * static_cast<std::int64_t>(sizeof(unsigned)));
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
