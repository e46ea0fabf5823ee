// SPDX-License-Identifier: Apache-2.0
// The header of one safetensors file: checks and parsing on bytes in memory, no file access.
// docs/formats/safetensors.md has the byte table and every rule.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/checkpoint.h"

namespace minimax::io {

inline constexpr std::int64_t kHeaderLengthBytes = 8;
inline constexpr std::int64_t kMaxHeaderBytes = 100'000'000;
inline constexpr std::int64_t kMaxTensors = 1'000'000;
inline constexpr std::int64_t kMaxNameBytes = 1024;
inline constexpr std::int64_t kMaxMetadataEntries = 16'384;
inline constexpr std::int64_t kMaxMetadataBytes = 4 << 20;  // of all keys and values

/// Bytes from the start of a file that suffice for check_header_length.
inline constexpr std::int64_t kFileStartBytes = 512;

struct SafetensorsHeader {
  Metadata metadata;
  std::vector<TensorEntry> tensors;  // sorted by name; `file` is 0
};

/// The length in bytes of the JSON that follows the first 8 bytes.
/// `start` holds the first min(file_bytes, kFileStartBytes) bytes of the file.
/// Throws: Error{kCorruptFile} "not a safetensors file" with a guess at what it is instead.
std::int64_t check_header_length(std::string_view start, std::int64_t file_bytes,
                                 const std::string& source);

/// Parses the JSON of a header and checks that the tensors cover the rest of a file of
/// `file_bytes` exactly: no overlap, no hole, nothing behind.
/// `json` is overwritten. Memory: at most three times its size and 8 MiB.
/// Throws: Error{kCorruptFile}, or Error{kUnsupported} for an element type that is known but not
/// supported.
SafetensorsHeader parse_safetensors_header(std::span<char> json, std::int64_t file_bytes,
                                           const std::string& source);

/// Throws Error{kCorruptFile} where `name` is longer than kMaxNameBytes, holds control characters
/// or a path component "..", which no model needs and messages and tools may trip over.
void check_tensor_name(std::string_view name, const std::string& source);

}  // namespace minimax::io
