// SPDX-License-Identifier: Apache-2.0
#include "convert/row_encoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "convert/parallel_rows.h"
#include "convert/row_reader.h"
#include "quant/encode.h"

namespace minimax::convert {
namespace {

// As float32 64 MiB: several threads have enough to do, and memory stays far below 2 GiB.
constexpr std::int64_t kPieceElements = std::int64_t{16} << 20;

}  // namespace

void RowEncoder::encode_piece(const PlannedTensor& planned, std::int64_t first_row,
                              std::span<const float> importance) {
  const std::int64_t row_elements = columns_of(*planned.source);
  const auto columns = static_cast<std::size_t>(row_elements);
  const auto row_bytes = static_cast<std::size_t>(quant::row_bytes(*planned.format, row_elements));
  const std::size_t rows = rows_.size() / columns;
  blocks_.resize(rows * row_bytes);
  const quant::EncodeOptions options{.importance = importance};
  const auto encode_one = [&](std::int64_t row) {
    const auto at = static_cast<std::size_t>(row);
    try {
      quant::encode_row(*planned.format, std::span(rows_).subspan(at * columns, columns), options,
                        std::span(blocks_).subspan(at * row_bytes, row_bytes));
    } catch (const Error& error) {
      throw Error(ErrorCode::kCorruptFile,
                  fmt::format("{}: row {}: {}", base::printable(planned.source->name),
                              first_row + row, error.what()));
    }
  };
  for_each_row(pool_, static_cast<std::int64_t>(rows), row_elements, encode_one);
}

void RowEncoder::encode(const PlannedTensor& planned,
                        const std::function<void(std::span<const std::byte>, std::int64_t)>& take) {
  const std::int64_t columns = columns_of(*planned.source);
  const std::int64_t piece_rows = std::max<std::int64_t>(1, kPieceElements / columns);
  for (const Segment& segment : planned.segments) {
    const bool is_weighted =
        importance_ != nullptr && quant::info(*planned.format).block_elements > 1;
    const std::span<const float> importance =
        is_weighted ? importance_->columns(segment.parameter, columns) : std::span<const float>();
    for (std::int64_t done = 0; done < segment.rows; done += piece_rows) {
      const std::int64_t count = std::min(piece_rows, segment.rows - done);
      rows_.resize(static_cast<std::size_t>(count * columns));
      read_rows(reader_, *planned.source, segment.first_row + done, rows_);
      if (planned.factor != 1.0F) {
        std::ranges::for_each(rows_, [&](float& value) { value *= planned.factor; });
      }
      encode_piece(planned, segment.first_row + done, importance);
      take(blocks_, count * columns);
    }
  }
}

}  // namespace minimax::convert
