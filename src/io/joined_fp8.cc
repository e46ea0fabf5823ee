// SPDX-License-Identifier: Apache-2.0
// Codes and scales of e4m3 weights, put together.
#include <algorithm>
#include <cstring>
#include <vector>

#include "io/joined_tensor.h"
#include "quant/format.h"
#include "tensor/float16.h"

namespace minimax::io {
namespace {

constexpr std::int64_t kElements = quant::FP8::kElements;

template <class T>
std::vector<float> widened(const std::vector<std::byte>& bytes) {
  std::vector<float> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = tensor::to_float(value);
  }
  return values;
}

// The scales of some rows, whichever share theirs.
class Scales {
 public:
  Scales(const JoinedTensor& joined, std::int64_t first_row, std::int64_t last_row,
         const ReadPart& read)
      : joined_(joined),
        rows_(joined.codes.shape[-2]),
        across_((joined.codes.shape[-1] + joined.block_elements - 1) / joined.block_elements),
        first_(line_of(first_row)) {
    const std::int64_t count = (line_of(last_row - 1) - first_ + 1) * across_;
    const std::int64_t size = tensor::dtype_bytes(joined.absmax.dtype);
    std::vector<std::byte> bytes(static_cast<std::size_t>(count * size));
    read(joined.absmax, first_ * across_ * size, bytes);
    values_ = joined.absmax.dtype == tensor::DType::kF32    ? floats(bytes)
              : joined.absmax.dtype == tensor::DType::kBF16 ? widened<tensor::BFloat16>(bytes)
                                                            : widened<tensor::Float16>(bytes);
  }

  float at(std::int64_t row, std::int64_t column) const {
    const std::int64_t index = (line_of(row) - first_) * across_ + column / joined_.block_elements;
    return values_[static_cast<std::size_t>(index)];
  }

 private:
  static std::vector<float> floats(const std::vector<std::byte>& bytes) {
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    return values;
  }

  // The line of scales of a row; every matrix of a stack begins one.
  std::int64_t line_of(std::int64_t row) const {
    if (joined_.block_rows >= joined_.codes.shape.elements()) {
      return 0;  // one for all
    }
    const std::int64_t lines = (rows_ + joined_.block_rows - 1) / joined_.block_rows;
    return row / rows_ * lines + row % rows_ / joined_.block_rows;
  }

  const JoinedTensor& joined_;
  std::int64_t rows_;
  std::int64_t across_;
  std::int64_t first_;
  std::vector<float> values_;
};

// Codes [first, last) of the flattened tensor with their scales.
struct Elements {
  Elements(const JoinedTensor& joined, std::int64_t begin, std::int64_t end, const ReadPart& read)
      : columns(joined.codes.shape[-1]),
        first(begin),
        codes(static_cast<std::size_t>(end - begin)),
        scales(joined, begin / columns, (end + columns - 1) / columns, read) {
    read(joined.codes, begin, std::as_writable_bytes(std::span(codes)));
  }
  float scale_of(std::int64_t element) const {
    return scales.at(element / columns, element % columns);
  }

  std::int64_t columns;
  std::int64_t first;
  std::vector<std::uint8_t> codes;
  Scales scales;
};

std::int64_t read_blocks(const JoinedTensor& joined, std::int64_t begin, std::int64_t end,
                         const ReadPart& read, std::vector<std::byte>& bytes) {
  constexpr std::int64_t kBytes = sizeof(quant::FP8::Block);
  const std::int64_t first = begin / kBytes;
  const std::int64_t last = (end + kBytes - 1) / kBytes;
  const Elements elements(joined, first * kElements, last * kElements, read);
  bytes.resize(static_cast<std::size_t>((last - first) * kBytes));
  for (std::int64_t i = 0; i < last - first; ++i) {
    quant::FP8::Block block;
    block.scale = elements.scale_of((first + i) * kElements);
    std::copy_n(elements.codes.begin() + i * kElements, kElements, block.codes.begin());
    std::memcpy(bytes.data() + i * kBytes, &block, sizeof(block));
  }
  return first * kBytes;
}

std::int64_t read_floats(const JoinedTensor& joined, std::int64_t begin, std::int64_t end,
                         const ReadPart& read, std::vector<std::byte>& bytes) {
  constexpr std::int64_t kBytes = sizeof(float);
  const std::int64_t first = begin / kBytes;
  const std::int64_t last = (end + kBytes - 1) / kBytes;
  const Elements elements(joined, first, last, read);
  bytes.resize(static_cast<std::size_t>((last - first) * kBytes));
  for (std::int64_t i = 0; i < last - first; ++i) {
    const float value = quant::from_e4m3(elements.codes[static_cast<std::size_t>(i)]) *
                        elements.scale_of(first + i);
    std::memcpy(bytes.data() + i * kBytes, &value, sizeof(value));
  }
  return first * kBytes;
}

}  // namespace

void read_joined_fp8(const JoinedTensor& joined, const TensorEntry& entry, std::int64_t begin,
                     std::span<std::byte> out, const ReadPart& read) {
  std::vector<std::byte> bytes;
  const std::int64_t end = begin + std::ssize(out);
  const std::int64_t start = entry.format ? read_blocks(joined, begin, end, read, bytes)
                                          : read_floats(joined, begin, end, read, bytes);
  std::memcpy(out.data(), bytes.data() + (begin - start), out.size());
}

}  // namespace minimax::io
