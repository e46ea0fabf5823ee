// SPDX-License-Identifier: Apache-2.0
#include "model/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "base/check.h"
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
      default:
        return quant::encode_row(wanted_, values_, {}, out);
    }
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
    const std::int64_t bytes = quant::panels_bytes(out.format(), end - row, width);
    quant::pack_panels({.format = out.format(),
                        .data = piece.data(),
                        .stride = row_bytes,
                        .rows = end - row,
                        .elements = width},
                       bytes_at(to, bytes));
    to += bytes;
  }
}

}  // namespace

Format stored_format(const io::TensorEntry& entry) {
  const std::optional<Format> format = entry.format ? entry.format : quant::format_of(entry.dtype);
  base::check(format.has_value(), ErrorCode::kUnsupported, [&] {
    return fmt::format("{}: expected F32, F16 or BF16, found {}", entry.name,
                       tensor::dtype_name(entry.dtype));
  });
  return *format;
}

void read_parameter(const io::CheckpointReader& reader, const io::TensorEntry& entry,
                    std::int64_t first_element, const Matrix& out) {
  if (out.bytes() == 0) {
    return;
  }
  const std::int64_t first_row = first_element / out.shape()[-1];
  if (out.layout() == quant::Layout::kPanels) {
    read_panels(reader, entry, first_row, out);
  } else {
    read_rows(reader, entry, first_row, out);
  }
}

}  // namespace minimax::model
