// SPDX-License-Identifier: Apache-2.0
#include "model/convert.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

namespace minimax::model {
namespace {

using tensor::BFloat16;
using tensor::DType;
using tensor::Float16;
using tensor::Tensor;

// Large enough to amortise a system call, small enough to stay in a core's cache.
constexpr std::int64_t kPieceBytes = 256 << 10;

void store(float value, float& out) { out = value; }
void store(float value, BFloat16& out) { out = tensor::to_bfloat16(value); }

template <class From, class To>
void convert(const std::byte* from, std::int64_t count, To* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + static_cast<std::size_t>(i) * sizeof(From), sizeof(From));
    store(tensor::to_float(value), to[i]);
  }
}

template <class To>
void convert_from(DType dtype, const std::byte* from, std::int64_t count, To* to) {
  switch (dtype) {
    case DType::kF16:
      return convert<Float16>(from, count, to);
    case DType::kBF16:
      return convert<BFloat16>(from, count, to);
    default:
      return convert<float>(from, count, to);
  }
}

void convert_piece(DType dtype, const std::byte* from, std::int64_t begin, std::int64_t count,
                   const Tensor& out) {
  if (out.dtype() == DType::kBF16) {
    convert_from(dtype, from, count, out.data<BFloat16>() + begin);
  } else {
    convert_from(dtype, from, count, out.data<float>() + begin);
  }
}

}  // namespace

void read_parameter(const io::CheckpointReader& reader, const io::TensorEntry& entry,
                    std::int64_t first_element, const Tensor& out) {
  const std::int64_t size = tensor::dtype_bytes(entry.dtype);
  if (entry.dtype == out.dtype()) {
    reader.read(entry, first_element * size,
                std::span(out.bytes_begin(), static_cast<std::size_t>(out.bytes())));
    return;
  }
  std::vector<std::byte> piece(static_cast<std::size_t>(kPieceBytes));
  const std::int64_t step = kPieceBytes / size;
  for (std::int64_t begin = 0; begin < out.elements(); begin += step) {
    const std::int64_t count = std::min(step, out.elements() - begin);
    reader.read(entry, (first_element + begin) * size,
                std::span(piece).first(static_cast<std::size_t>(count * size)));
    convert_piece(entry.dtype, piece.data(), begin, count, out);
  }
}

}  // namespace minimax::model
