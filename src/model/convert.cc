// SPDX-License-Identifier: Apache-2.0
#include "model/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "quant/bitsandbytes.h"
#include "quant/decode.h"
#include "quant/encode.h"
#include "quant/panels.h"

namespace minimax::model {
namespace {

using quant::Format;
using quant::Matrix;
using tensor::BFloat16;

// Large enough to amortise a system call, small enough to stay in a core's cache.
constexpr std::int64_t kPieceBytes = 256 << 10;

std::span<std::byte> bytes_at(std::byte* begin, std::int64_t count) {
  return {begin, static_cast<std::size_t>(count)};
}

/// Reads rows of one entry and gives them in another format.
class RowConverter {
 public:
  RowConverter(const io::CheckpointReader& reader, const io::TensorEntry& entry, const Matrix& out)
      : reader_(reader),
        entry_(entry),
        stored_(stored_format(entry)),
        wanted_(out.format()),
        width_(out.shape()[-1]),
        stored_row_bytes_(quant::row_bytes(stored_, width_)),
        wanted_row_bytes_(quant::row_bytes(wanted_, width_)) {}

  /// Writes rows [begin, end) of the entry.
  void read(std::int64_t begin, std::int64_t end, std::byte* out) {
    const std::int64_t bytes = (end - begin) * stored_row_bytes_;
    if (stored_ == wanted_) {
      return reader_.read(entry_, begin * stored_row_bytes_, bytes_at(out, bytes));
    }
    stored_bytes_.resize(static_cast<std::size_t>(bytes));
    reader_.read(entry_, begin * stored_row_bytes_, stored_bytes_);
    values_.resize(static_cast<std::size_t>(width_));
    for (std::int64_t row = 0; row < end - begin; ++row) {
      quant::decode_row(stored_,
                        bytes_at(stored_bytes_.data() + row * stored_row_bytes_, stored_row_bytes_),
                        values_);
      encode(bytes_at(out + row * wanted_row_bytes_, wanted_row_bytes_));
    }
  }

 private:
  void encode(std::span<std::byte> out) const {
    switch (wanted_) {
      case Format::kF32:
        std::memcpy(out.data(), values_.data(), out.size());
        return;
      case Format::kBF16:  // as hardware rounds: large numbers may become infinite
        std::transform(values_.begin(), values_.end(), reinterpret_cast<BFloat16*>(out.data()),
                       [](float value) { return tensor::to_bfloat16(value); });
        return;
      case Format::kInt8F32:
        return encode_int8(out);
      default:
        return quant::encode_row(wanted_, values_, {}, out);
    }
  }

  // As bitsandbytes: one scale for the row.
  void encode_int8(std::span<std::byte> out) const {
    std::vector<std::int8_t> codes(values_.size());
    const float scale = quant::encode_int8_row(values_, codes);
    quant::join_int8(codes, {&scale, 1}, width_, out);
  }

  const io::CheckpointReader& reader_;
  const io::TensorEntry& entry_;
  Format stored_;
  Format wanted_;
  std::int64_t width_;
  std::int64_t stored_row_bytes_;
  std::int64_t wanted_row_bytes_;
  std::vector<std::byte> stored_bytes_;
  std::vector<float> values_;
};

void read_rows(const io::CheckpointReader& reader, const io::TensorEntry& entry,
               std::int64_t first_row, const Matrix& out) {
  RowConverter rows(reader, entry, out);
  const std::int64_t count = out.bytes() / out.row_bytes();
  const std::int64_t step = std::max<std::int64_t>(1, kPieceBytes / out.row_bytes());
  for (std::int64_t row = 0; row < count; row += step) {
    const std::int64_t end = std::min(row + step, count);
    rows.read(first_row + row, first_row + end, out.bytes_begin() + row * out.row_bytes());
  }
}

void pack(const Matrix& rows, std::byte* out) {
  const std::int64_t width = rows.shape()[1];
  quant::pack_panels({.format = rows.format(),
                      .data = rows.bytes_begin(),
                      .stride = rows.row_bytes(),
                      .rows = rows.shape()[0],
                      .elements = width},
                     bytes_at(out, quant::panels_bytes(rows.format(), rows.shape()[0], width)));
}

// Rows go to their panels while they are in the cache.
void read_panels(const io::CheckpointReader& reader, const io::TensorEntry& entry,
                 std::int64_t first_row, const Matrix& out) {
  RowConverter rows(reader, entry, out);
  const std::int64_t count = out.shape()[0];
  const std::int64_t width = out.shape()[1];
  const std::int64_t row_bytes = quant::row_bytes(out.format(), width);
  const std::int64_t panels =
      std::max<std::int64_t>(1, kPieceBytes / (quant::kPanelRows * row_bytes));
  const std::int64_t step = panels * quant::kPanelRows;
  std::vector<std::byte> piece(static_cast<std::size_t>(step * row_bytes));
  std::byte* to = out.bytes_begin();
  for (std::int64_t row = 0; row < count; row += step) {
    const std::int64_t end = std::min(row + step, count);
    rows.read(first_row + row, first_row + end, piece.data());
    pack({piece.data(), out.format(), {end - row, width}}, to);
    to += quant::panels_bytes(out.format(), end - row, width);
  }
}

// Scales are quantized over the rows of a whole matrix.
void read_nested(const io::CheckpointReader& reader, const io::TensorEntry& entry,
                 std::int64_t first_row, const Matrix& out) {
  std::vector<std::byte> blocks(
      static_cast<std::size_t>(Matrix::bytes_of(out.format(), out.shape())));
  const Matrix rows(blocks.data(), out.format(), out.shape());
  read_rows(reader, entry, first_row, rows);
  quant::round_scales(out.format(), blocks);
  if (out.layout() == quant::Layout::kPanels) {
    pack(rows, out.bytes_begin());
  } else {
    std::copy(blocks.begin(), blocks.end(), out.bytes_begin());
  }
}

}  // namespace

Format stored_format(const io::TensorEntry& entry, std::string_view file) {
  const std::optional<Format> format = entry.format ? entry.format : quant::format_of(entry.dtype);
  base::check(format.has_value(), ErrorCode::kUnsupported, [&] {
    return fmt::format("{}: expected F32, F16, BF16 or blocks, found {}{}{}",
                       base::printable(entry.name), tensor::dtype_name(entry.dtype),
                       file.empty() ? "" : " in ", base::printable(file));
  });
  return *format;
}

void read_parameter(const io::CheckpointReader& reader, const StoredPart& from, const Matrix& out) {
  if (out.bytes() == 0) {
    return;
  }
  const std::int64_t first_row = from.first_element / out.shape()[-1];
  if (from.nests_scales) {
    read_nested(reader, *from.entry, first_row, out);
  } else if (out.layout() == quant::Layout::kPanels) {
    read_panels(reader, *from.entry, first_row, out);
  } else {
    read_rows(reader, *from.entry, first_row, out);
  }
}

}  // namespace minimax::model
