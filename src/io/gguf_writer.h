// SPDX-License-Identifier: Apache-2.0
// Writes one GGUF file of any size piece by piece. What keys and names mean is not known here.
#pragma once

#include <cstdint>
#include <filesystem>
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

/// Version 3, with the usual alignment. append() takes the bytes of tensors, row-major.
class GgufWriter : public RegionFile {
 public:
  using Keys = std::vector<std::pair<std::string, GgufValue>>;

  /// `keys` in the order of the file.
  /// Throws: as RegionFile; Error{kInvalidArgument} for what the reader would refuse.
  GgufWriter(const std::filesystem::path& path, const std::vector<GgufTensorPlan>& tensors,
             const Keys& keys);
};

}  // namespace minimax::io
