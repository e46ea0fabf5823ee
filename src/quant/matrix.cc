// SPDX-License-Identifier: Apache-2.0
#include "quant/matrix.h"

#include <fmt/format.h>

#include <string>

#include "base/check.h"
#include "quant/decode.h"
#include "quant/panels.h"

namespace minimax::quant {
namespace {

using tensor::DType;
using tensor::Shape;

std::int64_t row_elements(const Shape& shape) { return shape.rank() == 0 ? 1 : shape[-1]; }

std::int64_t rows_of(const Shape& shape) {
  const std::int64_t elements = row_elements(shape);
  return elements == 0 ? 0 : shape.elements() / elements;
}

Format plain_format(DType dtype) {
  const std::optional<Format> format = format_of(dtype);
  base::check(format.has_value(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("matrix: expected F32, F16 or BF16, found {}", tensor::dtype_name(dtype));
  });
  return *format;
}

}  // namespace

std::optional<Format> format_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return Format::kF32;
    case DType::kF16:
      return Format::kF16;
    case DType::kBF16:
      return Format::kBF16;
    default:
      return std::nullopt;
  }
}

std::optional<DType> dtype_of(Format format) {
  switch (format) {
    case Format::kF32:
      return DType::kF32;
    case Format::kF16:
      return DType::kF16;
    case Format::kBF16:
      return DType::kBF16;
    default:
      return std::nullopt;
  }
}

Matrix::Matrix(void* data, Format format, const Shape& shape, Layout layout)
    : data_(data),
      format_(format),
      layout_(layout),
      shape_(shape),
      row_bytes_(quant::row_bytes(format, row_elements(shape))),
      bytes_(bytes_of(format, shape, layout)) {}

Matrix::Matrix(const tensor::Tensor& plain)
    : Matrix(plain.bytes_begin(), plain_format(plain.dtype()), plain.shape()) {}

tensor::Tensor Matrix::tensor() const {
  const std::optional<DType> dtype = dtype_of(format_);
  base::check(dtype.has_value(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("matrix: expected f32, f16 or bf16, found {}", info(format_).name);
  });
  return {data_, *dtype, shape_};
}

std::int64_t Matrix::bytes_of(Format format, const Shape& shape, Layout layout) {
  return layout == Layout::kPanels ? panels_bytes(format, rows_of(shape), row_elements(shape))
                                   : rows_of(shape) * quant::row_bytes(format, row_elements(shape));
}

void decode_row(const Matrix& matrix, std::int64_t row, std::span<float> out) {
  if (matrix.layout() == Layout::kRows) {
    const auto bytes = static_cast<std::size_t>(matrix.row_bytes());
    return decode_row(matrix.format(), {matrix.bytes_begin() + row * matrix.row_bytes(), bytes},
                      out);
  }
  const std::int64_t bytes = panel_bytes(matrix.format(), row_elements(matrix.shape()));
  const std::byte* panel = matrix.bytes_begin() + row / kPanelRows * bytes;
  decode_panel_row(matrix.format(), {panel, static_cast<std::size_t>(bytes)},
                   static_cast<int>(row % kPanelRows), out);
}

}  // namespace minimax::quant
