// SPDX-License-Identifier: Apache-2.0
#include "model/device_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

namespace minimax {

DeviceMap DeviceMap::from_file(const std::filesystem::path& path) {
  const base::Json json = base::read_json_file(path);
  const base::JsonView view(json, base::printable(path.string()));
  DeviceMap map;
  for (const auto& [name, value] : view.as_object()) {
    map.modules[name] =
        value.is_integer() ? std::to_string(value.integer()) : view.require(name).as_string();
  }
  return map;
}

namespace model {
namespace {

enum class Place { kGpu, kHost };

Place place_of(const std::string& module, const std::string& place) {
  if (place == "cpu") {
    return Place::kHost;
  }
  base::check(place != "disk", ErrorCode::kUnsupported, [&] {
    return fmt::format(
        "device_map: \"{}\": weights on \"disk\" are not read by a GPU, expected 0 or \"cpu\"",
        base::printable(module));
  });
  base::check(
      place == "0" || place == "cuda" || place == "cuda:0", ErrorCode::kInvalidArgument, [&] {
        return fmt::format("device_map: \"{}\": expected 0, \"cuda:0\" or \"cpu\", found \"{}\"",
                           base::printable(module), base::printable(place));
      });
  return Place::kGpu;
}

bool is_part_of(std::string_view name, std::string_view module) {
  return module.empty() || name == module ||
         (name.starts_with(module) && name[module.size()] == '.');
}

// Under any of the names that the parameter has in checkpoints.
bool has_part(const std::string& module, const Parameter& parameter) {
  return std::ranges::any_of(parameter.sources, [&](const ParameterSource& source) {
    return is_part_of(source.name, module);
  });
}

/// The modules of a map, and what each was found to hold.
class Modules {
 public:
  explicit Modules(const DeviceMap& map) {
    for (const auto& [name, place] : map.modules) {
      rows_.push_back({&name, place_of(name, place)});
    }
  }

  Place find(const Parameter& parameter) {
    const Row* found = nullptr;
    for (Row& row : rows_) {
      if (!has_part(*row.name, parameter)) {
        continue;
      }
      base::check(found == nullptr, ErrorCode::kInvalidArgument, [&] {
        return fmt::format("device_map: \"{}\" and \"{}\" overlap: both hold {}",
                           base::printable(*found->name), base::printable(*row.name),
                           base::printable(parameter.published().name));
      });
      found = &row;
      row.is_used = true;
    }
    return found == nullptr ? Place::kGpu : found->place;
  }

  void check_all_used() const {
    for (const Row& row : rows_) {
      base::check(row.is_used, ErrorCode::kInvalidArgument, [&] {
        return fmt::format("device_map: expected modules of the model, found \"{}\"",
                           base::printable(*row.name));
      });
    }
  }

 private:
  struct Row {
    const std::string* name;
    Place place;
    bool is_used = false;
  };
  std::vector<Row> rows_;
};

void add_up(std::span<const std::int64_t> layer_bytes, ExpertPlacement& placement) {
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < layer_bytes.size(); ++i) {
    if (placement.on_host[i]) {
      placement.host_bytes += layer_bytes[i];
      largest = std::max(largest, layer_bytes[i]);
    }
  }
  placement.staging_bytes = std::min(kExpertBuffers, placement.layers_on_host()) * largest;
}

// `count` of the layers.
ExpertPlacement spread(std::span<const std::int64_t> layer_bytes, std::int64_t count) {
  const std::int64_t layers = std::ssize(layer_bytes);
  ExpertPlacement placement;
  for (std::int64_t i = 0; i < layers; ++i) {
    placement.on_host.push_back((i + 1) * count / layers > i * count / layers);
  }
  add_up(layer_bytes, placement);
  return placement;
}

}  // namespace

std::int64_t ExpertPlacement::layers_on_host() const { return std::ranges::count(on_host, true); }

std::int64_t layer_of(const std::string& name) {
  constexpr std::string_view kLayers = "layers.";
  const std::size_t at = name.find(kLayers);
  std::int64_t layer = -1;
  if (at != std::string::npos) {
    const char* begin = name.data() + at + kLayers.size();
    std::from_chars(begin, name.data() + name.size(), layer);
  }
  return layer;
}

std::vector<std::int64_t> expert_bytes(const std::vector<LoadItem>& items, std::int64_t layers) {
  std::vector<std::int64_t> bytes(static_cast<std::size_t>(layers));
  for (const LoadItem& item : items) {
    if (item.parameter->is_routed_expert) {
      bytes[static_cast<std::size_t>(layer_of(item.parameter->published().name))] +=
          bytes_in_memory(item);
    }
  }
  return bytes;
}

ExpertPlacement place_experts(const DeviceMap& map, const std::vector<LoadItem>& items,
                              std::span<const std::int64_t> layer_bytes) {
  Modules modules(map);
  std::vector<std::int64_t> host_parts(layer_bytes.size());
  std::vector<std::int64_t> gpu_parts(layer_bytes.size());
  std::vector<std::string> others;
  for (const LoadItem& item : items) {
    const Place place = modules.find(*item.parameter);
    const std::string& name = item.parameter->published().name;
    if (item.parameter->is_routed_expert) {
      const auto layer = static_cast<std::size_t>(layer_of(name));
      ++(place == Place::kHost ? host_parts : gpu_parts)[layer];
    } else if (place == Place::kHost) {
      others.push_back(name);
    }
  }
  modules.check_all_used();
  ExpertPlacement placement;
  for (std::size_t i = 0; i < layer_bytes.size(); ++i) {
    base::check(host_parts[i] == 0 || gpu_parts[i] == 0, ErrorCode::kUnsupported, [&] {
      return fmt::format("device_map: expected all routed experts of layer {} in one place", i);
    });
    placement.on_host.push_back(host_parts[i] > 0);
  }
  add_up(layer_bytes, placement);
  if (!others.empty()) {
    placement.warnings.push_back(
        fmt::format("device_map: only routed experts can lie on the host: {} other tensors, the "
                    "first {}, stay on the GPU",
                    others.size(), base::printable(others.front())));
  }
  return placement;
}

ExpertPlacement place_experts_automatically(std::span<const std::int64_t> layer_bytes,
                                            std::int64_t weight_bytes, std::int64_t room) {
  const std::int64_t layers = std::ssize(layer_bytes);
  for (std::int64_t count = 0; count < layers; ++count) {
    ExpertPlacement placement = spread(layer_bytes, count);
    if (weight_bytes - placement.host_bytes + placement.staging_bytes <= room) {
      return placement;
    }
  }
  return spread(layer_bytes, layers);
}

double PlacementSpeed::tokens_per_second() const {
  return 1.0 / (static_cast<double>(host_bytes) / link_bytes_per_s +
                static_cast<double>(device_bytes) / read_bytes_per_s);
}

std::string describe(const ExpertPlacement& placement, const PlacementSpeed& speed) {
  return fmt::format(
      "device_map: the routed experts of {} of {} layers, {}, lie in the memory of the host; a "
      "token reads {} of them at {:.1f} GB/s and {} on the GPU at {:.0f} GB/s: about {:.1f} "
      "tokens/s are expected",
      placement.layers_on_host(), placement.on_host.size(),
      base::format_bytes(placement.host_bytes), base::format_bytes(speed.host_bytes),
      speed.link_bytes_per_s * 1e-9, base::format_bytes(speed.device_bytes),
      speed.read_bytes_per_s * 1e-9, speed.tokens_per_second());
}

}  // namespace model
}  // namespace minimax
