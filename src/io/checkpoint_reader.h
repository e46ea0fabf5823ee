// SPDX-License-Identifier: Apache-2.0
// Copies the bytes of a checkpoint's tensors into memory of the caller. It does not convert
// between element types; the model's loader does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/checkpoint.h"
#include "io/input_file.h"

namespace minimax::io {

/// Keeps all files of one checkpoint open, so that files replaced meanwhile do not mix.
/// Thread safety: all const members may run concurrently.
class CheckpointReader {
 public:
  /// Requires: `checkpoint` outlives this object.
  /// Throws: Error{kIo} where a file cannot be opened or has another size than when it was
  /// validated.
  explicit CheckpointReader(const Checkpoint& checkpoint);

  /// Copies bytes [begin, begin + out.size()) of the tensor, little-endian and row-major.
  /// Requires: that range lies inside the tensor (Error{kInvalidArgument} otherwise).
  /// Throws: Error{kIo} where the system fails or the file was cut short.
  void read(const TensorEntry& entry, std::int64_t begin, std::span<std::byte> out) const;

  /// Copies the whole tensor. Requires: out.size() == entry.bytes.
  void read(const TensorEntry& entry, std::span<std::byte> out) const;

  /// Asks the system to start reading bytes [begin, begin + bytes) of the tensor; a hint that never
  /// fails.
  void prefetch(const TensorEntry& entry, std::int64_t begin, std::int64_t bytes) const noexcept;

 private:
  void read_bytes(const TensorEntry& entry, std::int64_t begin, std::span<std::byte> out) const;

  const Checkpoint& checkpoint_;
  std::vector<InputFile> files_;
};

}  // namespace minimax::io
