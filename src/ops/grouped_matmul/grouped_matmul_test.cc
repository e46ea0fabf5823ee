// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_matmul/grouped_matmul.h"

#include <cmath>
#include <string>
#include <tuple>

#include "minimax/error.h"
#include "ops/matmul/matmul.h"
#include "ops/silu_mul/silu_mul.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using testing::GuardedTensor;
using testing::Target;
using testing::TestContext;

using Case = std::tuple<Target, DType, Precision>;

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  const auto& [target, dtype, precision] = info.param;
  return testing::target_name({target, 0}) + "_" + std::string(tensor::dtype_name(dtype)) +
         (precision == Precision::kBFloat16 ? "_bfloat16" : "_float32");
}

GuardedTensor integers(const std::vector<std::int32_t>& values) {
  GuardedTensor tensor(DType::kI32, {static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), tensor.ints());
  return tensor;
}

// Experts with weights [columns, inner] each.
class Experts {
 public:
  Experts(DType dtype, std::size_t count, std::int64_t columns, std::int64_t inner, int seed) {
    for (std::size_t expert = 0; expert < count; ++expert) {
      owners_.push_back(testing::random_weight(dtype, {columns, inner},
                                               static_cast<std::uint64_t>(seed) + expert));
      matrices_.push_back(*owners_.back());
    }
  }
  std::vector<quant::Matrix>& matrices() { return matrices_; }

 private:
  std::vector<GuardedTensor> owners_;
  std::vector<quant::Matrix> matrices_;
};

// Tokens of which each chose two experts, unevenly: some experts have many rows, some none.
struct Routing {
  static constexpr std::int64_t kTokens = 115;
  std::vector<std::int32_t> offsets = {0, 0, 1, 6, 6, 203, 227, 230};
  std::vector<std::int32_t> pair_of_row;

  Routing() {
    for (std::int32_t row = 0; row < 2 * kTokens; ++row) {
      pair_of_row.push_back((row * 101 + 7) % (2 * kTokens));
    }
  }
  std::size_t experts() const { return offsets.size() - 1; }
};

class GroupedMatmul : public ::testing::TestWithParam<Case> {
 protected:
  Target target() const { return std::get<0>(GetParam()); }
  DType dtype() const { return std::get<1>(GetParam()); }
  Precision precision() const { return std::get<2>(GetParam()); }
  TestContext context(int threads, std::int64_t rows, std::int64_t inner) const {
    return TestContext(target(), threads,
                       grouped_matmul_scratch_bytes(target().device, rows, inner));
  }

  std::vector<float> gated(const tensor::Tensor& x, Experts& gate, Experts& up,
                           const Routing& routing, int threads = 2) const {
    const GuardedTensor offsets = integers(routing.offsets);
    const GuardedTensor pair_of_row = integers(routing.pair_of_row);
    const GuardedTensor out(DType::kF32, {pair_of_row->elements(), gate.matrices()[0].shape()[0]});
    TestContext ctx = context(threads, x.shape()[0], x.shape()[1]);
    grouped_gated_matmul(*ctx, {.x = x,
                                .gate = gate.matrices(),
                                .up = up.matrices(),
                                .offsets = *offsets,
                                .pair_of_row = *pair_of_row,
                                .top_k = 2,
                                .precision = precision(),
                                .out = *out});
    return out.to_vector();
  }

  std::vector<float> plain(const tensor::Tensor& x, Experts& weight, const Routing& routing,
                           int threads = 2) const {
    const GuardedTensor offsets = integers(routing.offsets);
    const GuardedTensor out(DType::kF32, {x.shape()[0], weight.matrices()[0].shape()[0]});
    TestContext ctx = context(threads, x.shape()[0], x.shape()[1]);
    grouped_matmul(*ctx, {.x = x,
                          .weight = weight.matrices(),
                          .offsets = *offsets,
                          .precision = precision(),
                          .out = *out});
    return out.to_vector();
  }

  // The product of one row with one weight, from the operation for a single matrix.
  std::vector<float> matmul_of(const tensor::Tensor& row, const quant::Matrix& weight) const {
    const GuardedTensor out(DType::kF32, {1, weight.shape()[0]});
    TestContext ctx(target(), 1, matmul_scratch_bytes(Device::kCpu, 1, row.shape()[1]));
    matmul(*ctx, {.x = row, .weight = weight, .precision = precision(), .out = *out});
    return out.to_vector();
  }
};
INSTANTIATE_TEST_SUITE_P(
    Devices, GroupedMatmul,
    ::testing::Combine(::testing::ValuesIn(testing::all_targets()),
                       ::testing::Values(DType::kF32, DType::kF16, DType::kBF16),
                       ::testing::Values(Precision::kFloat32, Precision::kBFloat16)),
    case_name);

TEST_P(GroupedMatmul, EqualsMatmulOfEveryRowBitForBit) {
  const Routing routing;
  Experts weight(dtype(), routing.experts(), 37, 41, 1);
  const GuardedTensor x = testing::random_tensor({2 * Routing::kTokens, 41}, 2);
  const std::vector<float> out = plain(*x, weight, routing);
  for (std::size_t expert = 0; expert < routing.experts(); ++expert) {
    for (std::int64_t row = routing.offsets[expert]; row < routing.offsets[expert + 1]; ++row) {
      const std::vector<float> expected =
          matmul_of(x->rows(row, row + 1), weight.matrices()[expert]);
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), out.begin() + row * 37)) << row;
    }
  }
}

