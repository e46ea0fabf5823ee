// SPDX-License-Identifier: Apache-2.0
#include "io/value_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <vector>

#include "base/check.h"
#include "quant/decode.h"

namespace minimax::io {
namespace {

using tensor::DType;

constexpr std::int64_t kPieceBytes = std::int64_t{4} << 20;  // a multiple of every element size

// Magnitudes (an element without its sign) that divide the kinds of a floating point type. They are
// signed integers, which the oldest vector instructions can compare.
template <class Bits>
struct Magnitudes {
  Bits largest_subnormal;
  Bits infinity;        // -1 for a type without
  Bits largest_number;  // above it, infinity apart, everything is NaN
};

// Branch-free, so that the compiler turns it into vector code. The counters have the width of the
// elements; a block is short enough for them not to overflow.
template <class Bits, std::size_t extent>
void count_block(std::span<const Bits, extent> block, Magnitudes<Bits> format,
                 ValueCounts& counts) {
  Bits above = 0;
  Bits infinite = 0;
  Bits small = 0;
  Bits zero = 0;
  for (const Bits bits : block) {
    const auto magnitude = static_cast<Bits>(bits & std::numeric_limits<Bits>::max());
    above = static_cast<Bits>(above + (magnitude > format.largest_number));
    infinite = static_cast<Bits>(infinite + (magnitude == format.infinity));
    small = static_cast<Bits>(small + (magnitude <= format.largest_subnormal));
    zero = static_cast<Bits>(zero + (magnitude == 0));
  }
  counts.nan += above - infinite;
  counts.infinite += infinite;
  counts.subnormal += small - zero;
  counts.zero += zero;
}

template <class Bits>
ValueCounts count_all(std::span<const std::byte> bytes, Magnitudes<Bits> format) {
  constexpr std::size_t kBlock = sizeof(Bits) == 1 ? 64 : 1024;  // elements
  static_assert(kBlock <= static_cast<std::size_t>(std::numeric_limits<Bits>::max()));
  std::array<Bits, kBlock> block;
  ValueCounts counts;
  for (; bytes.size() >= sizeof(block); bytes = bytes.subspan(sizeof(block))) {
    std::memcpy(block.data(), bytes.data(), sizeof(block));  // the source may be unaligned
    count_block(std::span<const Bits, kBlock>(block), format, counts);
  }
  if (bytes.empty()) {
    return counts;
  }
  std::memcpy(block.data(), bytes.data(), bytes.size());
  count_block(std::span<const Bits>(block).first(bytes.size() / sizeof(Bits)), format, counts);
  return counts;
}

ValueCounts count_integers(std::span<const std::byte> bytes, std::int64_t element_bytes) {
  ValueCounts counts;
  for (; !bytes.empty(); bytes = bytes.subspan(static_cast<std::size_t>(element_bytes))) {
    const auto element = bytes.first(static_cast<std::size_t>(element_bytes));
    counts.zero += std::ranges::all_of(element, [](std::byte b) { return b == std::byte{0}; });
  }
  return counts;
}

ValueCounts count_by_type(DType dtype, std::span<const std::byte> bytes) {
  switch (dtype) {
    case DType::kBF16:
      return count_all<std::int16_t>(bytes, {0x007f, 0x7f80, 0x7f7f});
    case DType::kF16:
      return count_all<std::int16_t>(bytes, {0x03ff, 0x7c00, 0x7bff});
    case DType::kF32:
      return count_all<std::int32_t>(bytes, {0x007fffff, 0x7f800000, 0x7f7fffff});
    case DType::kF64:
      return count_all<std::int64_t>(bytes,
                                     {0x000fffffffffffff, 0x7ff0000000000000, 0x7fefffffffffffff});
    case DType::kF8E5M2:
      return count_all<std::int8_t>(bytes, {0x03, 0x7c, 0x7b});
    case DType::kF8E4M3:
      return count_all<std::int8_t>(bytes, {0x07, -1, 0x7e});
    default:
      return count_integers(bytes, tensor::dtype_bytes(dtype));
  }
}

void add(const ValueCounts& piece, ValueCounts& total) {
  total.elements += piece.elements;
  total.nan += piece.nan;
  total.infinite += piece.infinite;
  total.subnormal += piece.subnormal;
  total.zero += piece.zero;
}

}  // namespace

ValueCounts count_values(DType dtype, std::span<const std::byte> bytes) {
  const std::int64_t element_bytes = tensor::dtype_bytes(dtype);
  base::check(std::ssize(bytes) % element_bytes == 0, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("count_values: expected a multiple of {} bytes, found {}", element_bytes,
                       bytes.size());
  });
  ValueCounts counts = count_by_type(dtype, bytes);
  counts.elements = std::ssize(bytes) / element_bytes;
  return counts;
}

ValueCounts count_blocks(quant::Format format, std::span<const std::byte> bytes) {
  const quant::FormatInfo& info = quant::info(format);
  std::vector<float> values(bytes.size() / static_cast<std::size_t>(info.block_bytes) *
                            static_cast<std::size_t>(info.block_elements));
  quant::decode_row(format, bytes, values);
  return count_values(DType::kF32, std::as_bytes(std::span(values)));
}

ValueCounts count_values(const CheckpointReader& reader, const TensorEntry& entry) {
  const std::int64_t block = entry.format ? quant::info(*entry.format).block_bytes : 1;
  const std::int64_t step = kPieceBytes / block * block;
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(entry.bytes, step)));
  ValueCounts total;
  for (std::int64_t begin = 0; begin < entry.bytes; begin += std::ssize(piece)) {
    const std::int64_t wanted = std::min(entry.bytes - begin, step);
    const auto out = std::span(piece).first(static_cast<std::size_t>(wanted));
    reader.read(entry, begin, out);
    add(entry.format ? count_blocks(*entry.format, out) : count_values(entry.dtype, out), total);
  }
  return total;
}

}  // namespace minimax::io
