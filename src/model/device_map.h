// SPDX-License-Identifier: Apache-2.0
// Which layers keep their routed experts in the memory of the host while a GPU runs the model.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "minimax/device_map.h"
#include "model/load_plan.h"

namespace minimax::model {

/// Buffers on the GPU that experts of the host pass through, one being filled while the other is
/// read.
inline constexpr std::int64_t kExpertBuffers = 2;

struct ExpertPlacement {
  std::vector<bool> on_host;       // of every layer
  std::int64_t host_bytes = 0;     // of the experts there
  std::int64_t staging_bytes = 0;  // of the buffers on the GPU
  std::vector<std::string> warnings = {};

  std::int64_t layers_on_host() const;
};

/// The number in "model.layers.7.mlp..."; -1 where there is none.
std::int64_t layer_of(const std::string& name);

/// What the routed experts of every layer take in an arena.
std::vector<std::int64_t> expert_bytes(const std::vector<LoadItem>& items, std::int64_t layers);

/// What a map says, of experts that take `layer_bytes` in the layers.
/// Throws: Error{kInvalidArgument} naming a module that the model does not have, two that overlap,
/// or a place other than the GPU and the host; Error{kUnsupported} for "disk" and for layers whose
/// experts lie in both places.
ExpertPlacement place_experts(const DeviceMap& map, const std::vector<LoadItem>& items,
                              std::span<const std::int64_t> layer_bytes);

/// The experts of as few layers as possible, spread evenly so that they arrive while the layers
/// between them compute, such that the rest of `weight_bytes` and the buffers fit into `room`; of
/// all layers where that is too little.
ExpertPlacement place_experts_automatically(std::span<const std::int64_t> layer_bytes,
                                            std::int64_t weight_bytes, std::int64_t room);

/// What a placement costs, for people: "the routed experts of 12 of 40 layers ...".
struct PlacementSpeed {
  std::int64_t host_bytes = 0;    // read for a token
  std::int64_t device_bytes = 0;  // read for a token
  double link_bytes_per_s = 0;
  double read_bytes_per_s = 0;

  double tokens_per_second() const;
};
std::string describe(const ExpertPlacement& placement, const PlacementSpeed& speed);

}  // namespace minimax::model
