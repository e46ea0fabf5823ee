// SPDX-License-Identifier: Apache-2.0
// What work on the GPU shares: a stream, the library of matrix products, and a way for small host
// arrays to get to where kernels read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "cuda/blas.h"
#include "cuda/stream.h"
#include "tensor/buffer.h"

namespace minimax::cuda {

/// Host arrays on their way to the GPU: lengths, positions, pointers. They are gathered in pinned
/// memory and sent in one copy, so that a step costs one of it.
class Staging {
 public:
  explicit Staging(std::int64_t bytes);

  /// Forgets what was put before. The first `front_bytes` are kept for put(): what is put there in
  /// the same order and sizes gets the same addresses, whatever is put behind.
  /// Throws: Error{kOutOfMemory} for more than the planned size.
  void start(std::int64_t front_bytes);
  /// Takes a copy. Returns where the GPU will find it after send(), until the next start().
  /// Throws: Error{kOutOfMemory} where the front or the planned size is used up.
  const std::byte* put(const void* data, std::int64_t bytes);
  const std::byte* put_behind(const void* data, std::int64_t bytes);
  /// Sends all that was put, in one copy.
  void send(Stream stream) const;

 private:
  void check_room(std::int64_t bytes) const;
  const std::byte* copy_to(std::int64_t place, const void* data, std::int64_t bytes);

  tensor::Buffer host_;
  tensor::Buffer device_;
  std::int64_t front_ = 0;  // used of it
  std::int64_t front_end_ = 0;
  std::int64_t used_ = 0;  // with what is behind the front
};

class Runtime {
 public:
  /// Throws: as require_device(); Error{kDevice} naming the library that cannot be loaded.
  explicit Runtime(std::int64_t staging_bytes = std::int64_t{16} << 20);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  Stream stream() const { return stream_; }
  Staging& staging() { return *staging_; }
  /// Loads the library at the first call. Throws: Error{kDevice} naming what cannot be loaded.
  Blas& blas();
  int multiprocessors() const { return multiprocessors_; }
  /// Whether the GPU has compute capability 9.0.
  bool is_hopper() const { return is_hopper_; }
  /// Two words that kernels whose blocks wait for each other count in (grid_barrier.cuh).
  void* grid_barrier() const { return counters_.data(); }
  /// kTickets words that are zero between kernels, in which the blocks of one find out which of
  /// them is the last.
  unsigned* tickets() const {
    return reinterpret_cast<unsigned*>(counters_.data() + kGridBarrierBytes);
  }
  static constexpr std::int64_t kTickets = 512;

  /// Waits for all work. Throws: Error{kDevice} where any of it failed.
  void synchronize();
  /// From the GPU to host memory, after all work so far; waits for it.
  void download(const void* from, std::span<std::byte> to);

 private:
  Stream stream_ = nullptr;
  int multiprocessors_ = 0;
  bool is_hopper_ = false;
  static constexpr std::int64_t kGridBarrierBytes = 64;
  tensor::Buffer counters_;
  std::unique_ptr<Staging> staging_;
  std::unique_ptr<Blas> blas_;
};

}  // namespace minimax::cuda
