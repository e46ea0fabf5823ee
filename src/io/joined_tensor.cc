// SPDX-License-Identifier: Apache-2.0
#include "io/joined_tensor.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "quant/bitsandbytes.h"
#include "quant/format.h"

namespace minimax::io {
namespace {

constexpr std::int64_t kBlockElements = 64;  // of all formats of bitsandbytes

std::int64_t round_down(std::int64_t value, std::int64_t step) { return value / step * step; }

std::int64_t quotient_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step;
}

template <class T>
std::vector<T> read_values(const ReadPart& read, const TensorEntry& entry, std::int64_t begin,
                           std::int64_t count) {
  std::vector<T> values(static_cast<std::size_t>(count));
  read(entry, begin * static_cast<std::int64_t>(sizeof(T)),
       std::as_writable_bytes(std::span(values)));
  return values;
}

// Scales [begin, end) of the blocks.
std::vector<float> read_scales(const JoinedTensor& joined, std::int64_t begin, std::int64_t end,
                               const ReadPart& read) {
  if (!joined.nested_absmax) {
    return read_values<float>(read, joined.absmax, begin, end - begin);
  }
  const std::int64_t size = joined.nested_block_elements;
  const std::int64_t first = round_down(begin, size);
  const auto codes = read_values<std::uint8_t>(read, joined.absmax, first, end - first);
  const auto absmax = read_values<float>(read, *joined.nested_absmax, first / size,
                                         quotient_up(end, size) - first / size);
  std::vector<float> scales(codes.size());
  quant::decode_absmax({codes, absmax, joined.nested_map, size, joined.nested_offset}, scales);
  scales.erase(scales.begin(), scales.begin() + (begin - first));
  return scales;
}

// Elements [first, last) of the flattened tensor with their scales. `first` begins a block.
struct Part {
  std::vector<std::uint8_t> codes;
  std::vector<float> scales;
};

Part read_elements(const JoinedTensor& joined, std::int64_t first, std::int64_t last,
                   const ReadPart& read) {
  const std::int64_t per_byte = joined.format == quant::Format::kInt8F32 ? 1 : 2;
  const std::int64_t begin = first / per_byte;
  return {.codes = read_values<std::uint8_t>(read, joined.codes, begin,
                                             quotient_up(last, per_byte) - begin),
          .scales = read_scales(joined, first / joined.block_elements,
                                quotient_up(last, joined.block_elements), read)};
}

std::span<const std::int8_t> as_signed(const std::vector<std::uint8_t>& codes) {
  return {reinterpret_cast<const std::int8_t*>(codes.data()), codes.size()};
}

const quant::Code4BitValues& values_of(quant::Format format) {
  return format == quant::Format::kNF4 ? quant::kNf4Values : quant::kFp4Values;
}

// The blocks of whole shared scales that cover `bytes` from `begin` on; returns where they start.
std::int64_t read_blocks(const JoinedTensor& joined, std::int64_t begin, std::int64_t end,
                         const ReadPart& read, std::vector<std::byte>& blocks) {
  const std::int64_t bytes = quant::info(joined.format).block_bytes;
  const std::int64_t first = round_down(begin / bytes * kBlockElements, joined.block_elements);
  const bool is_int8 = joined.format == quant::Format::kInt8F32;
  std::int64_t last = quotient_up(end, bytes) * kBlockElements;
  last = is_int8 ? quotient_up(last, joined.block_elements) * joined.block_elements : last;
  const Part part = read_elements(joined, first, last, read);
  blocks.resize(static_cast<std::size_t>((last - first) / kBlockElements * bytes));
  if (is_int8) {
    quant::join_int8(as_signed(part.codes), part.scales, joined.block_elements, blocks);
  } else {
    quant::join_4bit(part.codes, part.scales, joined.block_elements, blocks);
  }
  return first / kBlockElements * bytes;
}

std::int64_t read_floats(const JoinedTensor& joined, std::int64_t begin, std::int64_t end,
                         const ReadPart& read, std::vector<std::byte>& bytes) {
  constexpr std::int64_t kSize = sizeof(float);
  // Two blocks of an odd size begin at a whole byte of codes.
  const std::int64_t step = joined.block_elements * (joined.block_elements % 2 == 0 ? 1 : 2);
  const std::int64_t first = round_down(begin / kSize, step);
  const std::int64_t last = quotient_up(end, kSize);
  const Part part = read_elements(joined, first, last, read);
  std::vector<float> values(static_cast<std::size_t>(last - first));
  if (joined.format == quant::Format::kInt8F32) {
    const auto columns = static_cast<std::size_t>(joined.block_elements);
    for (std::size_t at = 0; at < values.size(); at += columns) {
      const std::size_t count = std::min(columns, values.size() - at);
      quant::decode_int8_row(as_signed(part.codes).subspan(at, count), part.scales[at / columns],
                             std::span(values).subspan(at, count));
    }
  } else {
    quant::decode_4bit(values_of(joined.format), part.codes, part.scales, joined.block_elements,
                       values);
  }
  bytes.resize(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return first * kSize;
}

}  // namespace

void read_joined(const JoinedTensor& joined, const TensorEntry& entry, std::int64_t begin,
                 std::span<std::byte> out, const ReadPart& read) {
  if (out.empty()) {
    return;
  }
  if (joined.format == quant::Format::kFP8) {
    return read_joined_fp8(joined, entry, begin, out, read);
  }
  std::vector<std::byte> bytes;
  const std::int64_t end = begin + std::ssize(out);
  const std::int64_t start = entry.format ? read_blocks(joined, begin, end, read, bytes)
                                          : read_floats(joined, begin, end, read, bytes);
  std::memcpy(out.data(), bytes.data() + (begin - start), out.size());
}

}  // namespace minimax::io
