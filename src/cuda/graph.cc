// SPDX-License-Identifier: Apache-2.0
#include "cuda/graph.h"

#include <cuda_runtime.h>

#include <utility>

#include "cuda/check.h"

namespace minimax::cuda {
namespace {

/// Between the beginning and the end of a recording.
class Recording {
 public:
  explicit Recording(cudaStream_t stream) : stream_(stream) {
    // Other threads may go on to use the device meanwhile.
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "recording a graph");
  }
  ~Recording() {
    if (!ended_) {  // an exception ends it; what was recorded is dropped
      cudaGraph_t graph = nullptr;
      cudaStreamEndCapture(stream_, &graph);
      cudaGraphDestroy(graph);
      cudaGetLastError();
    }
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  cudaGraph_t end() {
    cudaGraph_t graph = nullptr;
    ended_ = true;
    check(cudaStreamEndCapture(stream_, &graph), "recording a graph");
    return graph;
  }

 private:
  cudaStream_t stream_;
  bool ended_ = false;
};

}  // namespace

Graph::Graph(Stream stream, const std::function<void()>& work) {
  Recording recording(stream);
  work();
  const cudaGraph_t graph = recording.end();
  std::size_t nodes = 0;
  cudaGraphGetNodes(graph, nullptr, &nodes);
  nodes_ = static_cast<std::int64_t>(nodes);
  const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "making a graph");
  check(cudaGraphUpload(executable_, stream), "making a graph");
}

Graph::~Graph() {
  if (executable_ != nullptr) {
    cudaGraphExecDestroy(executable_);
  }
}

Graph::Graph(Graph&& other) noexcept
    : executable_(std::exchange(other.executable_, nullptr)), nodes_(other.nodes_) {}

void Graph::launch(Stream stream) const {
  check(cudaGraphLaunch(executable_, stream), "launching a graph");
}

}  // namespace minimax::cuda
