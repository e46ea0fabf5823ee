// SPDX-License-Identifier: Apache-2.0
// Products with quantized weights in panels, by way of the operations that use them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "ops/grouped_matmul/grouped_matmul.h"
#include "ops/matmul/matmul.h"
#include "quant/panels.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using quant::Format;
using quant::Layout;
using quant::Matrix;
using tensor::DType;
using testing::GuardedTensor;
using testing::Target;
using testing::TestContext;

// One of the numbers that a scale may be.
std::uint16_t random_half(std::mt19937& random) {
  const float value = (static_cast<float>(random() % 2000) - 1000.0f) * 0x1p-10f;
  return tensor::to_float16(value).bits;
}

// The same weights, [rows, elements], in rows and in panels. All codes and sub-scales are random.
class Weights {
 public:
  Weights(Format format, std::int64_t rows, std::int64_t elements, unsigned seed)
      : format_(format),
        shape_({rows, elements}),
        blocks_(static_cast<std::size_t>(rows * quant::row_bytes(format, elements))),
        packed_(tensor::Buffer::allocate(
            std::max<std::int64_t>(64, quant::panels_bytes(format, rows, elements)))) {
    std::mt19937 random(seed);
    std::ranges::generate(blocks_, [&] { return static_cast<std::byte>(random()); });
    quant::visit_format(format, [&]<quant::BlockFormat F>() {
      if constexpr (quant::CodedFormat<F>) {
        edit<F>([&](typename F::Block& block) { set_scales(block, random); });
      }
    });
    pack();
  }

  // Calls change(block) for every block of type F::Block.
  template <class F, class Change>
  void edit(Change&& change) {
    for (std::size_t at = 0; at < blocks_.size(); at += sizeof(typename F::Block)) {
      typename F::Block block;
      std::memcpy(&block, &blocks_[at], sizeof(block));
      change(block);
      std::memcpy(&blocks_[at], &block, sizeof(block));
    }
  }
  void pack() {
    quant::pack_panels({format_, blocks_.data(), rows().row_bytes(), shape_[0], shape_[1]},
                       {packed_.data(), static_cast<std::size_t>(panels().bytes())});
  }

  Matrix rows() { return {blocks_.data(), format_, shape_}; }
  Matrix panels() { return {packed_.data(), format_, shape_, Layout::kPanels}; }

 private:
  template <class Block>
  static void set_scales(Block& block, std::mt19937& random) {
    if constexpr (requires { block.absmax; }) {
      block.absmax = static_cast<float>(random() % 1000) * 0x1p-9f;
    } else if constexpr (std::is_same_v<decltype(block.scale), float>) {
      block.scale = static_cast<float>(random() % 1000) * 0x1p-16f;
    } else {
      block.scale.bits = random_half(random);
    }
    if constexpr (requires { block.min; }) {
      block.min.bits = random_half(random);
    }
  }

  Format format_;
  tensor::Shape shape_;
  std::vector<std::byte> blocks_;
  tensor::Buffer packed_;
};

std::vector<float> run(const Target& target, const tensor::Tensor& x, const Matrix& weight,
                       Precision precision, int threads = 1) {
  TestContext ctx(target, threads, matmul_scratch_bytes(Device::kCpu, x.shape()[0], x.shape()[1]));
  const GuardedTensor out(DType::kF32, {x.shape()[0], weight.shape()[0]});
  matmul(*ctx, {.x = x, .weight = weight, .precision = precision, .out = *out});
  return out.to_vector();
}

std::vector<float> reference(const tensor::Tensor& x, const Matrix& weight, Precision precision) {
  return run({}, x, weight, precision);
}

using Case = std::tuple<Target, Format>;

class PanelProduct : public ::testing::TestWithParam<Case> {
 protected:
  Target target() const { return std::get<0>(GetParam()); }
  Format format() const { return std::get<1>(GetParam()); }
  std::int64_t block() const { return quant::info(format()).block_elements; }

  // Every sum of a group is exact but for the roundings of its scales; each group then rounds the
  // sum once or twice more. Terms are not larger than the largest activation times twice the
  // largest element (an element is a sum of two where there are minima). The levels of nf4 and fp4
  // in int8 products err by 0.0029 of the largest.
  void expect_close(const std::vector<float>& found, const tensor::Tensor& x, Weights& weight,
                    Precision precision) const {
    const std::vector<float> expected = reference(x, weight.rows(), precision);
    const std::int64_t inner = x.shape()[1];
    const std::int64_t columns = weight.rows().shape()[0];
    const bool float_levels = format() == Format::kNF4 || format() == Format::kFP4;
    const double level_error = float_levels && precision == Precision::kBFloat16 ? 0.0029 : 0.0;
    const double roundings = static_cast<double>(inner) / 8 + 40;
    std::vector<float> row(static_cast<std::size_t>(inner));
    for (std::int64_t n = 0; n < columns; ++n) {
      quant::decode_row(weight.rows(), n, row);
      float largest = 0.0f;
      for (const float element : row) {
        largest = std::max(largest, std::abs(element));
      }
      for (std::int64_t t = 0; t < x.shape()[0]; ++t) {
        double magnitude = 0.0;
        for (std::int64_t k = 0; k < inner; ++k) {
          magnitude += std::abs(x.data<float>()[t * inner + k]) * largest;
        }
        const auto at = static_cast<std::size_t>(t * columns + n);
        ASSERT_NEAR(found[at], expected[at],
                    magnitude * (2 * roundings * testing::kRounding + level_error))
            << "row " << t << ", column " << n << " of " << x.shape().to_string();
      }
    }
  }
};

