// SPDX-License-Identifier: Apache-2.0
#include "cuda/upload_queue.h"

#include <cuda_runtime.h>

#include "cuda/check.h"

namespace minimax::cuda {

UploadQueue::UploadQueue(std::byte* pinned, std::int64_t buffer_bytes, int buffers)
    : pinned_(pinned), buffer_bytes_(buffer_bytes), taken_(static_cast<std::size_t>(buffers)) {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "creating a stream");
  check(cudaEventCreateWithFlags(&cleared_, cudaEventDisableTiming), "creating an event");
  for (cudaEvent_t& event : taken_) {
    // A thread that waits leaves its core to those that read.
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync),
          "creating an event");
  }
  follow_clearing();
}

void UploadQueue::follow_clearing() const {
  check(cudaEventRecord(cleared_, cudaStreamLegacy), "recording an event");
  check(cudaStreamWaitEvent(stream_, cleared_, 0), "waiting for a stream");
}

UploadQueue::~UploadQueue() {
  cudaStreamSynchronize(stream_);
  for (const cudaEvent_t event : taken_) {
    cudaEventDestroy(event);
  }
  cudaEventDestroy(cleared_);
  cudaStreamDestroy(stream_);
}

std::byte* UploadQueue::next() {
  current_ = (current_ + 1) % taken_.size();
  check(cudaEventSynchronize(taken_[current_]), "copying to the GPU");
  return pinned_ + static_cast<std::int64_t>(current_) * buffer_bytes_;
}

void UploadQueue::send(void* to, std::int64_t bytes) {
  const std::byte* from = pinned_ + static_cast<std::int64_t>(current_) * buffer_bytes_;
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice, stream_),
        "copying to the GPU");
  check(cudaEventRecord(taken_[current_], stream_), "recording an event");
}

void UploadQueue::bring_back(void* to, const void* from, std::int64_t bytes) const {
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost, stream_),
        "copying from the GPU");
}

void UploadQueue::wait() const { check(cudaStreamSynchronize(stream_), "copying to the GPU"); }

}  // namespace minimax::cuda