TEST_P(GroupedMatmul, GatedEqualsItsPartsBitForBit) {
  const Routing routing;
  Experts gate(dtype(), routing.experts(), 37, 41, 1);
  Experts up(dtype(), routing.experts(), 37, 41, 100);
  const GuardedTensor x = testing::random_tensor({Routing::kTokens, 41}, 2);
  const std::vector<float> out = gated(*x, gate, up, routing);
  TestContext ctx(target(), 1);
  for (std::size_t expert = 0; expert < routing.experts(); ++expert) {
    for (std::int64_t row = routing.offsets[expert]; row < routing.offsets[expert + 1]; ++row) {
      const std::int64_t token = routing.pair_of_row[static_cast<std::size_t>(row)] / 2;
      const tensor::Tensor one = x->rows(token, token + 1);
      const GuardedTensor a = testing::tensor_of({1, 37}, matmul_of(one, gate.matrices()[expert]));
      const GuardedTensor b = testing::tensor_of({1, 37}, matmul_of(one, up.matrices()[expert]));
      silu_mul(*ctx, *a, *b, *a);
      ASSERT_TRUE(std::equal(a.floats(), a.floats() + 37, out.begin() + row * 37)) << row;
    }
  }
}

TEST_P(GroupedMatmul, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Routing routing;
  Experts gate(dtype(), routing.experts(), 130, 63, 1);
  Experts up(dtype(), routing.experts(), 130, 63, 100);
  const GuardedTensor x = testing::random_tensor({Routing::kTokens, 63}, 2);
  const GuardedTensor rows = testing::random_tensor({2 * Routing::kTokens, 63}, 3);
  const std::vector<float> alone = gated(*x, gate, up, routing, 1);
  const std::vector<float> alone_plain = plain(*rows, gate, routing, 1);
  for (const int threads : {2, 5}) {
    EXPECT_EQ(alone, gated(*x, gate, up, routing, threads));
    EXPECT_EQ(alone_plain, plain(*rows, gate, routing, threads));
  }
}

TEST_P(GroupedMatmul, ExpertsMayDifferInTheTypeOfTheirWeights) {
  Routing routing;
  Experts weight(dtype(), routing.experts(), 5, 19, 1);
  Experts other(DType::kF32, routing.experts(), 5, 19, 50);
  weight.matrices()[2] = other.matrices()[2];
  const GuardedTensor x = testing::random_tensor({2 * Routing::kTokens, 19}, 2);
  const std::vector<float> out = plain(*x, weight, routing);
  for (const std::size_t expert : {std::size_t{2}, std::size_t{4}}) {
    const std::int64_t row = routing.offsets[expert];
    const std::vector<float> expected = matmul_of(x->rows(row, row + 1), weight.matrices()[expert]);
    for (std::size_t n = 0; n < 5; ++n) {
      // Sums of the same 19 terms in another order: 20 roundings each of sums below 25.
      EXPECT_NEAR(out[static_cast<std::size_t>(row * 5) + n], expected[n], 500 * 0x1p-24);
    }
  }
}

TEST(GroupedMatmulArguments, RefusesWhatDoesNotFit) {
  Experts weight(DType::kF32, 2, 3, 4, 1);
  const GuardedTensor x = testing::random_tensor({5, 4}, 2);
  const GuardedTensor out = testing::random_tensor({5, 3}, 3);
  const auto run = [&](const std::vector<std::int32_t>& offsets) {
    const GuardedTensor tensor = integers(offsets);
    grouped_matmul({}, {.x = *x, .weight = weight.matrices(), .offsets = *tensor, .out = *out});
  };
  EXPECT_NO_THROW(run({0, 2, 5}));
  EXPECT_THROW(run({0, 2, 6}), Error);
  EXPECT_THROW(run({0, 6, 5}), Error);
  EXPECT_THROW(run({1, 2, 5}), Error);
  EXPECT_THROW(run({0, 5}), Error);
}

TEST(GroupedMatmulArguments, RefusesPairsOutsideOfTheTokens) {
  Experts weight(DType::kF32, 1, 3, 4, 1);
  const GuardedTensor x = testing::random_tensor({2, 4}, 2);
  const GuardedTensor out = testing::random_tensor({2, 3}, 3);
  const GuardedTensor offsets = integers({0, 2});
  const auto run = [&](const std::vector<std::int32_t>& pairs) {
    const GuardedTensor tensor = integers(pairs);
    grouped_gated_matmul({}, {.x = *x,
                              .gate = weight.matrices(),
                              .up = weight.matrices(),
                              .offsets = *offsets,
                              .pair_of_row = *tensor,
                              .top_k = 1,
                              .out = *out});
  };
  EXPECT_NO_THROW(run({1, 0}));
  EXPECT_THROW(run({2, 0}), Error);
  EXPECT_THROW(run({-1, 0}), Error);
}

}  // namespace
}  // namespace minimax::ops
