// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/check.h"
#include "base/file.h"
#include "convert/bitsandbytes_layout.h"
#include "convert/parallel_rows.h"
#include "convert/row_reader.h"
#include "quant/bitsandbytes.h"
#include "tensor/float16.h"

namespace minimax::convert {
namespace {

constexpr std::int64_t kBlock = 64;
constexpr std::int64_t kTaskElements = 64 * kBlock;
constexpr std::int64_t kPieceElements = std::int64_t{16} << 20;

// Rows of a piece: a multiple of 64, so that blocks of the flattened tensor never cross pieces.
std::int64_t rows_of_piece(std::int64_t columns) {
  return std::max<std::int64_t>(1, kPieceElements / columns / kBlock) * kBlock;
}

template <class T>
std::span<const std::byte> bytes_of(const T& values) {
  return std::as_bytes(std::span(values));
}

// Codes and scales of a piece of the flattened tensor.
quant::Packed4Bit encode_piece(const quant::Code4BitValues& values, std::span<const float> weights,
                               cpu::ThreadPool& pool) {
  quant::Packed4Bit piece;
  const std::int64_t tasks = (std::ssize(weights) + kTaskElements - 1) / kTaskElements;
  piece.codes.resize((weights.size() + 1) / 2);
  piece.absmax.resize((weights.size() + kBlock - 1) / kBlock);
  for_each_row(pool, tasks, kTaskElements, [&](std::int64_t task) {
    const auto begin = static_cast<std::size_t>(task * kTaskElements);
    const auto count = std::min<std::size_t>(kTaskElements, weights.size() - begin);
    const quant::Packed4Bit part =
        quant::encode_4bit(values, weights.subspan(begin, count), kBlock);
    std::ranges::copy(part.codes, piece.codes.begin() + static_cast<std::ptrdiff_t>(begin / 2));
    std::ranges::copy(part.absmax,
                      piece.absmax.begin() + static_cast<std::ptrdiff_t>(begin / kBlock));
  });
  return piece;
}

// In the order of bitsandbytes_layout().
enum Part : std::size_t { kCodes, kAbsmax, kMap, kState, kNestedAbsmax, kNestedMap };

void append_scales(const OutputGroup& group, const std::vector<float>& absmax,
                   const BitsandbytesWriter::Append& append) {
  std::optional<float> offset;
  if (group.tensors.size() > kNestedAbsmax) {
    const quant::NestedAbsmax nested = quant::encode_absmax(absmax);
    offset = nested.offset;
    append(kAbsmax, bytes_of(nested.codes));
    append(kNestedAbsmax, bytes_of(nested.absmax));
    append(kNestedMap, bytes_of(quant::dynamic_map()));
  } else {
    append(kAbsmax, bytes_of(absmax));
  }
  const std::string text = quant_state_text(group, offset);
  append(kState, std::as_bytes(std::span(text)));
}

}  // namespace

void BitsandbytesWriter::write(const OutputGroup& group, const Append& append,
                               const Report& report) {
  try {
    if (group.packing == Packing::k4Bit) {
      write_4bit(group, append, report);
    } else {
      write_int8(group, append, report);
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) {
      throw;
    }
    throw Error(ErrorCode::kCorruptFile,
                fmt::format("{}: {}", base::printable(group.planned->source->name), error.what()));
  }
}

void BitsandbytesWriter::write_4bit(const OutputGroup& group, const Append& append,
                                    const Report& report) {
  const std::int64_t columns = columns_of(*group.planned->source);
  const quant::Code4BitValues& values =
      group.planned->format == quant::Format::kNF4 ? quant::kNf4Values : quant::kFp4Values;
  std::vector<float> absmax;
  for (std::int64_t done = 0; done < group.rows; done += rows_of_piece(columns)) {
    const std::int64_t count = std::min(rows_of_piece(columns), group.rows - done);
    rows_.resize(static_cast<std::size_t>(count * columns));
    read_rows(reader_, *group.planned->source, group.first_row + done, rows_);
    const quant::Packed4Bit piece = encode_piece(values, rows_, pool_);
    append(kCodes, bytes_of(piece.codes));
    absmax.insert(absmax.end(), piece.absmax.begin(), piece.absmax.end());
    report(count * columns);
  }
  append(kMap, bytes_of(values));
  append_scales(group, absmax, append);
}

void BitsandbytesWriter::write_int8(const OutputGroup& group, const Append& append,
                                    const Report& report) {
  const std::int64_t columns = columns_of(*group.planned->source);
  std::vector<std::int8_t> codes;
  std::vector<float> scales(static_cast<std::size_t>(group.rows));
  for (std::int64_t done = 0; done < group.rows; done += rows_of_piece(columns)) {
    const std::int64_t count = std::min(rows_of_piece(columns), group.rows - done);
    rows_.resize(static_cast<std::size_t>(count * columns));
    codes.resize(rows_.size());
    read_rows(reader_, *group.planned->source, group.first_row + done, rows_);
    for_each_row(pool_, count, columns, [&](std::int64_t row) {
      const auto at = static_cast<std::size_t>(row * columns);
      const std::span<float> weights =
          std::span(rows_).subspan(at, static_cast<std::size_t>(columns));
      // transformers hands the weights over in binary16.
      std::ranges::transform(weights, weights.begin(), [](float weight) {
        return tensor::to_float(tensor::to_float16(weight));
      });
      scales[static_cast<std::size_t>(done + row)] =
          quant::encode_int8_row(weights, std::span(codes).subspan(at, weights.size()));
    });
    append(0, bytes_of(codes));
    report(count * columns);
  }
  append(1, bytes_of(scales));
  append(2, bytes_of(std::array{std::uint8_t{0}}));
}

}  // namespace minimax::convert
