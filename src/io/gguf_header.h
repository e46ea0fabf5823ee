// SPDX-License-Identifier: Apache-2.0
// The header of one GGUF file: metadata and the list of tensors, checked against the size of the
// file. docs/formats/gguf.md has the byte table and every rule.
#pragma once

#include <cstdint>
#include <vector>

#include "io/byte_cursor.h"
#include "io/checkpoint.h"
#include "io/gguf_metadata.h"

namespace minimax::io {

inline constexpr std::int64_t kMaxGgufHeaderBytes = 100'000'000;
inline constexpr std::int64_t kMaxGgufTensors = 262'144;
inline constexpr std::int64_t kMaxGgufKeys = 16'384;
inline constexpr std::int64_t kMaxGgufKeyBytes = 1024;
inline constexpr std::int64_t kMaxGgufAlignment = 65'536;

struct GgufHeader {
  GgufMetadata metadata;
  std::vector<TensorEntry> tensors;  // sorted by name; `file` is 0
};

/// Reads from the start of `cursor` and checks that the tensors follow each other to the end of
/// the file.
/// Requires: the cursor was made with kMaxGgufHeaderBytes.
/// Memory: at most four times the file and 8 MiB.
/// Throws: Error{kCorruptFile}; Error{kUnsupported} for versions, byte orders, arrays of arrays and
/// tensor types that exist but are not read.
GgufHeader parse_gguf_header(ByteCursor& cursor);

}  // namespace minimax::io
