// SPDX-License-Identifier: Apache-2.0
// A view of contiguous, row-major elements that somebody else owns (a Buffer or an Arena).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tensor/dtype.h"
#include "tensor/float16.h"
#include "tensor/shape.h"

namespace minimax::tensor {

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> : std::integral_constant<DType, DType::kF32> {};
template <>
struct DTypeOf<double> : std::integral_constant<DType, DType::kF64> {};
template <>
struct DTypeOf<BFloat16> : std::integral_constant<DType, DType::kBF16> {};
template <>
struct DTypeOf<Float16> : std::integral_constant<DType, DType::kF16> {};
template <>
struct DTypeOf<std::int32_t> : std::integral_constant<DType, DType::kI32> {};
template <>
struct DTypeOf<std::int64_t> : std::integral_constant<DType, DType::kI64> {};

/// A copyable view; const-ness is that of the owner, as with a pointer.
class Tensor {
 public:
  Tensor() = default;
  Tensor(void* data, DType dtype, const Shape& shape) : data_(data), dtype_(dtype), shape_(shape) {}

  bool empty() const { return data_ == nullptr; }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::int64_t elements() const { return shape_.elements(); }
  std::int64_t bytes() const { return elements() * dtype_bytes(dtype_); }
  std::byte* bytes_begin() const { return static_cast<std::byte*>(data_); }

  /// The elements as T. Throws Error{kInvalidArgument} where T is not the tensor's type.
  template <class T>
  T* data() const {
    require_dtype(DTypeOf<std::remove_const_t<T>>::value);
    return static_cast<T*>(data_);
  }

  /// The same elements under another shape of equal size.
  Tensor reshaped(const Shape& shape) const;
  /// Rows [begin, end) of the outermost axis.
  Tensor rows(std::int64_t begin, std::int64_t end) const;

 private:
  void require_dtype(DType dtype) const;

  void* data_ = nullptr;
  DType dtype_ = DType::kF32;
  Shape shape_;
};

}  // namespace minimax::tensor
