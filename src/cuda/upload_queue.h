// SPDX-License-Identifier: Apache-2.0
// Bytes on their way from the host to the GPU: pinned buffers that are filled while the GPU copies
// from the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/stream.h"
#include "tensor/buffer.h"

struct CUevent_st;

namespace minimax::cuda {

/// Has a stream of its own, so that several of them keep the link busy. One thread at a time.
class UploadQueue {
 public:
  /// Throws: Error{kOutOfMemory}, Error{kDevice}.
  UploadQueue(std::int64_t buffer_bytes, int buffers);
  /// Waits for what is under way.
  ~UploadQueue();
  UploadQueue(const UploadQueue&) = delete;
  UploadQueue& operator=(const UploadQueue&) = delete;

  std::int64_t buffer_bytes() const { return buffer_bytes_; }
  /// Work put here comes after what was sent so far.
  Stream stream() const { return stream_; }

  /// The next buffer to fill; waits until the GPU has taken what it held before.
  std::byte* next();
  /// Copies the first bytes of the buffer that next() gave last to memory of the GPU; does not
  /// wait.
  void send(void* to, std::int64_t bytes);
  /// Copies from memory of the GPU to pinned memory; does not wait.
  void bring_back(void* to, const void* from, std::int64_t bytes) const;
  /// Until all of it is done. Throws: Error{kDevice} where any of it failed.
  void wait() const;

 private:
  std::int64_t buffer_bytes_;
  tensor::Buffer pinned_;
  Stream stream_ = nullptr;
  std::vector<CUevent_st*> taken_;  // of every buffer
  std::size_t current_ = 0;
};

}  // namespace minimax::cuda