std::vector<Format> panel_formats() {
  std::vector<Format> all;
  for (const quant::FormatInfo& row : quant::formats()) {
    if (quant::has_panels(row.format)) {
      all.push_back(row.format);
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Formats, PanelProduct,
                         ::testing::Combine(::testing::ValuesIn(testing::cpu_targets()),
                                            ::testing::ValuesIn(panel_formats())),
                         [](const auto& test) {
                           return testing::target_name({std::get<0>(test.param), 0}) + "_" +
                                  std::string(quant::info(std::get<1>(test.param)).name);
                         });

TEST_P(PanelProduct, MatchesTheReferenceAtOddSizes) {
  struct Size {
    std::int64_t rows, columns, blocks;
  };
  for (const auto& [rows, columns, blocks] : {Size{1, 1, 1}, Size{1, 40, 3}, Size{3, 17, 2},
                                              Size{7, 16, 1}, Size{13, 33, 2}, Size{70, 15, 3}}) {
    Weights weight(format(), columns, blocks * block(), 2);
    const GuardedTensor x = testing::random_tensor({rows, blocks * block()}, 1);
    for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
      expect_close(run(target(), *x, weight.panels(), precision), *x, weight, precision);
    }
  }
}

TEST_P(PanelProduct, RowsDoNotDependOnTheirNumberNorOnThreads) {
  const std::int64_t inner = block() < 256 ? 11 * 64 : 3 * 256;  // pieces of K are shorter
  Weights weight(format(), 71, inner, 4);
  const GuardedTensor x = testing::random_tensor({70, inner}, 3);
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    const std::vector<float> all = run(target(), *x, weight.panels(), precision, 3);
    for (std::int64_t rows = 1; rows < 70; rows += rows < 16 ? 1 : 9) {
      const std::vector<float> some =
          run(target(), x->rows(70 - rows, 70), weight.panels(), precision);
      ASSERT_TRUE(std::equal(some.rbegin(), some.rend(), all.rbegin())) << rows << " rows";
    }
  }
}

TEST_P(PanelProduct, OfTheLargestCodesAndActivationsDoesNotSaturate) {
  for (const int sign : {1, -1}) {
    Weights weight(format(), 16, block(), 5);
    quant::visit_format(format(), [&]<quant::BlockFormat F>() {
      if constexpr (quant::CodedFormat<F>) {
        weight.edit<F>([&](typename F::Block& blk) {
          for (int i = 0; i < F::kElements; ++i) {
            F::set_code(blk, i, i % 64 < 32 ? F::kMaxCode : F::kMinCode);
          }
        });
      }
    });
    weight.pack();
    const GuardedTensor x(DType::kF32, {9, block()});
    std::fill_n(x.floats(), x->elements(), static_cast<float>(127 * sign));
    for (const std::int64_t rows : {1, 9}) {
      expect_close(run(target(), x->rows(0, rows), weight.panels(), Precision::kBFloat16),
                   x->rows(0, rows), weight, Precision::kBFloat16);
    }
  }
}

TEST_P(PanelProduct, TakesTinyAndZeroActivationsAndScales) {
  Weights weight(format(), 16, block(), 6);
  quant::visit_format(format(), [&]<quant::BlockFormat F>() {
    if constexpr (quant::CodedFormat<F> && !quant::HasFloatScale<F>) {
      weight.edit<F>([](typename F::Block& blk) { blk.scale.bits = 3; });  // subnormal
    }
  });
  weight.pack();
  const GuardedTensor x(DType::kF32, {4, block()});
  const std::array<float, 4> magnitudes = {0.0f, 0x1p-140f, 0x1p-90f, 0x1p90f};
  for (std::int64_t i = 0; i < x->elements(); ++i) {
    const float magnitude = magnitudes[static_cast<std::size_t>(i / block())];
    x.floats()[i] = i % 3 == 0 ? magnitude : -0.5f * magnitude;
  }
  const std::vector<float> found = run(target(), *x, weight.panels(), Precision::kBFloat16);
  expect_close(found, *x, weight, Precision::kBFloat16);
  EXPECT_TRUE(std::all_of(found.begin(), found.begin() + 32, [](float v) { return v == 0.0f; }));
}

