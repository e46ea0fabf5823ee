// SPDX-License-Identifier: Apache-2.0
// Writes one safetensors file of any size piece by piece.
#pragma once

#include <filesystem>
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

/// append() takes the bytes of tensors, little-endian and row-major.
class SafetensorsWriter : public RegionFile {
 public:
  /// Throws: as RegionFile; Error{kInvalidArgument} for names that the reader would refuse.
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorPlan>& tensors,
                    const Metadata& metadata = {});
};

}  // namespace minimax::io
