// SPDX-License-Identifier: Apache-2.0
#include "ops/router/router.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using testing::GuardedTensor;
using testing::TestContext;

class Router : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, Router, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

struct Routed {
  GuardedTensor logits;
  GuardedTensor ids;
  GuardedTensor weights;
};

Routed route(const Context& ctx, const tensor::Tensor& x, const tensor::Tensor& weight,
             std::int64_t top_k) {
  const std::int64_t tokens = x.shape()[0];
  Routed routed{GuardedTensor(DType::kF32, {tokens, weight.shape()[0]}),
                GuardedTensor(DType::kI32, {tokens, top_k}),
                GuardedTensor(DType::kF32, {tokens, top_k})};
  router(ctx, {.x = x,
               .weight = weight,
               .logits = *routed.logits,
               .expert_ids = *routed.ids,
               .expert_weights = *routed.weights});
  return routed;
}

// Routes one token by an identity matrix, so that its elements are the logits.
Routed route_logits(const Context& ctx, const std::vector<float>& logits, std::int64_t top_k) {
  const auto experts = static_cast<std::int64_t>(logits.size());
  const GuardedTensor x = testing::tensor_of({1, experts}, logits);
  const GuardedTensor identity = testing::zero_tensor({experts, experts});
  for (std::int64_t e = 0; e < experts; ++e) {
    identity.floats()[e * experts + e] = 1.0f;
  }
  return route(ctx, *x, *identity, top_k);
}

std::vector<double> logits_of(const GuardedTensor& x, const GuardedTensor& weight) {
  std::vector<double> logits;
  const std::int64_t width = x->shape()[1];
  for (std::int64_t t = 0; t < x->shape()[0]; ++t) {
    for (std::int64_t e = 0; e < weight->shape()[0]; ++e) {
      double sum = 0.0;
      for (std::int64_t i = 0; i < width; ++i) {
        sum += double{x.floats()[t * width + i]} * weight.floats()[e * width + i];
      }
      logits.push_back(sum);
    }
  }
  return logits;
}

TEST_P(Router, MatchesFloat64AtOddSizes) {
  TestContext ctx(GetParam());
  for (const std::int64_t tokens : {1, 3, 4, 9}) {
    for (const std::int64_t experts : {1, 5, 32}) {
      const std::int64_t width = 63 + tokens * experts;
      const GuardedTensor x = testing::random_tensor({tokens, width}, 1);
      const GuardedTensor weight = testing::random_tensor({experts, width}, 2, 0.1f);
      const Routed routed = route(*ctx, *x, *weight, 1);
      // Products of random sign: the errors of n/4 additions in a lane grow as the root of that.
      const double tolerance = 2 * std::sqrt(static_cast<double>(width)) * testing::kRounding;
      EXPECT_LE(testing::relative_error(routed.logits.to_vector(), logits_of(x, weight)), tolerance)
          << tokens << " " << experts;
    }
  }
}

TEST_P(Router, WeighsTheLargestBySoftmaxOverTheChosen) {
  TestContext ctx(GetParam());
  const Routed routed = route_logits(*ctx, {0.5f, -1.0f, 3.0f, 2.0f, 1.0f}, 3);
  EXPECT_EQ(std::vector<std::int32_t>(routed.ids.ints(), routed.ids.ints() + 3),
            (std::vector<std::int32_t>{2, 3, 4}));
  const double sum = 1.0 + std::exp(-1.0) + std::exp(-2.0);
  const std::vector<double> expected = {1.0 / sum, std::exp(-1.0) / sum, std::exp(-2.0) / sum};
  EXPECT_LE(testing::relative_error(routed.weights.to_vector(), expected), testing::kRounding);
}

TEST_P(Router, PrefersTheLowerIdAmongEquals) {
  TestContext ctx(GetParam());
  const Routed routed = route_logits(*ctx, {0.0f, 7.0f, 7.0f, 0.0f, 7.0f}, 4);
  EXPECT_EQ(std::vector<std::int32_t>(routed.ids.ints(), routed.ids.ints() + 4),
            (std::vector<std::int32_t>{1, 2, 4, 0}));
}

TEST_P(Router, NamesExpertsEvenForNaN) {
  TestContext ctx(GetParam());
  const GuardedTensor x = testing::tensor_of({1, 1}, {std::numeric_limits<float>::quiet_NaN()});
  const GuardedTensor weight = testing::random_tensor({4, 1}, 1);
  const Routed routed = route(*ctx, *x, *weight, 4);
  EXPECT_EQ(std::vector<std::int32_t>(routed.ids.ints(), routed.ids.ints() + 4),
            (std::vector<std::int32_t>{0, 1, 2, 3}));
}

TEST_P(Router, SurvivesLogitsFarApart) {
  TestContext ctx(GetParam());
  const Routed routed = route_logits(*ctx, {-3e38f, 3e38f, 0.0f}, 2);
  EXPECT_EQ(routed.weights.to_vector(), (std::vector<float>{1.0f, 0.0f}));
  EXPECT_EQ(routed.ids.ints()[1], 2);
}

TEST_P(Router, GivesTheSameBitsForATokenAloneOrAmongOthersOnAnyNumberOfThreads) {
  const GuardedTensor x = testing::random_tensor({23, 1021}, 1);
  const GuardedTensor weight = testing::random_tensor({13, 1021}, 2);
  std::vector<float> expected;
  TestContext alone(GetParam(), 1);
  for (std::int64_t t = 0; t < 23; ++t) {
    const Routed routed = route(*alone, x->rows(t, t + 1), *weight, 2);
    expected.insert(expected.end(), routed.logits.floats(), routed.logits.floats() + 13);
  }
  for (const int threads : {1, 2, 5}) {
    TestContext ctx(GetParam(), threads);
    EXPECT_EQ(route(*ctx, *x, *weight, 2).logits.to_vector(), expected) << threads;
  }
}

TEST(RouterArguments, RefusesMoreExpertsPerTokenThanThereAre) {
  const GuardedTensor x = testing::random_tensor({2, 3}, 1);
  const GuardedTensor weight = testing::random_tensor({4, 3}, 2);
  try {
    route(Context{}, *x, *weight, 5);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "router: experts per token: expected a value from 1 to 4, found 5");
  }
}

}  // namespace
}  // namespace minimax::ops
