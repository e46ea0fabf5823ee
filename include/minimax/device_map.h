// SPDX-License-Identifier: Apache-2.0
// Where the modules of a model lie while it runs on a GPU.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace minimax {

/// As device_map of transformers. On "cpu" routed experts lie in pinned memory of the host, which
/// the GPU reads; everything else stays on the GPU whatever the map says, and a warning tells so.
struct DeviceMap {
  /// Moves the routed experts of as many layers to the host as the memory of the GPU asks for.
  bool is_auto = false;
  /// Names of modules ("model.layers.3", "lm_head", "" for all) with "cuda", "cuda:0", "0" or
  /// "cpu". What is not named lies on the GPU. All experts of a layer lie in one place.
  std::map<std::string, std::string> modules = {};

  /// Reads a file with an object of JSON, in which 0 may also be a number.
  /// Throws: Error{kIo}; Error{kCorruptFile} naming file and member.
  static DeviceMap from_file(const std::filesystem::path& path);
};

}  // namespace minimax
