// SPDX-License-Identifier: Apache-2.0
// Routed experts in pinned host memory, for the GPU: steps of few tokens read those that were
// chosen through the link, steps of many get all of a layer in a buffer, ahead of use.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cuda/runtime.h"
#include "cuda/staged_copies.h"
#include "model/device_map.h"
#include "model/weights.h"

namespace minimax::model {

class ExpertStream {
 public:
  /// `weights` must outlive it, and its experts stay where they are; those of a layer lie one after
  /// the other. Throws: Error{kOutOfMemory}.
  ExpertStream(const Weights& weights, const ExpertPlacement& placement);

  bool is_on_host(std::int64_t layer) const;

  /// Whether a step will surely fetch().
  enum class Ahead { kNo, kYes };

  /// At the start of a step, before fetch().
  void begin(cuda::Stream compute, Ahead ahead);
  /// The experts of a layer on the host, in a buffer that they have arrived in when `compute` gets
  /// to what is enqueued next. Those of the next such layer are on their way behind them.
  /// Layers are fetched in their order, each at most once a step, and released before the next.
  const ExpertWeights& fetch(std::int64_t layer, cuda::Stream compute);
  /// Behind the work that reads them.
  void release(std::int64_t layer, cuda::Stream compute);

 private:
  /// The experts of one layer.
  struct Block {
    const std::byte* host = nullptr;
    std::int64_t bytes = 0;
    ExpertWeights staged;  // the same in the buffer that they pass through
  };

  void start(std::int64_t index);
  std::int64_t index_of(std::int64_t layer) const;
  std::int64_t buffer_of(std::int64_t index) const { return index % buffers_; }

  std::vector<std::int64_t> index_of_layer_;  // below 0: on the GPU
  std::vector<Block> blocks_;
  std::int64_t buffers_;
  std::int64_t next_ = 0;  // of the blocks to start
  cuda::StagedCopies copies_;
};

}  // namespace minimax::model
