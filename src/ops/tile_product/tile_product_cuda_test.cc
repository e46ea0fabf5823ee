// SPDX-License-Identifier: Apache-2.0
// The products of tile_product.h against float64 sums of what the tiles stand for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "ops/device_matrix/device_testing.h"
#include "ops/tile_product/tile_product.h"
#include "ops/tile_product/tile_product_kernels.h"

namespace minimax::ops {
namespace {

struct Shape {
  std::string name;
  std::vector<std::int64_t> group_rows;  // rows of x of every group
  std::int64_t columns;                  // N
  std::int64_t inner;                    // K
};

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> kShapes = {
      {"OneRow", {1}, 256, 128},
      {"Ragged", {63, 0, 1, 100, 17, 3}, 272, 384},
      {"AllOnOne", {0, 0, 2049, 0}, 160, 256},
      {"EmptyEnds", {0, 130, 257, 0}, 400, 640},
      {"ManyGroups", std::vector<std::int64_t>(67, 5), 48, 128},
      {"Columns8", {40, 9}, 328, 256},
  };
  return kShapes;
}

enum class Kind { kPlain, kGated };
enum class Numbers { kBF16, kE4M3 };

struct Case {
  Shape shape;
  DeviceFormat format;
  Kind kind;
  Numbers numbers;
  bool out_is_float;
};

quant::Format block_format(DeviceFormat format) {
  switch (format) {
    case DeviceFormat::kInt4G64:
      return quant::Format::kInt4G64;
    case DeviceFormat::kInt4G32:
      return quant::Format::kInt4G32;
    case DeviceFormat::kInt8G64:
      return quant::Format::kInt8G64;
    case DeviceFormat::kInt8G32:
      return quant::Format::kInt8G32;
    default:
      return quant::Format::kBF16;
  }
}

// All groups' matrices, each padded to whole tiles, as one.
DeviceTestMatrix matrices(const Case& c, std::uint64_t seed) {
  const std::int64_t rows = (c.shape.columns + 15) / 16 * 16;
  const auto all = rows * static_cast<std::int64_t>(c.shape.group_rows.size());
  if (c.format == DeviceFormat::kFP8) {
    return {all, c.shape.inner, 128, 128, seed};
  }
  return {block_format(c.format), all, c.shape.inner, seed};
}

// The same numbers as rows of bf16; of no use for other formats.
std::vector<std::byte> as_rows(const Case& c, std::uint64_t seed) {
  const std::int64_t rows = (c.shape.columns + 15) / 16 * 16;
  const auto all = rows * static_cast<std::int64_t>(c.shape.group_rows.size());
  return random_blocks(quant::Format::kBF16, all, c.shape.inner, seed);
}

double silu(double x) { return x / (1.0 + std::exp(-x)); }

class TileProduct : public ::testing::TestWithParam<Case> {};

/// What is multiplied in a case, here and on the GPU.
struct Problem {
  explicit Problem(const Case& of)
      : c(of),
        offsets(offsets_of(of.shape)),
        x(rounded_bits(random_floats(rows() * of.shape.inner, 3))),
        weight(matrices(of, 7)),
        up(matrices(of, 70007)),
        weight_rows(as_rows(of, 7)),
        up_rows(as_rows(of, 70007)),
        device_x(x),
        device_offsets(offsets),
        codes(rows() * of.shape.inner),
        scales(rows() * 4),
        out(rows() * of.shape.columns * (of.out_is_float ? 4 : 2)) {}

  static std::vector<std::int32_t> offsets_of(const Shape& shape) {
    std::vector<std::int32_t> offsets = {0};
    for (const std::int64_t rows : shape.group_rows) {
      offsets.push_back(offsets.back() + static_cast<std::int32_t>(rows));
    }
    return offsets;
  }
  std::int64_t rows() const { return offsets.back(); }

  cuda::TileProduct args() const {
    const DeviceLayout layout = {c.format, c.shape.columns, c.shape.inner};
    const bool takes_rows = c.format == DeviceFormat::kBF16;
    const void* up_data = takes_rows ? up_rows.data() : up.tiles.data();
    return {.x = device_x.data(),
            .rows = rows(),
            .layout = layout,
            .weight = {takes_rows ? weight_rows.data() : weight.tiles.data(), layout.bytes()},
            .up = {c.kind == Kind::kPlain ? nullptr : up_data, layout.bytes()},
            .offsets = static_cast<const std::int32_t*>(device_offsets.data()),
            .groups = static_cast<std::int64_t>(c.shape.group_rows.size()),
            .out = out.data(),
            .out_is_float = c.out_is_float,
            .processors = processor_count()};
  }
  void run_wide() const {
    cuda::tile_product_bf16_wide(args(), nullptr);
    expect_cuda(cudaDeviceSynchronize());
  }
  void run_mma() const {
    cuda::tile_product_mma(args(), nullptr);
    expect_cuda(cudaDeviceSynchronize());
  }
  void run() const {
    cuda::TileProduct product = args();
    if (c.numbers == Numbers::kE4M3) {
      cuda::quantize_rows({.rows = {.x = device_x.data(),
                                    .pair_of_row = nullptr,
                                    .rows = rows(),
                                    .columns = c.shape.inner,
                                    .out = codes.data()},
                           .scales = static_cast<float*>(scales.data())},
                          nullptr);
      product.x = codes.data();
      product.x_scales = static_cast<const float*>(scales.data());
    }
    cuda::tile_product(product, nullptr);
    expect_cuda(cudaDeviceSynchronize());
  }
  std::vector<float> result() const {
    if (c.out_is_float) {
      return out.download<float>();
    }
    const auto bits = out.download<std::uint16_t>();
    std::vector<float> wide(bits.size());
    std::transform(bits.begin(), bits.end(), wide.begin(), widened_bits);
    return wide;
  }

