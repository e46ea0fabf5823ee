// SPDX-License-Identifier: Apache-2.0
#include "io/value_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/check.h"

namespace minimax::io {
namespace {

using tensor::DType;

constexpr std::int64_t kPieceBytes = std::int64_t{4} << 20;  // a multiple of every element size

// Bits below the sign of a binary floating point type; an all-ones exponent means infinity or NaN.
template <class Bits>
struct Format {
  Bits exponent;
  Bits mantissa;
};

// Branch-free, so that the compiler turns it into vector code. The counters have the width of the
// elements; a block is short enough for them not to overflow.
template <class Bits>
void count_block(std::span<const Bits> block, Format<Bits> format, ValueCounts& counts) {
  Bits nan = 0;
  Bits infinite = 0;
  Bits subnormal = 0;
  Bits zero = 0;
  const auto magnitude_mask = static_cast<Bits>(format.exponent | format.mantissa);
  for (const Bits bits : block) {
    const auto magnitude = static_cast<Bits>(bits & magnitude_mask);
    nan = static_cast<Bits>(nan + (magnitude > format.exponent));
    infinite = static_cast<Bits>(infinite + (magnitude == format.exponent));
    zero = static_cast<Bits>(zero + (magnitude == 0));
    subnormal = static_cast<Bits>(subnormal + (magnitude <= format.mantissa));
  }
  counts.nan += static_cast<std::int64_t>(nan);
  counts.infinite += static_cast<std::int64_t>(infinite);
  counts.zero += static_cast<std::int64_t>(zero);
  counts.subnormal += static_cast<std::int64_t>(subnormal) - static_cast<std::int64_t>(zero);
}

template <class Bits>
ValueCounts count_all(std::span<const std::byte> bytes, Format<Bits> format) {
  constexpr std::size_t kBlock = 128;  // elements; below the 255 that an 8-bit counter holds
  std::array<Bits, kBlock> block;
  ValueCounts counts;
  while (!bytes.empty()) {
    const std::size_t taken = std::min(bytes.size(), sizeof(block));
    std::memcpy(block.data(), bytes.data(), taken);  // the source may be unaligned
    count_block(std::span<const Bits>(block).first(taken / sizeof(Bits)), format, counts);
    bytes = bytes.subspan(taken);
  }
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

// E4M3 has no infinity, and one NaN: all bits set. Its largest finite values have an all-ones
// exponent, so the common count takes them for infinite or NaN.
ValueCounts count_e4m3(std::span<const std::byte> bytes) {
  ValueCounts counts = count_all<std::uint8_t>(bytes, {0x78, 0x07});
  counts.infinite = 0;
  counts.nan = std::ranges::count_if(
      bytes, [](std::byte b) { return (b & std::byte{0x7f}) == std::byte{0x7f}; });
  return counts;
}

ValueCounts count_by_type(DType dtype, std::span<const std::byte> bytes) {
  switch (dtype) {
    case DType::kBF16:
      return count_all<std::uint16_t>(bytes, {0x7f80, 0x007f});
    case DType::kF16:
      return count_all<std::uint16_t>(bytes, {0x7c00, 0x03ff});
    case DType::kF32:
      return count_all<std::uint32_t>(bytes, {0x7f800000U, 0x007fffffU});
    case DType::kF64:
      return count_all<std::uint64_t>(bytes, {0x7ff0000000000000U, 0x000fffffffffffffU});
    case DType::kF8E5M2:
      return count_all<std::uint8_t>(bytes, {0x7c, 0x03});
    case DType::kF8E4M3:
      return count_e4m3(bytes);
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

ValueCounts count_values(const CheckpointReader& reader, const TensorEntry& entry) {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(entry.bytes, kPieceBytes)));
  ValueCounts total;
  for (std::int64_t begin = 0; begin < entry.bytes; begin += std::ssize(piece)) {
    const std::int64_t wanted = std::min(entry.bytes - begin, kPieceBytes);
    const auto out = std::span(piece).first(static_cast<std::size_t>(wanted));
    reader.read(entry, begin, out);
    add(count_values(entry.dtype, out), total);
  }
  return total;
}

}  // namespace minimax::io
