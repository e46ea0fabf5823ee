// SPDX-License-Identifier: Apache-2.0
#include "cuda/staged_copies.h"

#include <cuda_runtime.h>

#include "cuda/check.h"
#include "cuda/memory.h"

namespace minimax::cuda {
namespace {

void make_event(cudaEvent_t& event) {
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "creating an event");
}

}  // namespace

StagedCopies::StagedCopies(std::int64_t buffer_bytes, std::int64_t buffers)
    : buffer_bytes_(buffer_bytes),
      memory_(device_memory().allocate(buffer_bytes * buffers)),
      moments_(static_cast<std::size_t>(buffers)) {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
  make_event(begin_);
  for (Moments& moments : moments_) {
    make_event(moments.full);
    make_event(moments.free);
  }
}

StagedCopies::~StagedCopies() {
  cudaStreamSynchronize(stream_);
  for (const Moments& moments : moments_) {
    cudaEventDestroy(moments.full);
    cudaEventDestroy(moments.free);
  }
  cudaEventDestroy(begin_);
  cudaStreamDestroy(stream_);
}

std::byte* StagedCopies::buffer(std::int64_t index) const {
  return memory_.data() + index * buffer_bytes_;
}

void StagedCopies::begin(Stream compute) {
  check(cudaEventRecord(begin_, compute), "recording an event");
  follows_begin_ = false;
  for (Moments& moments : moments_) {
    moments.is_released = false;
  }
}

void StagedCopies::start(std::int64_t index, const void* from, std::int64_t bytes) {
  const Moments& moments = moments_[static_cast<std::size_t>(index)];
  if (!follows_begin_) {
    check(cudaStreamWaitEvent(stream_, begin_, 0), "waiting for a stream");
    follows_begin_ = true;
  }
  if (moments.is_released) {
    check(cudaStreamWaitEvent(stream_, moments.free, 0), "waiting for a stream");
  }
  check(cudaMemcpyAsync(buffer(index), from, static_cast<std::size_t>(bytes),
                        cudaMemcpyHostToDevice, stream_),
        "copying weights to the GPU");
  check(cudaEventRecord(moments.full, stream_), "recording an event");
}

void StagedCopies::wait_for(std::int64_t index, Stream compute) const {
  check(cudaStreamWaitEvent(compute, moments_[static_cast<std::size_t>(index)].full, 0),
        "waiting for weights");
}

void StagedCopies::release(std::int64_t index, Stream compute) {
  Moments& moments = moments_[static_cast<std::size_t>(index)];
  check(cudaEventRecord(moments.free, compute), "recording an event");
  moments.is_released = true;
}

}  // namespace minimax::cuda
