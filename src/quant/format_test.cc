// SPDX-License-Identifier: Apache-2.0
#include "quant/format.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "minimax/error.h"
#include "quant/decode.h"

namespace minimax::quant {
namespace {

TEST(Formats, HaveNamesAndGgufNumbersOfTheirOwn) {
  std::set<std::string_view> names;
  std::set<int> ids;
  for (const FormatInfo& row : formats()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(format_from_name(row.name), row.format);
    if (row.gguf_id) {
      EXPECT_TRUE(ids.insert(*row.gguf_id).second) << row.name;
      EXPECT_EQ(format_from_gguf_id(*row.gguf_id), row.format);
    }
  }
  EXPECT_EQ(format_from_name("Q4_K"), Format::kQ4_K);
  EXPECT_FALSE(format_from_name("q4"));
  EXPECT_FALSE(format_from_gguf_id(4));
  EXPECT_FALSE(format_from_gguf_id(-1));
}

TEST(Formats, SaySizesOfRows) {
  EXPECT_EQ(row_bytes(Format::kQ6_K, 512), 420);
  EXPECT_EQ(row_bytes(Format::kBF16, 3), 6);
  EXPECT_EQ(row_bytes(Format::kQ8_0, 0), 0);
  EXPECT_DOUBLE_EQ(info(Format::kQ4_0).bits_per_element(), 4.5);
  EXPECT_DOUBLE_EQ(info(Format::kQ6_K).bits_per_element(), 6.5625);
  EXPECT_THROW(row_bytes(Format::kQ6_K, 511), Error);
  EXPECT_THROW(row_bytes(Format::kQ6_K, -256), Error);
}

TEST(Formats, FallBackWhereRowsDoNotDivide) {
  EXPECT_EQ(format_for_row(Format::kQ4_K, 512), Format::kQ4_K);
  EXPECT_EQ(format_for_row(Format::kQ4_K, 96), Format::kQ5_0);
  EXPECT_EQ(format_for_row(Format::kQ5_K, 96), Format::kQ5_1);
  EXPECT_EQ(format_for_row(Format::kQ6_K, 96), Format::kQ8_0);
  EXPECT_EQ(format_for_row(Format::kIQ4_XS, 96), Format::kIQ4_NL);
  EXPECT_EQ(format_for_row(Format::kQ2_K, 33), Format::kF16);
  EXPECT_EQ(format_for_row(Format::kInt4G64, 96), Format::kInt4G32);
  for (const FormatInfo& row : formats()) {
    EXPECT_EQ(info(format_for_row(row.format, 1)).block_elements, 1) << row.name;
  }
}

TEST(DecodeRow, RefusesBytesThatAreNotTheBlocks) {
  std::vector<std::byte> bytes(35);
  std::vector<float> out(32);
  EXPECT_THROW(decode_row(Format::kQ8_0, bytes, out), Error);
  out.resize(31);
  EXPECT_THROW(decode_row(Format::kQ8_0, std::span(bytes).first(34), out), Error);
}

/// Writes every code to every element, and sees that it is there and nowhere else.
template <CodedFormat F>
void expect_codes_kept_apart(std::string_view name) {
  base::SplitMix64 random(7);
  typename F::Block block{};
  std::vector<int> expected(F::kElements);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < F::kElements; ++i) {
      const int range = F::kMaxCode - F::kMinCode + 1;
      expected[static_cast<std::size_t>(i)] =
          F::kMinCode + static_cast<int>(random.next() % static_cast<std::uint64_t>(range));
      F::set_code(block, i, expected[static_cast<std::size_t>(i)]);
    }
    for (int i = 0; i < F::kElements; ++i) {
      ASSERT_EQ(F::code(block, i), expected[static_cast<std::size_t>(i)]) << name << " " << i;
    }
  }
}

TEST(Blocks, KeepEveryCodeApart) {
  for (const FormatInfo& row : formats()) {
    visit_format(row.format, [&]<BlockFormat F>() {
      if constexpr (CodedFormat<F>) {
        expect_codes_kept_apart<F>(row.name);
      }
    });
  }
}

template <SuperBlockFormat F>
void expect_sub_scales_kept_apart(std::string_view name) {
  constexpr int kSubBlocks = F::kElements / F::kSubElements;
  int low = 0;
  if constexpr (!HasSubMins<F>) {
    low = F::kMinSubScale;
  }
  typename F::Block block{};
  const int range = F::kMaxSubScale - low + 1;
  for (int value = 0; value < range; ++value) {
    for (int j = 0; j < kSubBlocks; ++j) {
      F::set_sub_scale(block, j, low + (value + 5 * j) % range);
      if constexpr (HasSubMins<F>) {
        F::set_sub_min(block, j, (value + 11 * j + 3) % range);
      }
    }
    for (int j = 0; j < kSubBlocks; ++j) {
      ASSERT_EQ(F::sub_scale(block, j), low + (value + 5 * j) % range) << name;
      if constexpr (HasSubMins<F>) {
        ASSERT_EQ(F::sub_min(block, j), (value + 11 * j + 3) % range) << name;
      }
    }
  }
}

TEST(Blocks, KeepEveryScaleOfSubBlocksApart) {
  for (const FormatInfo& row : formats()) {
    visit_format(row.format, [&]<BlockFormat F>() {
      if constexpr (SuperBlockFormat<F>) {
        expect_sub_scales_kept_apart<F>(row.name);
      }
    });
  }
}

}  // namespace
}  // namespace minimax::quant
