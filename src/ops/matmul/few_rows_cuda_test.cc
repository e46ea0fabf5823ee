// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul/few_rows_cuda.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "ops/device_matrix/device_testing.h"
#include "quant/decode.h"

namespace minimax::ops {
namespace {

using quant::Format;

constexpr Format kFormats[] = {
    Format::kBF16,    Format::kInt8G64, Format::kInt8G32, Format::kQ8_0,
    Format::kInt8F32, Format::kQ6_K,    Format::kInt4G64, Format::kInt4G32,
    Format::kQ4_0,    Format::kQ4_K,    Format::kNF4,     Format::kFP4,
};

std::string format_test_name(const ::testing::TestParamInfo<Format>& info) {
  return std::string(quant::info(info.param).name);
}

struct ProductRun {
  std::int64_t rows;
  bool out_is_float = true;
  int processors = 0;  // 0: all
};

// Runs a product into poisoned memory.
std::vector<float> multiply(const DeviceTestMatrix& weight, const std::vector<float>& x,
                            const ProductRun& run) {
  const DeviceBuffer device_x(rounded_bits(x));
  const std::int64_t elements = run.rows * weight.layout.rows;
  const DeviceBuffer out(elements * (run.out_is_float ? 4 : 2));
  const int processors = run.processors > 0 ? run.processors : processor_count();
  const DeviceBuffer scratch(cuda::kFewRowsScratchBytes);
  const DeviceBuffer barrier(std::vector<std::uint32_t>{0, 0});
  cuda::few_rows_product({.x = device_x.data(),
                          .rows = run.rows,
                          .weight = weight.tiles.data(),
                          .layout = weight.layout,
                          .outs = {{out.data(), weight.layout.rows}},
                          .out_is_float = run.out_is_float,
                          .barrier = barrier.data(),
                          .scratch = scratch.data(),
                          .processors = processors},
                         nullptr);
  expect_cuda(cudaDeviceSynchronize());
  if (run.out_is_float) {
    return out.download<float>();
  }
  std::vector<float> values;
  for (const std::uint16_t bits : out.download<std::uint16_t>()) {
    values.push_back(widened_bits(bits));
  }
  return values;
}

// Checks all elements against float64 sums of what the tiles stand for.
void expect_product(const DeviceTestMatrix& weight, const ProductRun& run, std::uint64_t seed) {
  const std::int64_t inner = weight.layout.columns;
  const std::int64_t columns = weight.layout.rows;
  std::vector<float> x = random_floats(run.rows * inner, seed);
  std::transform(x.begin(), x.end(), x.begin(),
                 [](float value) { return tensor::to_float(tensor::to_bfloat16(value)); });
  const std::vector<float> out = multiply(weight, x, run);
  double squares = 0.0;
  double errors = 0.0;
  for (std::int64_t t = 0; t < run.rows; ++t) {
    for (std::int64_t n = 0; n < columns; ++n) {
      const ExactSum exact = exact_sum(x.data() + t * inner, weight.row(n), inner);
      const auto found = static_cast<double>(out[static_cast<std::size_t>(t * columns + n)]);
      double allowed = product_tolerance(weight.layout.format) * exact.magnitude;
      allowed += run.out_is_float ? 0.0 : 0x1p-8 * std::abs(exact.value);
      ASSERT_NEAR(found, exact.value, allowed) << "row " << t << " column " << n << " of "
                                               << run.rows << " x " << inner << " x " << columns;
      squares += exact.value * exact.value;
      errors += (found - exact.value) * (found - exact.value);
    }
  }
  ::testing::Test::RecordProperty("relative_error", std::to_string(std::sqrt(errors / squares)));
  std::printf("%lld x %lld x %lld: relative error %.2e\n", static_cast<long long>(run.rows),
              static_cast<long long>(inner), static_cast<long long>(columns),
              std::sqrt(errors / squares));
}

class FewRowsProduct : public ::testing::TestWithParam<Format> {
 protected:
  void SetUp() override {
    if (!has_gpu()) {
      GTEST_SKIP() << "no GPU";
    }
  }
  static bool is_plain() { return GetParam() == Format::kBF16; }
  // Plain rows are as many as tiles have, and rows of x that few.
  static std::int64_t columns_like(std::int64_t columns) {
    return is_plain() ? (columns + 15) / 16 * 16 : columns;
  }
  static void expect_rows(const DeviceTestMatrix& weight, const ProductRun& run,
                          std::uint64_t seed) {
    if (!is_plain() || run.rows <= cuda::kFewPlainRows) {
      expect_product(weight, run, seed);
    }
  }
  std::int64_t block() const { return quant::info(GetParam()).block_elements; }
};
INSTANTIATE_TEST_SUITE_P(Formats, FewRowsProduct, ::testing::ValuesIn(kFormats), format_test_name);

TEST_P(FewRowsProduct, TilesStandForWhatTheBlocksDo) {
  const std::int64_t columns = 3 * std::max<std::int64_t>(block(), 32);
  const std::int64_t rows = 37;
  const DeviceTestMatrix matrix(GetParam(), rows, columns, 11);
  const std::vector<std::byte> blocks = random_blocks(GetParam(), rows, columns, 11);
  std::vector<float> expected(static_cast<std::size_t>(rows * columns));
  quant::decode_row(GetParam(), blocks, expected);
  const bool two_levels = GetParam() == Format::kQ4_K || GetParam() == Format::kQ6_K;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    // Rounding a scale and a minimum to binary16 changes what they make by 2^-11 each.
    ASSERT_NEAR(matrix.elements[i], expected[i], two_levels ? 0.3f * 0x1p-10f : 0.0f) << i;
  }
}

TEST_P(FewRowsProduct, MatchesFloat64AtOddRows) {
  const std::int64_t inner = 5 * std::max<std::int64_t>(block(), 64);
  const DeviceTestMatrix weight(GetParam(), columns_like(100), inner, 5);
  for (const std::int64_t rows : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64}) {
    expect_rows(weight, {.rows = rows}, static_cast<std::uint64_t>(rows));
  }
}

