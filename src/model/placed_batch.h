// SPDX-License-Identifier: Apache-2.0
// A batch as kernels see it: its arrays, and the states of its sequences layer by layer, in memory
// that the device reads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/context.h"
#include "model/loader.h"
#include "model/minimax.h"

namespace minimax::model {

class PlacedBatch {
 public:
  /// Makes room for the batch in its states and counts its tokens there (SequenceState::extend).
  /// The spans end with this, and with the next batch that is placed for the same device.
  /// Throws: Error{kOutOfMemory}.
  PlacedBatch(const Context& ctx, const Model& model, const Batch& batch);
  PlacedBatch(const PlacedBatch&) = delete;
  PlacedBatch& operator=(const PlacedBatch&) = delete;
  ~PlacedBatch() = default;

  std::span<const std::int32_t> token_ids;    // [T]
  std::span<const float> inputs_embeds;       // [T, E], instead of token_ids; on the host
  std::span<const std::int64_t> positions;    // [T]
  std::span<const std::int32_t> output_rows;  // [rows]
  std::vector<LayerState> layers;             // [num_hidden_layers]

 private:
  void place_states(const Context& ctx, const Model& model, const Batch& batch);

  std::vector<std::int64_t> own_positions_;
  std::vector<float*> lightning_;             // [lightning layers, B]
  std::vector<ops::KvCacheView> softmax_kv_;  // [softmax layers, B]
};

}  // namespace minimax::model
