// SPDX-License-Identifier: Apache-2.0
#include "model/expert_stream.h"

#include <algorithm>

#include "base/check.h"

namespace minimax::model {
namespace {

// The same matrices with `from` moved to `to`.
std::vector<quant::Matrix> moved(std::span<const quant::Matrix> matrices, const std::byte* from,
                                 std::byte* to) {
  std::vector<quant::Matrix> others;
  for (const quant::Matrix& matrix : matrices) {
    others.push_back(matrix.at(to + (matrix.bytes_begin() - from)));
  }
  return others;
}

}  // namespace

ExpertStream::ExpertStream(const Weights& weights, const ExpertPlacement& placement)
    : buffers_(std::min(kExpertBuffers, placement.layers_on_host())),
      copies_(buffers_ > 0 ? placement.staging_bytes / buffers_ : 0, buffers_) {
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    if (!placement.on_host[i]) {
      index_of_layer_.push_back(-1);
      continue;
    }
    const std::int64_t index = std::ssize(blocks_);
    const ExpertWeights& experts = weights.layers[i].moe.experts;
    const std::byte* begin = experts.gate.front().bytes_begin();
    const std::byte* end = experts.down.back().bytes_begin() + experts.down.back().bytes();
    std::byte* const buffer = copies_.buffer(buffer_of(index));
    blocks_.push_back({.host = begin,
                       .bytes = end - begin,
                       .staged = {.gate = moved(experts.gate, begin, buffer),
                                  .up = moved(experts.up, begin, buffer),
                                  .down = moved(experts.down, begin, buffer)}});
    index_of_layer_.push_back(index);
  }
}

bool ExpertStream::is_on_host(std::int64_t layer) const { return index_of(layer) >= 0; }

std::int64_t ExpertStream::index_of(std::int64_t layer) const {
  return index_of_layer_[static_cast<std::size_t>(layer)];
}

void ExpertStream::begin(cuda::Stream compute, Ahead ahead) {
  next_ = 0;
  copies_.begin(compute);
  if (ahead == Ahead::kYes) {
    start(0);
  }
}

void ExpertStream::start(std::int64_t index) {
  const Block& block = blocks_[static_cast<std::size_t>(index)];
  copies_.start(buffer_of(index), block.host, block.bytes);
  next_ = index + 1;
}

const ExpertWeights& ExpertStream::fetch(std::int64_t layer, cuda::Stream compute) {
  const std::int64_t index = index_of(layer);
  base::check(index >= 0 && next_ <= index + 1, ErrorCode::kInvalidArgument,
              "experts: expected layers on the host in their order");
  if (next_ <= index) {
    start(index);
  }
  if (buffers_ > 1 && index + 1 < std::ssize(blocks_)) {
    start(index + 1);
  }
  copies_.wait_for(buffer_of(index), compute);
  return blocks_[static_cast<std::size_t>(index)].staged;
}

void ExpertStream::release(std::int64_t layer, cuda::Stream compute) {
  copies_.release(buffer_of(index_of(layer)), compute);
}

}  // namespace minimax::model
