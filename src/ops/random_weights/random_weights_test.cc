// SPDX-License-Identifier: Apache-2.0
#include "ops/random_weights/random_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "cpu/thread_pool.h"
#include "quant/format.h"
#include "quant/panels.h"

namespace minimax::ops {
namespace {

constexpr std::int64_t kRows = 37;  // the last panel is not full
constexpr std::int64_t kColumns = 1024;
constexpr double kDeviation = 0.02;

class RandomWeights : public ::testing::TestWithParam<quant::Format> {};
INSTANTIATE_TEST_SUITE_P(Formats, RandomWeights, ::testing::ValuesIn([] {
                           std::vector<quant::Format> all;
                           for (const quant::FormatInfo& row : quant::formats()) {
                             all.push_back(row.format);
                           }
                           return all;
                         }()),
                         [](const auto& test) {
                           return std::string(quant::info(test.param).name);
                         });

/// A matrix on the host, filled.
struct Filled {
  Filled(const Context& ctx, quant::Format format, quant::Layout layout)
      : bytes(static_cast<std::size_t>(quant::Matrix::bytes_of(format, {kRows, kColumns}, layout))),
        matrix(bytes.data(), format, {kRows, kColumns}, layout) {
    random_weights(ctx, {.seed = 5, .deviation = kDeviation, .out = matrix});
  }
  std::vector<float> row(std::int64_t i) const {
    std::vector<float> values(static_cast<std::size_t>(kColumns));
    quant::decode_row(matrix, i, values);
    return values;
  }

  std::vector<std::byte> bytes;
  quant::Matrix matrix;
};

TEST_P(RandomWeights, SpreadAsWanted) {
  const Filled filled(Context{}, GetParam(), quant::Layout::kRows);
  double sum = 0;
  double squares = 0;
  std::set<float> different;
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (const float value : filled.row(row)) {
      ASSERT_TRUE(std::isfinite(value));
      sum += value;
      squares += double{value} * value;
      different.insert(value);
    }
  }
  constexpr double kCount = kRows * kColumns;
  // Scales vary by an eighth around their mean and codes are few: a tenth covers all formats.
  EXPECT_NEAR(std::sqrt(squares / kCount), kDeviation, 0.1 * kDeviation);
  EXPECT_LT(std::abs(sum / kCount), 0.12 * kDeviation);  // the levels of iq4 have a mean
  EXPECT_GT(different.size(), 30U);
}

TEST_P(RandomWeights, AreTheSameInPanelsOnThreads) {
  if (!quant::has_panels(GetParam())) {
    GTEST_SKIP() << "a format without panels";
  }
  cpu::ThreadPool pool(3);
  const Context ctx{.device = Device::kCpu, .pool = &pool};
  const Filled rows(Context{}, GetParam(), quant::Layout::kRows);
  const Filled panels(ctx, GetParam(), quant::Layout::kPanels);
  for (std::int64_t row = 0; row < kRows; ++row) {
    ASSERT_EQ(rows.row(row), panels.row(row)) << row;
  }
}

}  // namespace
}  // namespace minimax::ops
