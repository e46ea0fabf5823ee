// SPDX-License-Identifier: Apache-2.0
// Writes one safetensors file of any size piece by piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/checkpoint.h"
#include "io/region_file.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace minimax::io {

/// A tensor that is going to be written.
struct TensorPlan {
  std::string name = {};
  tensor::DType dtype = tensor::DType::kF32;
  tensor::Shape shape;
};

/// All tensors are announced first; their data may then come in pieces, each tensor's in order,
/// several tensors in turn. The bytes go to a temporary file beside `path`, which commit() makes
/// durable and renames: `path` is the old file, or the whole new one.
/// Without commit(), the destructor removes the temporary file.
class SafetensorsWriter {
 public:
  /// Throws: Error{kInvalidArgument} for names that the reader would refuse or a `path` that is
  /// no regular file; Error{kIo}, also where the disk has no room for all data.
  SafetensorsWriter(std::filesystem::path path, const std::vector<TensorPlan>& tensors,
                    const Metadata& metadata = {});

  /// Where the bytes go until commit(), for programs that end without running destructors.
  const std::filesystem::path& temporary_path() const { return file_->temporary_path(); }

  /// The next bytes of tensors[index], little-endian and row-major.
  /// Throws: Error{kInvalidArgument} beyond the end of the tensor, Error{kIo}.
  void append(std::size_t index, std::span<const std::byte> bytes) { file_->append(index, bytes); }

  /// Throws: Error{kInvalidArgument} where a tensor is incomplete, Error{kIo}.
  void commit() { file_->commit(); }

 private:
  std::optional<RegionFile> file_;  // set by the constructor
};

}  // namespace minimax::io
