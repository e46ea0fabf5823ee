// SPDX-License-Identifier: Apache-2.0
// Bytes on their way from the host to the GPU: pinned buffers that are filled while the GPU copies
// from the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/stream.h"

struct CUevent_st;

namespace minimax::cuda {

/// Has a stream of its own, so that several of them keep the link busy. One thread at a time.
class UploadQueue {
 public:
  /// The buffers lie one after the other in `pinned`, which must outlive it. Comes after what
  /// device_memory() cleared before. Throws: Error{kDevice}.
  UploadQueue(std::byte* pinned, std::int64_t buffer_bytes, int buffers);
  /// Waits for what is under way.
  ~UploadQueue();
  UploadQueue(const UploadQueue&) = delete;
  UploadQueue& operator=(const UploadQueue&) = delete;

  std::int64_t buffer_bytes() const { return buffer_bytes_; }
  /// Work put here comes after what was sent so far.
  Stream stream() const { return stream_; }

  /// What is sent from here on comes after what device_memory() cleared so far.
  void follow_clearing() const;
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
  std::byte* pinned_;
  std::int64_t buffer_bytes_;
  Stream stream_ = nullptr;
  std::vector<CUevent_st*> taken_;  // of every buffer
  CUevent_st* cleared_ = nullptr;
  std::size_t current_ = 0;
};

}  // namespace minimax::cuda
