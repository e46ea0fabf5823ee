// SPDX-License-Identifier: Apache-2.0
#include "tensor/tensor.h"

#include <fmt/format.h>

#include <vector>

#include "base/check.h"

namespace minimax::tensor {

Tensor Tensor::reshaped(const Shape& shape) const {
  base::check(shape.elements() == elements(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("reshape: expected {} elements as in {}, found {}", elements(),
                       shape_.to_string(), shape.to_string());
  });
  return Tensor(data_, dtype_, shape);
}

Tensor Tensor::rows(std::int64_t begin, std::int64_t end) const {
  base::check(shape_.rank() > 0 && 0 <= begin && begin <= end && end <= shape_[0],
              ErrorCode::kInvalidArgument, [&] {
                return fmt::format("rows [{}, {}): outside of {}", begin, end, shape_.to_string());
              });
  std::vector<std::int64_t> extents = {end - begin};
  for (int axis = 1; axis < shape_.rank(); ++axis) {
    extents.push_back(shape_[axis]);
  }
  const std::int64_t row_bytes = shape_[0] == 0 ? 0 : bytes() / shape_[0];
  return Tensor(bytes_begin() + begin * row_bytes, dtype_, Shape(extents));
}

void Tensor::require_dtype(DType dtype) const {
  base::check(dtype == dtype_, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("tensor: expected {}, found {}", dtype_name(dtype), dtype_name(dtype_));
  });
}

}  // namespace minimax::tensor
