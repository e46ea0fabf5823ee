// SPDX-License-Identifier: Apache-2.0
// Finds and validates the safetensors files of a model. It reads headers only; CheckpointReader
// reads the data.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "io/checkpoint.h"

namespace minimax::io {

inline constexpr const char* kSafetensorsFile = "model.safetensors";
inline constexpr const char* kSafetensorsIndexFile = "model.safetensors.index.json";

/// What becomes of weights that are kept in several tensors (io/joined_tensor.h).
enum class Parts { kJoined, kAsStored };

/// Validates the checkpoint in a folder: `model.safetensors`, or the shards named by
/// `model.safetensors.index.json`. A path to a single .safetensors file is read as such.
/// Shards may be symlinks only into the folder itself or into the blobs of the Hugging Face
/// cache.
/// Throws: Error{kCorruptFile} naming the file, and for missing shards all of them at once;
/// Error{kUnsupported} for element types without support; Error{kIo}.
Checkpoint read_safetensors(const std::filesystem::path& model, Parts parts = Parts::kJoined);

/// Validates one file in memory, as read_safetensors does one on disk; `source` names it in
/// messages and in the result.
Checkpoint parse_safetensors(std::string_view file, const std::string& source);

}  // namespace minimax::io
