// SPDX-License-Identifier: Apache-2.0
// A view of weights in any format of the table that somebody else owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "quant/format.h"
#include "tensor/shape.h"
#include "tensor/tensor.h"

namespace minimax::quant {

/// The plain format of elements of that type, if there is one.
std::optional<Format> format_of(tensor::DType dtype);

/// The type of the elements of a plain format: those of every other format have none.
std::optional<tensor::DType> dtype_of(Format format);

/// How a matrix lies in memory.
enum class Layout : std::uint8_t {
  kRows,    // row after row of blocks, as files hold them
  kPanels,  // sixteen rows interleaved, as kernels of the CPU multiply them (panels.h)
  kTiles,   // the operands of tensor cores one after the other, for the GPU (device_tiles.h)
};

/// A copyable view; const-ness is that of the owner, as with tensor::Tensor. A row lies along the
/// last axis of the shape and is cut into the blocks of the format.
class Matrix {
 public:
  Matrix() = default;
  /// Throws: Error{kInvalidArgument} for shapes whose rows do not divide into blocks, and for
  /// panels or tiles of a format that has none.
  Matrix(void* data, Format format, const tensor::Shape& shape, Layout layout = Layout::kRows);
  /// Of F32, F16 or BF16: every plain tensor is a matrix.
  /// Throws: Error{kInvalidArgument} for other types.
  Matrix(const tensor::Tensor& plain);  // NOLINT(google-explicit-constructor)

  bool empty() const { return data_ == nullptr; }
  Format format() const { return format_; }
  Layout layout() const { return layout_; }
  const tensor::Shape& shape() const { return shape_; }
  /// Of a row of blocks; panels and tiles have no bytes of a single row.
  std::int64_t row_bytes() const { return row_bytes_; }
  std::int64_t bytes() const { return bytes_; }
  std::byte* bytes_begin() const { return static_cast<std::byte*>(data_); }

  bool is_plain() const { return dtype_of(format_).has_value(); }
  /// The same elements. Throws: Error{kInvalidArgument} unless is_plain().
  tensor::Tensor tensor() const;

  /// The same format and shape with other memory, or with none.
  Matrix at(void* data) const {
    Matrix other = *this;
    other.data_ = data;
    return other;
  }

  /// The bytes that a matrix takes. Throws: as the constructor.
  static std::int64_t bytes_of(Format format, const tensor::Shape& shape,
                               Layout layout = Layout::kRows);

 private:
  void* data_ = nullptr;
  Format format_ = Format::kF32;
  Layout layout_ = Layout::kRows;
  tensor::Shape shape_;
  std::int64_t row_bytes_ = 0;
  std::int64_t bytes_ = 0;
};

/// Decodes a row, whatever the format and the layout.
/// Throws: Error{kInvalidArgument} where `out` is not as long as a row.
void decode_row(const Matrix& matrix, std::int64_t row, std::span<float> out);

/// Whether all elements of a row are 0. Mostly looks at its first block only.
bool is_zero_row(const Matrix& matrix, std::int64_t row);

}  // namespace minimax::quant
