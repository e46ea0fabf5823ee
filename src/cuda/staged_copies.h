// SPDX-License-Identifier: Apache-2.0
// Blocks of pinned host memory that pass through buffers of the GPU: the copy engine fills one
// while kernels read another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/stream.h"
#include "tensor/buffer.h"

struct CUevent_st;

namespace minimax::cuda {

/// Everything is enqueued, nothing waits on the host, so that it can also be recorded.
class StagedCopies {
 public:
  /// Throws: Error{kOutOfMemory}, Error{kDevice}.
  StagedCopies(std::int64_t buffer_bytes, std::int64_t buffers);
  ~StagedCopies();
  StagedCopies(const StagedCopies&) = delete;
  StagedCopies& operator=(const StagedCopies&) = delete;

  std::byte* buffer(std::int64_t index) const;

  /// Forgets what was before: copies from here on come after all work of `compute` so far.
  void begin(Stream compute);
  /// Copies to a buffer once what release() said of it is done.
  void start(std::int64_t index, const void* from, std::int64_t bytes);
  /// Lets `compute` wait until the buffer is full. Requires: start() since begin().
  void wait_for(std::int64_t index, Stream compute) const;
  /// `compute` reads the buffer no more, after all work so far.
  void release(std::int64_t index, Stream compute);

 private:
  /// Of one buffer.
  struct Moments {
    CUevent_st* full = nullptr;
    CUevent_st* free = nullptr;
    bool is_released = false;
  };

  std::int64_t buffer_bytes_;
  tensor::Buffer memory_;
  Stream stream_ = nullptr;
  CUevent_st* begin_ = nullptr;
  bool follows_begin_ = false;
  std::vector<Moments> moments_;
};

}  // namespace minimax::cuda
