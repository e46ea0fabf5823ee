// SPDX-License-Identifier: Apache-2.0
// Writes one GGUF file of any size piece by piece. What keys and names mean is not known here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/gguf_metadata.h"
#include "io/region_file.h"
#include "quant/format.h"
#include "tensor/shape.h"

namespace minimax::io {

/// A tensor that is going to be written. Requires: a format that GGUF has a number for, and rows
/// that divide into its blocks.
struct GgufTensorPlan {
  std::string name = {};
  quant::Format format = quant::Format::kF32;
  tensor::Shape shape;  // outermost first
};

/// The bytes that the data of a tensor takes.
/// Throws: Error{kInvalidArgument} for rows that do not divide into blocks.
std::int64_t gguf_tensor_bytes(const GgufTensorPlan& plan);

/// Version 3, with the usual alignment. All tensors are announced first; their data may then come
/// in pieces, each tensor's in order, several tensors in turn. The file appears under its name as
/// a whole, as RegionFile has it.
class GgufWriter {
 public:
  using Keys = std::vector<std::pair<std::string, GgufValue>>;

  /// `keys` in the order of the file.
  /// Throws: Error{kInvalidArgument} for what the reader would refuse or a `path` that is no
  /// regular file; Error{kIo}, also where the disk has no room for all data.
  GgufWriter(std::filesystem::path path, const std::vector<GgufTensorPlan>& tensors,
             const Keys& keys);

  /// Where the bytes go until commit(), for programs that end without running destructors.
  const std::filesystem::path& temporary_path() const { return file_->temporary_path(); }

  /// The next bytes of tensors[index], row-major.
  /// Throws: Error{kInvalidArgument} beyond the end of the tensor, Error{kIo}.
  void append(std::size_t index, std::span<const std::byte> bytes) { file_->append(index, bytes); }

  /// Throws: Error{kInvalidArgument} where a tensor is incomplete, Error{kIo}.
  void commit() { file_->commit(); }

 private:
  std::optional<RegionFile> file_;  // set by the constructor
};

}  // namespace minimax::io
