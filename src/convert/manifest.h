// SPDX-License-Identifier: Apache-2.0
// manifest.json of a quantized checkpoint: what was written, with a checksum for every tensor and
// every other byte. While a checkpoint is being written it says how far that came.
// Layout: docs/formats/quantized_checkpoint.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/shape.h"

namespace minimax::convert {

inline constexpr const char* kManifestFile = "manifest.json";

struct ManifestTensor {
  std::string name;
  std::string file;
  std::string format;  // of the table of formats, or the name of an element type such as "BF16"
  tensor::Shape shape;
  std::int64_t bytes = 0;
  std::uint64_t xxh3 = 0;
};

struct ManifestFile {
  std::string name;
  std::int64_t bytes = 0;
  std::int64_t checked_bytes = 0;  // from the start: the header of a shard, all of other files
  std::uint64_t xxh3 = 0;          // of those
};

struct Manifest {
  std::uint64_t plan = 0;  // of the source and all choices; equal plans give equal files
  std::vector<ManifestFile> files;
  std::vector<ManifestTensor> tensors;

  bool has_file(const std::string& name) const;
};

/// Throws: Error{kCorruptFile} naming the field, Error{kUnsupported} for another version,
/// Error{kIo}.
Manifest read_manifest(const std::filesystem::path& path);

/// The same from its text; `source` names it in messages.
Manifest parse_manifest(std::string_view text, const std::string& source);

/// The text of a manifest, which parse_manifest() reads.
std::string write_manifest(const Manifest& manifest);

/// The old file or the whole new one, durably. Throws: Error{kIo}.
void write_manifest(const Manifest& manifest, const std::filesystem::path& path);

/// The entry of a file on disk of which everything, or its first `checked_bytes`, is hashed.
ManifestFile describe_file(const std::filesystem::path& path);
ManifestFile describe_file(const std::filesystem::path& path, std::int64_t checked_bytes);

}  // namespace minimax::convert