TEST_P(FewRowsProduct, MatchesFloat64AtOddWidths) {
  for (const std::int64_t columns : {1, 17, 2049}) {
    const DeviceTestMatrix weight(GetParam(), columns_like(columns), is_plain() ? 64 : block(), 7);
    expect_rows(weight, {.rows = 3, .out_is_float = false}, 8);
  }
}

TEST_P(FewRowsProduct, MatchesFloat64WhereRowsDoNotFitSharedMemory) {
  const DeviceTestMatrix weight(GetParam(), columns_like(200), 9216, 3);
  for (const std::int64_t rows : {1, 8, 13, 32, 41}) {
    expect_rows(weight, {.rows = rows}, static_cast<std::uint64_t>(rows));
  }
  // Few blocks: a range of more items than sums are kept for.
  expect_rows(weight, {.rows = 7, .processors = 2}, 4);
  expect_rows(weight, {.rows = 17, .processors = 12}, 4);
}

TEST_P(FewRowsProduct, GivesTheSameBitsAgain) {
  const DeviceTestMatrix weight(GetParam(), columns_like(300), 6144, 13);
  for (const std::int64_t rows : {1, is_plain() ? 7 : 40}) {
    const std::vector<float> x = random_floats(rows * 6144, 14);
    const std::vector<float> first = multiply(weight, x, {.rows = rows});
    const std::vector<float> second = multiply(weight, x, {.rows = rows});
    EXPECT_EQ(std::memcmp(first.data(), second.data(), first.size() * sizeof(float)), 0);
  }
}

TEST(FewRowsProductFP8, MatchesFloat64WithScalesOfChannelsAndBlocks) {
  if (!has_gpu()) {
    GTEST_SKIP() << "no GPU";
  }
  const DeviceTestMatrix channels(100, 1024, 1, 1024, 21);
  const DeviceTestMatrix blocks(300, 1000, 128, 128, 22);
  for (const std::int64_t rows : {1, 8, 17, 64}) {
    expect_product(channels, {.rows = rows}, 23);
    expect_product(blocks, {.rows = rows}, 24);
  }
}

}  // namespace
}  // namespace minimax::ops
