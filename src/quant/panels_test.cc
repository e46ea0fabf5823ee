// SPDX-License-Identifier: Apache-2.0
#include "quant/panels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "minimax/error.h"
#include "quant/decode.h"

namespace minimax::quant {
namespace {

// Rows of random bits whose scales are finite: every code occurs.
std::vector<std::byte> random_rows(Format format, std::int64_t rows, std::int64_t elements) {
  std::mt19937 random(7);
  std::vector<std::byte> bytes(static_cast<std::size_t>(rows * row_bytes(format, elements)));
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random());
  }
  visit_format(format, [&]<BlockFormat F>() {
    if constexpr (CodedFormat<F>) {
      for (std::size_t at = 0; at < bytes.size(); at += sizeof(typename F::Block)) {
        typename F::Block block;
        std::memcpy(&block, &bytes[at], sizeof(block));
        if constexpr (HasAbsmax<F>) {
          block.absmax = static_cast<float>(random() % 1000) * 0x1p-7f;
        } else if constexpr (HasFloatScale<F>) {
          block.scale = static_cast<float>(random() % 1000) * 0x1p-7f;
        } else {
          block.scale.bits = static_cast<std::uint16_t>(block.scale.bits & 0xbbff);
        }
        if constexpr (HasMin<F>) {
          block.min.bits = static_cast<std::uint16_t>(block.min.bits & 0xbbff);
        }
        std::memcpy(&bytes[at], &block, sizeof(block));
      }
    }
  });
  return bytes;
}

std::vector<Format> panel_formats() {
  std::vector<Format> all;
  for (const FormatInfo& row : formats()) {
    if (has_panels(row.format)) {
      all.push_back(row.format);
    }
  }
  return all;
}

class Panels : public ::testing::TestWithParam<Format> {};
INSTANTIATE_TEST_SUITE_P(Formats, Panels, ::testing::ValuesIn(panel_formats()),
                         [](const auto& test) {
                           return std::string(quant::info(test.param).name);
                         });

TEST_P(Panels, DecodeToTheBitsOfTheirRows) {
  for (const std::int64_t rows : {1, 15, 16, 37}) {
    const std::int64_t elements = 3 * info(GetParam()).block_elements;
    const std::int64_t bytes_each = row_bytes(GetParam(), elements);
    const std::vector<std::byte> raw = random_rows(GetParam(), rows, elements);
    std::vector<std::byte> packed(
        static_cast<std::size_t>(panels_bytes(GetParam(), rows, elements)), std::byte{0xff});
    pack_panels({GetParam(), raw.data(), bytes_each, rows, elements}, packed);
    const auto each = static_cast<std::size_t>(panel_bytes(GetParam(), elements));
    std::vector<float> expected(static_cast<std::size_t>(elements));
    std::vector<float> found(expected.size());
    for (std::int64_t row = 0; row < (rows + 15) / 16 * 16; ++row) {
      std::fill(expected.begin(), expected.end(), 0.0f);
      if (row < rows) {
        decode_row(GetParam(),
                   std::span(raw).subspan(static_cast<std::size_t>(row * bytes_each),
                                          static_cast<std::size_t>(bytes_each)),
                   expected);
      }
      decode_panel_row(GetParam(),
                       std::span(packed).subspan(static_cast<std::size_t>(row / 16) * each, each),
                       static_cast<int>(row % 16), found);
      for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i], expected[i]) << "element " << i << " of row " << row;
      }
    }
  }
}

TEST_P(Panels, TakeAboutTheBytesOfTheirRows) {
  // 6-bit scales of super-blocks become bytes: 3.6 % of q3_k, where they are the largest part.
  const std::int64_t elements = info(GetParam()).block_elements;
  EXPECT_LE(static_cast<double>(panel_bytes(GetParam(), elements)),
            16.0 * 1.037 * static_cast<double>(row_bytes(GetParam(), elements)));
}

TEST(PanelLevels, LieNearTheLevelsOfTheirTypes) {
  // Levels are whole steps of about 1/124, so an arbitrary one may err by 0.0040; the best number
  // of steps brings the worst of these sixteen to 0.00286 (found in float64 by trying them all).
  const auto worst = [](const PanelLayout& layout) {
    float error = 0.0f;
    for (int i = 0; i < 16; ++i) {
      error = std::max(error, std::abs(static_cast<float>(layout.levels[i]) * layout.level_scale -
                                       layout.exact_levels[i]));
    }
    return error;
  };
  EXPECT_LT(worst(panel_layout<NF4>()), 0.0029f);
  EXPECT_LT(worst(panel_layout<FP4>()), 0.0029f);
  EXPECT_EQ(worst(panel_layout<IQ4_NL>()), 0.0f);
}

TEST(PanelArguments, RefusePlainFormatsAndWrongSizes) {
  std::vector<std::byte> bytes(64);
  EXPECT_THROW(panel_bytes(Format::kBF16, 32), Error);
  EXPECT_THROW(panel_bytes(Format::kQ4_0, 33), Error);
  EXPECT_THROW(pack_panel({Format::kQ4_0, bytes.data(), 18, 1, 32}, bytes), Error);
  std::vector<float> out(32);
  EXPECT_THROW(decode_panel_row(Format::kQ4_0, bytes, 0, out), Error);
}

}  // namespace
}  // namespace minimax::quant
