// SPDX-License-Identifier: Apache-2.0
// What tests of products on the GPU share: device memory that starts as NaN, and random matrices in
// any format with their tiles and what these stand for.
#pragma once

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "ops/device_matrix/device_matrix.h"
#include "ops/device_matrix/repack_cuda.h"
#include "quant/encode.h"
#include "tensor/float16.h"

namespace minimax::ops {

inline void expect_cuda(cudaError_t status) {
  ASSERT_EQ(status, cudaSuccess) << cudaGetErrorString(status);
}

inline bool has_gpu() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}

inline int processor_count() {
  int count = 0;
  expect_cuda(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, 0));
  return count;
}

/// Device memory, all bytes 0xff at first (NaN), freed at the end.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(std::int64_t bytes) : bytes_(static_cast<std::size_t>(bytes)) {
    expect_cuda(cudaMalloc(&data_, bytes_ + 16));
    poison();
  }
  template <class T>
  explicit DeviceBuffer(const std::vector<T>& values)
      : DeviceBuffer(static_cast<std::int64_t>(values.size() * sizeof(T))) {
    expect_cuda(cudaMemcpy(data_, values.data(), bytes_, cudaMemcpyHostToDevice));
  }
  ~DeviceBuffer() { cudaFree(data_); }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  void poison() { expect_cuda(cudaMemset(data_, 0xff, bytes_)); }
  void* data() const { return data_; }
  template <class T>
  std::vector<T> download() const {
    std::vector<T> values(bytes_ / sizeof(T));
    expect_cuda(
        cudaMemcpy(values.data(), data_, values.size() * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_;
};

/// Roughly normal: the sum of four uniform numbers, deviation 1.
inline std::vector<float> random_floats(std::int64_t count, std::uint64_t seed,
                                        float deviation = 1.0f) {
  base::SplitMix64 random(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) {
    const double sum = random.uniform() + random.uniform() + random.uniform() + random.uniform();
    value = deviation * static_cast<float>((sum - 2.0) * std::sqrt(3.0));
  }
  return values;
}

inline std::vector<std::uint16_t> rounded_bits(std::span<const float> values) {
  std::vector<std::uint16_t> bits(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    bits[i] = tensor::to_bfloat16(values[i]).bits;
  }
  return bits;
}

inline float widened_bits(std::uint16_t bits) { return tensor::to_float(tensor::BFloat16{bits}); }

/// Random numbers as rows of blocks.
inline std::vector<std::byte> random_blocks(quant::Format format, std::int64_t rows,
                                            std::int64_t columns, std::uint64_t seed) {
  const std::int64_t row_bytes = quant::row_bytes(format, columns);
  std::vector<std::byte> blocks(static_cast<std::size_t>(rows * row_bytes));
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::vector<float> row =
        random_floats(columns, seed + static_cast<std::uint64_t>(r), 0.05f);
    quant::encode_row(format, row, {.method = quant::EncodeMethod::kReference},
                      std::span(blocks).subspan(static_cast<std::size_t>(r * row_bytes),
                                                static_cast<std::size_t>(row_bytes)));
  }
  return blocks;
}

/// A random matrix on the device, and its elements as the tiles have them.
struct DeviceTestMatrix {
  DeviceTestMatrix(quant::Format format, std::int64_t rows, std::int64_t columns,
                   std::uint64_t seed)
      : layout{*device_format(format), rows, columns}, tiles(layout.bytes()) {
    const DeviceBuffer blocks(random_blocks(format, rows, columns, seed));
    if (layout.format == DeviceFormat::kBF16) {  // plain rows
      expect_cuda(cudaMemcpy(tiles.data(), blocks.data(),
                             static_cast<std::size_t>(2 * rows * columns), cudaMemcpyDefault));
    } else {
      cuda::repack({.blocks = blocks.data(),
                    .format = format,
                    .rows = rows,
                    .columns = columns,
                    .tiles = tiles.data()},
                   nullptr);
    }
    decode();
  }
  /// e4m3 with scales of blocks.
  DeviceTestMatrix(std::int64_t rows, std::int64_t columns, std::int64_t scale_rows,
                   std::int64_t scale_columns, std::uint64_t seed)
      : layout{DeviceFormat::kFP8, rows, columns}, tiles(layout.bytes()) {
    base::SplitMix64 random(seed);
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(rows * columns));
    for (std::uint8_t& code : codes) {
      code = static_cast<std::uint8_t>(random.next());
      code = (code & 0x7f) == 0x7f ? std::uint8_t{0} : code;
    }
    const std::int64_t across = (columns + scale_columns - 1) / scale_columns;
    const DeviceBuffer scales(
        random_floats((rows + scale_rows - 1) / scale_rows * across, seed + 1, 0.01f));
    const DeviceBuffer device_codes(codes);
    cuda::repack_fp8({.codes = device_codes.data(),
                      .scales = static_cast<const float*>(scales.data()),
                      .scale_rows = scale_rows,
                      .scale_columns = scale_columns,
                      .rows = rows,
                      .columns = columns,
                      .tiles = tiles.data()},
                     nullptr);
    decode();
  }

  void decode() {
    const std::vector<std::byte> bytes = tiles.download<std::byte>();
    elements.resize(static_cast<std::size_t>(layout.rows * layout.columns));
    for (std::int64_t r = 0; r < layout.rows; ++r) {
      for (std::int64_t c = 0; c < layout.columns; ++c) {
        elements[static_cast<std::size_t>(r * layout.columns + c)] =
            decode_device_element(layout, bytes.data(), r, c);
      }
    }
  }
  const float* row(std::int64_t r) const {
    return elements.data() + static_cast<std::size_t>(r * layout.columns);
  }

  DeviceLayout layout;
  DeviceBuffer tiles;
  std::vector<float> elements;  // [rows, columns]
};

/// A sum of products in float64, and that of their magnitudes.
struct ExactSum {
  double value = 0.0;
  double magnitude = 0.0;
};

template <class T>
ExactSum exact_sum(const T* x, const float* weight, std::int64_t count) {
  ExactSum sum;
  for (std::int64_t i = 0; i < count; ++i) {
    const double term = static_cast<double>(x[i]) * static_cast<double>(weight[i]);
    sum.value += term;
    sum.magnitude += std::abs(term);
  }
  return sum;
}

/// What a product in this format may err by, as a share of the magnitudes of its terms: levels of
/// tables are rounded to bf16 (2^-9 each), rows for integer weights to 2^-14 of the largest of a
/// group, which is a few times the mean magnitude but concerns the small numbers only; all else are
/// roundings of float32 sums, in which codes of 4 bits may enter with 136 added (some thirty times
/// their magnitude, 2^-24 each).
inline double product_tolerance(DeviceFormat format) {
  const bool table = format == DeviceFormat::kNF4 || format == DeviceFormat::kFP4;
  const bool integers = !table && format != DeviceFormat::kFP8 && device_tile(format).group > 0;
  return table ? 0x1p-9 : integers ? 0x1p-13 : 0x1p-15;
}

}  // namespace minimax::ops
