// SPDX-License-Identifier: Apache-2.0
#include "model/load_placement.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/memory.h"
#include "cuda/device.h"
#include "cuda/machine.h"
#include "cuda/runtime.h"
#include "cuda/upload_rate.h"
#include "model/device_map.h"

namespace minimax::model {
namespace {

constexpr std::int64_t kShareLeft = 16;  // of the room for weights, to the states of sequences

void check_device(const LoadOptions& options) {
  const bool on_gpu = options.device == Device::kCuda;
  base::check(on_gpu || !options.device_map, ErrorCode::kInvalidArgument,
              "device_map: expected a GPU as the device");
  base::check(on_gpu || options.gpu_memory_bytes == 0, ErrorCode::kInvalidArgument,
              "gpu_memory: expected a GPU as the device");
}

std::int64_t room_for_weights(const LoadOptions& options, const MemoryPlanner& planner,
                              const Model& model) {
  const std::int64_t room = planner.weight_room
                                ? planner.weight_room(model)
                                : gpu_memory(options, cuda::require_device().free_bytes);
  return room - std::max<std::int64_t>(room, 0) / kShareLeft;
}

void check_host_memory(const ExpertPlacement& placement) {
  const std::int64_t available = base::available_memory_bytes();
  base::check(placement.host_bytes <= available, ErrorCode::kOutOfMemory, [&] {
    return fmt::format(
        "device_map: the routed experts of {} of {} layers need {} of the memory of the host, {} "
        "are available",
        placement.layers_on_host(), placement.on_host.size(),
        base::format_bytes(placement.host_bytes), base::format_bytes(available));
  });
}

std::string speed_of(const ExpertPlacement& placement, const Model& model) {
  cuda::Runtime runtime;
  PlacementSpeed speed;
  speed.host_bytes =
      placement.host_bytes * model.config.num_experts_per_tok / model.config.num_local_experts;
  speed.device_bytes = model.size.active_weight_bytes - speed.host_bytes;
  speed.link_bytes_per_s = cuda::measure_upload(runtime);
  speed.read_bytes_per_s = cuda::measure_read(runtime);
  return describe(placement, speed);
}

}  // namespace

std::int64_t gpu_memory(const LoadOptions& options, std::int64_t free_bytes) {
  return options.gpu_memory_bytes > 0 ? std::min(options.gpu_memory_bytes, free_bytes) : free_bytes;
}

void place_weights(const LoadOptions& options, const MemoryPlanner& planner,
                   std::vector<LoadItem>& items, Model& model) {
  check_device(options);
  if (!options.device_map) {
    return;
  }
  const std::vector<std::int64_t> layer_bytes = expert_bytes(items, model.config.num_hidden_layers);
  ExpertPlacement placement =
      options.device_map->is_auto
          ? place_experts_automatically(layer_bytes, model.size.weight_bytes,
                                        room_for_weights(options, planner, model))
          : place_experts(*options.device_map, items, layer_bytes);
  check_host_memory(placement);
  for (LoadItem& item : items) {
    const bool is_expert = item.parameter->is_routed_expert;
    const std::int64_t layer = is_expert ? layer_of(item.parameter->published().name) : -1;
    item.on_host = is_expert && placement.on_host[static_cast<std::size_t>(layer)];
  }
  model.size.host_weight_bytes = placement.host_bytes;
  model.size.staged_weight_bytes = placement.staging_bytes;
  model.warnings.insert(model.warnings.end(), placement.warnings.begin(), placement.warnings.end());
  if (placement.layers_on_host() > 0) {
    model.warnings.push_back(speed_of(placement, model));
  }
  model.placement = std::move(placement);
}

}  // namespace minimax::model