  Case c;
  std::vector<std::int32_t> offsets;
  std::vector<std::uint16_t> x;
  DeviceTestMatrix weight;
  DeviceTestMatrix up;
  DeviceBuffer weight_rows;
  DeviceBuffer up_rows;
  DeviceBuffer device_x;
  DeviceBuffer device_offsets;
  DeviceBuffer codes;
  DeviceBuffer scales;
  DeviceBuffer out;
};

// Element (row, column) of a group in float64.
double expected_of(const Problem& problem, const float* row, std::int64_t group,
                   std::int64_t column) {
  const std::int64_t padded = (problem.c.shape.columns + 15) / 16 * 16;
  const std::int64_t inner = problem.c.shape.inner;
  const std::int64_t at = group * padded + column;
  const double sum = exact_sum(row, problem.weight.row(at), inner).value;
  return problem.c.kind == Kind::kPlain
             ? sum
             : silu(sum) * exact_sum(row, problem.up.row(at), inner).value;
}

// The error of all outputs together over their norm. NaN where one was not written.
double error_of(const Problem& problem) {
  const std::vector<float> result = problem.result();
  std::vector<float> x(problem.x.size());
  std::transform(problem.x.begin(), problem.x.end(), x.begin(), widened_bits);
  double error = 0.0;
  double norm = 0.0;
  std::int64_t group = 0;
  for (std::int64_t r = 0; r < problem.rows(); ++r) {
    while (problem.offsets[static_cast<std::size_t>(group) + 1] <= r) {
      ++group;
    }
    for (std::int64_t n = 0; n < problem.c.shape.columns; ++n) {
      const double expected = expected_of(problem, x.data() + r * problem.c.shape.inner, group, n);
      const double found = result[static_cast<std::size_t>(r * problem.c.shape.columns + n)];
      error += (found - expected) * (found - expected);
      norm += expected * expected;
    }
  }
  return std::sqrt(error / norm);
}

// A rounding to bf16 leaves 0.0017 on average (2^-8 / sqrt(3), less for large mantissas): that of
// weights (codes times scales) and that of the result; of gate and up. e4m3 has 4 bits less: of x,
// in gate and in up.
double tolerance(const Case& c) {
  const double one = c.numbers == Numbers::kE4M3 ? 0.032 : 0.0026;
  return c.kind == Kind::kGated ? 1.7 * one : one;
}

TEST_P(TileProduct, AgreesWithFloat64) {
  if (!has_gpu()) {
    GTEST_SKIP() << "no GPU";
  }
  const Problem problem(GetParam());
  problem.run();
  EXPECT_LT(error_of(problem), tolerance(GetParam()));
}

TEST_P(TileProduct, InWideTilesAgreesWithFloat64) {
  if (!has_gpu()) {
    GTEST_SKIP() << "no GPU";
  }
  if (GetParam().format != DeviceFormat::kBF16) {
    GTEST_SKIP() << "rows of bf16 alone";
  }
  const Problem problem(GetParam());
  problem.run_wide();
  EXPECT_LT(error_of(problem), tolerance(GetParam()));
}

TEST_P(TileProduct, WithoutHopperAgreesWithFloat64) {
  if (!has_gpu()) {
    GTEST_SKIP() << "no GPU";
  }
  if (GetParam().numbers == Numbers::kE4M3) {
    GTEST_SKIP() << "products of bf16 numbers alone";
  }
  const Problem problem(GetParam());
  problem.run_mma();
  EXPECT_LT(error_of(problem), tolerance(GetParam()));
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  return c.shape.name + "Format" + std::to_string(static_cast<int>(c.format)) +
         (c.kind == Kind::kGated ? "Gated" : "") + (c.numbers == Numbers::kE4M3 ? "E4M3" : "") +
         (c.out_is_float ? "Float" : "");
}

std::vector<Case> cases() {
  std::vector<Case> result;
  for (const Shape& shape : shapes()) {
    result.push_back({shape, DeviceFormat::kInt4G32, Kind::kGated, Numbers::kBF16, false});
    result.push_back({shape, DeviceFormat::kInt8G32, Kind::kPlain, Numbers::kBF16, false});
    for (const DeviceFormat format : {DeviceFormat::kBF16, DeviceFormat::kInt4G64}) {
      result.push_back({shape, format, Kind::kPlain, Numbers::kBF16, false});
      result.push_back({shape, format, Kind::kGated, Numbers::kBF16, false});
      result.push_back({shape, format, Kind::kGated, Numbers::kBF16, true});
    }
    result.push_back({shape, DeviceFormat::kFP8, Kind::kPlain, Numbers::kE4M3, false});
    result.push_back({shape, DeviceFormat::kFP8, Kind::kGated, Numbers::kE4M3, true});
  }
  return result;
}

INSTANTIATE_TEST_SUITE_P(All, TileProduct, ::testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace minimax::ops
