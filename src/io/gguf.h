// SPDX-License-Identifier: Apache-2.0
// Finds and validates the files of a model in the GGUF format. It reads headers only;
// CheckpointReader reads the data, block formats as they are stored.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "io/checkpoint.h"
#include "io/gguf_metadata.h"

namespace minimax::io {

struct GgufModel {
  Checkpoint checkpoint;  // its own metadata stays empty
  GgufMetadata metadata;  // of the first file
};

/// Validates a .gguf file and, where it is one part of a split model (NAME-00001-of-00003.gguf),
/// all parts; any of them may be given. Parts may be symlinks as shards of safetensors may.
/// Throws: Error{kCorruptFile} naming the file, and for missing parts all of them at once;
/// Error{kUnsupported} for versions and tensor types that are not read; Error{kIo}.
GgufModel read_gguf(const std::filesystem::path& path);

/// Validates one file in memory, as read_gguf does one on disk; `source` names it in messages and
/// in the result. One part of a split model gives the tensors of this part.
GgufModel parse_gguf(std::string_view file, const std::string& source);

}  // namespace minimax::io
