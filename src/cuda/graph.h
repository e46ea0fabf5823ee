// SPDX-License-Identifier: Apache-2.0
// Work that is recorded once and then launched with one call.
#pragma once

#include <cstdint>
#include <functional>

#include "cuda/stream.h"

struct CUgraphExec_st;

namespace minimax::cuda {

class Graph {
 public:
  /// Records what `work` submits to `stream`, without running it. `work` must neither allocate nor
  /// wait; all memory that it names must outlive the graph.
  /// Throws: what `work` throws; Error{kDevice} where something cannot be recorded.
  Graph(Stream stream, const std::function<void()>& work);
  ~Graph();
  Graph(Graph&& other) noexcept;
  Graph& operator=(Graph&&) = delete;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void launch(Stream stream) const;
  /// Kernels and copies.
  std::int64_t nodes() const { return nodes_; }

 private:
  CUgraphExec_st* executable_ = nullptr;
  std::int64_t nodes_ = 0;
};

}  // namespace minimax::cuda