TEST_P(PanelProduct, KeepsNanAndInfinityInTheirRows) {
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    for (const std::int64_t rows : {5, 40}) {
      Weights weight(format(), 20, 2 * block(), 7);
      const GuardedTensor x = testing::random_tensor({rows, 2 * block()}, 8);
      const std::vector<float> clean = run(target(), *x, weight.panels(), Precision::kBFloat16);
      x.floats()[2 * block() + 5] = value;
      const std::vector<float> found = run(target(), *x, weight.panels(), Precision::kBFloat16);
      for (std::size_t i = 0; i < found.size(); ++i) {
        EXPECT_TRUE(i / 20 == 1 ? std::isnan(found[i]) : found[i] == clean[i]) << i;
      }
    }
  }
}

TEST_P(PanelProduct, OfNothingIsZeroOrNothing) {
  Weights weight(format(), 5, block(), 1);
  const GuardedTensor no_rows(DType::kF32, {0, block()});
  EXPECT_TRUE(run(target(), *no_rows, weight.panels(), Precision::kBFloat16).empty());
  for (const std::int64_t rows : {3, 30}) {
    const GuardedTensor x(DType::kF32, {rows, 0});
    for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
      EXPECT_EQ(run(target(), *x, {nullptr, format(), {5, 0}, Layout::kPanels}, precision),
                std::vector<float>(static_cast<std::size_t>(5 * rows), 0.0f));
    }
  }
}

// Lanes are rows, and the sums of groups are exact, so the width of vectors changes nothing.
TEST(PanelProductTargets, AgreeBitForBitWhereTheyFuse) {
  std::vector<Target> fused;
  for (const Target& target : testing::cpu_targets()) {
    if (target.isa != cpu::Isa::kScalar) {
      fused.push_back(target);
    }
  }
  for (const Format format : panel_formats()) {
    Weights weight(format, 33, 512, 9);
    const GuardedTensor x = testing::random_tensor({20, 512}, 10);
    for (std::size_t i = 1; i < fused.size(); ++i) {
      EXPECT_EQ(run(fused[0], *x, weight.panels(), Precision::kBFloat16),
                run(fused[i], *x, weight.panels(), Precision::kBFloat16))
          << quant::info(format).name;
    }
  }
}

class MixedExperts : public ::testing::TestWithParam<Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, MixedExperts, ::testing::ValuesIn(testing::cpu_targets()),
                         testing::target_name);

// Four roundings, of which the exponential has a few units itself; it underflows at the end.
void expect_gated(const float* out, const std::vector<float>& gate, const std::vector<float>& up) {
  for (std::size_t n = 0; n < gate.size(); ++n) {
    const double expected = double{gate[n]} / (1.0 + std::exp(-double{gate[n]})) * up[n];
    ASSERT_NEAR(out[n], expected, std::abs(expected) * 16 * testing::kRounding + 0x1p-100) << n;
  }
}

// Every expert has other formats for its gate and up, also plain ones.
TEST_P(MixedExperts, EqualMatmulAndSilu) {
  constexpr std::int64_t kInner = 256;
  constexpr std::int64_t kColumns = 50;
  Weights q4(Format::kQ4_K, kColumns, kInner, 1);
  Weights q6(Format::kQ6_K, kColumns, kInner, 2);
  Weights q8(Format::kQ8_0, kColumns, kInner, 3);
  const GuardedTensor plain = testing::random_weight(DType::kBF16, {kColumns, kInner}, 4);
  const std::vector<Matrix> gate = {q4.panels(), *plain, q8.panels(), *plain};
  const std::vector<Matrix> up = {q6.panels(), q8.panels(), *plain, *plain};
  const std::vector<std::int32_t> bounds = {0, 1, 20, 23, 27};
  const std::int64_t rows = bounds.back();
  GuardedTensor offsets(DType::kI32, {5});
  std::copy(bounds.begin(), bounds.end(), offsets.ints());
  GuardedTensor pair_of_row(DType::kI32, {rows});
  for (std::int32_t row = 0; row < rows; ++row) {
    pair_of_row.ints()[row] = (row * 7 + 3) % static_cast<std::int32_t>(rows);
  }
  const GuardedTensor x = testing::random_tensor({rows, kInner}, 5);
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    const GuardedTensor out(DType::kF32, {rows, kColumns});
    TestContext ctx(GetParam(), 2, grouped_matmul_scratch_bytes(GetParam().device, rows, kInner));
    grouped_gated_matmul(*ctx, {.x = *x,
                                .gate = gate,
                                .up = up,
                                .offsets = *offsets,
                                .pair_of_row = *pair_of_row,
                                .precision = precision,
                                .out = *out});
    for (std::size_t expert = 0; expert < gate.size(); ++expert) {
      for (std::int32_t row = bounds[expert]; row < bounds[expert + 1]; ++row) {
        const std::int32_t token = pair_of_row.ints()[row];
        const tensor::Tensor one = x->rows(token, token + 1);
        const auto a = run(GetParam(), one, gate[expert], precision);
        const auto b = run(GetParam(), one, up[expert], precision);
        expect_gated(out.floats() + row * kColumns, a, b);
      }
    }
  }
}

}  // namespace
}  // namespace minimax::ops
