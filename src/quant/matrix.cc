// SPDX-License-Identifier: Apache-2.0
#include "quant/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/check.h"
#include "quant/decode.h"
#include "quant/device_tiles.h"
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

DeviceLayout tiles_of(Format format, std::int64_t rows, std::int64_t elements) {
  base::check(has_tiles(format), ErrorCode::kInvalidArgument,
              [&] { return fmt::format("{}: there are no tiles of it", info(format).name); });
  return {.format = *device_format(format), .rows = rows, .columns = elements};
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
  const std::int64_t rows = rows_of(shape);
  const std::int64_t elements = row_elements(shape);
  switch (layout) {
    case Layout::kRows:
      break;
    case Layout::kPanels:
      return panels_bytes(format, rows, elements);
    case Layout::kTiles:
      return tiles_of(format, rows, elements).bytes();
  }
  return rows * quant::row_bytes(format, elements);
}

namespace {

// Elements [begin, begin + out.size()) of a row, both multiples of a block and, in panels, of 32.
void decode_part(const Matrix& matrix, std::int64_t row, std::int64_t begin, std::span<float> out) {
  const Format format = matrix.format();
  if (matrix.layout() == Layout::kRows) {
    const std::byte* block =
        matrix.bytes_begin() + row * matrix.row_bytes() + quant::row_bytes(format, begin);
    const auto bytes = static_cast<std::size_t>(quant::row_bytes(format, std::ssize(out)));
    return decode_row(format, {block, bytes}, out);
  }
  if (matrix.layout() == Layout::kTiles) {
    const DeviceLayout tiles = tiles_of(format, matrix.shape()[0], matrix.shape()[1]);
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = decode_device_element(tiles, matrix.bytes_begin(), row,
                                     begin + static_cast<std::int64_t>(i));
    }
    return;
  }
  const std::byte* unit = matrix.bytes_begin() +
                          row / kPanelRows * panel_bytes(format, row_elements(matrix.shape())) +
                          panel_bytes(format, begin);
  const auto bytes = static_cast<std::size_t>(panel_bytes(format, std::ssize(out)));
  decode_panel_row(format, {unit, bytes}, static_cast<int>(row % kPanelRows), out);
}

}  // namespace

void decode_row(const Matrix& matrix, std::int64_t row, std::span<float> out) {
  const std::int64_t expected = row_elements(matrix.shape());
  base::check(std::ssize(out) == expected, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("a row of {} elements: found room for {}", expected, out.size());
  });
  decode_part(matrix, row, 0, out);
}

bool is_zero_row(const Matrix& matrix, std::int64_t row) {
  std::array<float, 256> values;
  const std::int64_t width = row_elements(matrix.shape());
  const std::int64_t block = info(matrix.format()).block_elements;
  const std::int64_t step = std::max<std::int64_t>(block, 32);
  for (std::int64_t begin = 0; begin < width; begin += step) {
    const std::span<float> part =
        std::span(values).first(static_cast<std::size_t>(std::min(step, width - begin)));
    decode_part(matrix, row, begin, part);
    if (std::ranges::any_of(part, [](float value) { return value != 0.0F; })) {
      return false;
    }
  }
  return true;
}

}  // namespace minimax::quant
