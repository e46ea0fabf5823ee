// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_matmul/moe_decode_cuda.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "ops/device_matrix/device_testing.h"

namespace minimax::ops {
namespace {

using quant::Format;

struct Shape {
  std::int64_t hidden;
  std::int64_t inner;
  std::int64_t experts;
};

// The matrices of all experts: each kind in one stack.
class Experts {
 public:
  Experts(Format gate_up, Format down, const Shape& shape) : shape_(shape) {
    for (std::int64_t e = 0; e < shape.experts; ++e) {
      const auto seed = static_cast<std::uint64_t>(1000 * e);
      gate_.push_back(make(gate_up, shape.inner, shape.hidden, seed + 1));
      up_.push_back(make(gate_up, shape.inner, shape.hidden, seed + 300));
      down_.push_back(make(down, shape.hidden, shape.inner, seed + 600));
    }
    gate_stack_ = stack(gate_);
    up_stack_ = stack(up_);
    down_stack_ = stack(down_);
  }

  const Shape& shape() const { return shape_; }
  const DeviceTestMatrix& gate(std::int64_t e) const { return *gate_[static_cast<std::size_t>(e)]; }
  const DeviceTestMatrix& up(std::int64_t e) const { return *up_[static_cast<std::size_t>(e)]; }
  const DeviceTestMatrix& down(std::int64_t e) const { return *down_[static_cast<std::size_t>(e)]; }

  void describe(cuda::MoeDecode& args) const {
    args.experts = shape_.experts;
    args.gate_layout = gate(0).layout;
    args.gate = {gate_stack_->data(), gate(0).layout.bytes()};
    args.up = {up_stack_->data(), gate(0).layout.bytes()};
    args.down_layout = down(0).layout;
    args.down = {down_stack_->data(), down(0).layout.bytes()};
  }

 private:
  using Matrices = std::vector<std::unique_ptr<DeviceTestMatrix>>;

  static std::unique_ptr<DeviceTestMatrix> make(Format format, std::int64_t rows,
                                                std::int64_t columns, std::uint64_t seed) {
    return std::make_unique<DeviceTestMatrix>(format, rows, columns, seed);
  }

  static std::unique_ptr<DeviceBuffer> stack(const Matrices& matrices) {
    std::vector<std::byte> all;
    for (const auto& matrix : matrices) {
      const std::vector<std::byte> bytes = matrix->tiles.download<std::byte>();
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    return std::make_unique<DeviceBuffer>(all);
  }

  Shape shape_;
  Matrices gate_;
  Matrices up_;
  Matrices down_;
  std::unique_ptr<DeviceBuffer> gate_stack_;
  std::unique_ptr<DeviceBuffer> up_stack_;
  std::unique_ptr<DeviceBuffer> down_stack_;
};

struct Routing {
  std::int64_t tokens;
  std::int64_t top_k;
  std::vector<std::int32_t> ids;
  std::vector<float> weights;
};

// Different experts for the slots of a token, from the first `used` ones.
Routing random_routing(std::int64_t tokens, std::int64_t top_k, std::int64_t used,
                       std::uint64_t seed) {
  base::SplitMix64 random(seed);
  Routing routing{tokens, top_k, {}, {}};
  for (std::int64_t t = 0; t < tokens; ++t) {
    const auto first = static_cast<std::int64_t>(random.next() % static_cast<std::uint64_t>(used));
    for (std::int64_t s = 0; s < top_k; ++s) {
      routing.ids.push_back(static_cast<std::int32_t>((first + s * (1 + t % 2)) % used));
      routing.weights.push_back(static_cast<float>(0.2 + 0.6 * random.uniform()));
    }
  }
  return routing;
}

double silu(double value) { return value / (1.0 + std::exp(-value)); }

// What an expert makes of a row, in float64, but for the rounding of what enters down.
std::vector<double> exact_expert(const Experts& experts, std::int64_t e, const float* x) {
  const Shape& shape = experts.shape();
  std::vector<float> inner(static_cast<std::size_t>(shape.inner));
  for (std::int64_t f = 0; f < shape.inner; ++f) {
    const double gate = exact_sum(x, experts.gate(e).row(f), shape.hidden).value;
    const double up = exact_sum(x, experts.up(e).row(f), shape.hidden).value;
    const auto value = static_cast<float>(silu(gate) * up);
    inner[static_cast<std::size_t>(f)] = tensor::to_float(tensor::to_bfloat16(value));
  }
  std::vector<double> out;
  for (std::int64_t h = 0; h < shape.hidden; ++h) {
    out.push_back(exact_sum(inner.data(), experts.down(e).row(h), shape.inner).value);
  }
  return out;
}

struct MoeRun {
  int processors = 0;  // 0: all
  int repetitions = 1;
};

std::vector<float> run_experts(const Experts& experts, const Routing& routing,
                               const std::vector<float>& x, const MoeRun& run) {
  const Shape& shape = experts.shape();
  const DeviceBuffer device_x(rounded_bits(x));
  const DeviceBuffer ids(routing.ids);
  const DeviceBuffer weights(routing.weights);
  const int processors = run.processors > 0 ? run.processors : processor_count();
  DeviceBuffer out(routing.tokens * shape.hidden * 4);
  const DeviceBuffer scratch(cuda::moe_decode_scratch_bytes(routing.tokens * routing.top_k,
                                                            shape.hidden, shape.inner, processors));
  const DeviceBuffer barrier(std::vector<std::uint32_t>{0, 0});
  cuda::MoeDecode args = {};
  args.x = device_x.data();
  args.expert_ids = static_cast<const std::int32_t*>(ids.data());
  args.expert_weights = static_cast<const float*>(weights.data());
  args.tokens = routing.tokens;
  args.top_k = routing.top_k;
  experts.describe(args);
  args.out = out.data();
  args.out_is_float = true;
  args.barrier = barrier.data();
  args.scratch = scratch.data();
  args.processors = processors;
  for (int i = 0; i < run.repetitions; ++i) {
    out.poison();
    cuda::moe_decode(args, nullptr);
  }
  expect_cuda(cudaDeviceSynchronize());
  return out.download<float>();
}

// Errors are measured against the deviation of the output: single elements are sums that cancel.
// An inner activation that errs by a share p of a step of bf16 (2^-8 of it) is rounded to the other
// side with that probability, which costs a whole step: sqrt(p) 2^-8 of the deviation. Rows that
// meet integers are rounded to 2^-14 of the largest of a group, so that p is about 2 %: 5e-4, and
// twice that where few outputs are averaged. Float32 sums are off by far less, tables of levels by
// 2^-9 for each weight.
void expect_experts(const Experts& experts, const Routing& routing, const MoeRun& run) {
  const Shape& shape = experts.shape();
  std::vector<float> x = random_floats(routing.tokens * shape.hidden, 77);
  std::transform(x.begin(), x.end(), x.begin(),
                 [](float value) { return tensor::to_float(tensor::to_bfloat16(value)); });
  const std::vector<float> out = run_experts(experts, routing, x, run);
  double squares = 0.0;
  double errors = 0.0;
  for (std::int64_t t = 0; t < routing.tokens; ++t) {
    std::vector<double> expected(static_cast<std::size_t>(shape.hidden));
    for (std::int64_t s = 0; s < routing.top_k; ++s) {
      const auto slot = static_cast<std::size_t>(t * routing.top_k + s);
      const std::vector<double> one =
          exact_expert(experts, routing.ids[slot], x.data() + t * shape.hidden);
      for (std::size_t h = 0; h < one.size(); ++h) {
        expected[h] += static_cast<double>(routing.weights[slot]) * one[h];
      }
    }
    for (std::size_t h = 0; h < expected.size(); ++h) {
      const auto found = static_cast<double>(out[static_cast<std::size_t>(t * shape.hidden) + h]);
      ASSERT_FALSE(std::isnan(found)) << "token " << t << " element " << h;
      squares += expected[h] * expected[h];
      errors += (found - expected[h]) * (found - expected[h]);
    }
  }
  const double error = std::sqrt(errors / squares);
  const bool table = experts.gate(0).layout.format == DeviceFormat::kNF4;
  std::printf("%lld tokens, %lld x %lld: relative error %.2e\n",
              static_cast<long long>(routing.tokens), static_cast<long long>(shape.hidden),
              static_cast<long long>(shape.inner), error);
  EXPECT_LT(error, table ? 6e-3 : 1e-3);
}

class MoeDecode : public ::testing::TestWithParam<Format> {
 protected:
  void SetUp() override {
    if (!has_gpu()) {
      GTEST_SKIP() << "no GPU";
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Formats, MoeDecode,
                         ::testing::Values(Format::kBF16, Format::kInt8G64, Format::kQ8_0,
                                           Format::kQ6_K, Format::kInt4G64, Format::kQ4_0,
                                           Format::kQ4_K, Format::kNF4),
                         [](const auto& format) {
                           return std::string(quant::info(format.param).name);
                         });

TEST_P(MoeDecode, MatchesFloat64ForAllNumbersOfTokens) {
  const Experts experts(GetParam(), GetParam(), {256, 512, 8});
  for (const std::int64_t tokens : {1, 2, 3, 8, 9, 17, 63, 64}) {
    expect_experts(experts, random_routing(tokens, 2, 8, static_cast<std::uint64_t>(tokens)), {});
  }
}

TEST_P(MoeDecode, MatchesFloat64WithExpertsThatNobodyChose) {
  const Experts experts(GetParam(), GetParam(), {256, 256, 6});
  expect_experts(experts, random_routing(7, 2, 3, 1), {});
  expect_experts(experts, random_routing(1, 1, 1, 2), {});
}

TEST_P(MoeDecode, MatchesFloat64WithAllTokensOnOneExpert) {
  const Experts experts(GetParam(), GetParam(), {256, 256, 3});
  for (const std::int64_t tokens : {8, 20, 64}) {
    expect_experts(experts, random_routing(tokens, 1, 1, 3), {});
  }
}

TEST(MoeDecodeShapes, MatchesFloat64AtRealHeight) {
  if (!has_gpu()) {
    GTEST_SKIP() << "no GPU";
  }
  const Experts wide(Format::kInt4G64, Format::kInt4G64, {6144, 448, 2});
  const Experts deep(Format::kInt4G64, Format::kInt4G64, {448, 9216, 2});
  for (const std::int64_t tokens : {1, 6, 13, 20}) {
    expect_experts(wide, random_routing(tokens, 2, 2, 6), {});
    expect_experts(deep, random_routing(tokens, 2, 2, 7), {});
  }
  expect_experts(deep, random_routing(12, 2, 2, 8), {.processors = 3});
}

TEST(MoeDecodeShapes, MatchesFloat64AtWidthsThatAreNoMultiplesOfTiles) {
  if (!has_gpu()) {
    GTEST_SKIP() << "no GPU";
  }
  const Experts experts(Format::kInt8G32, Format::kInt4G32, {96, 160, 5});
  for (const std::int64_t tokens : {1, 4, 30}) {
    expect_experts(experts, random_routing(tokens, 3, 5, 9), {.repetitions = 3});
  }
}

TEST(MoeDecodeShapes, GivesTheSameBitsAgainAndInAGraph) {
  if (!has_gpu()) {
    GTEST_SKIP() << "no GPU";
  }
  const Experts experts(Format::kInt4G64, Format::kInt4G64, {512, 1024, 8});
  for (const std::int64_t tokens : {1, 8, 64}) {
    const Routing routing = random_routing(tokens, 2, 8, 10);
    const std::vector<float> x = random_floats(tokens * 512, 11);
    const std::vector<float> first = run_experts(experts, routing, x, {});
    const std::vector<float> again = run_experts(experts, routing, x, {.repetitions = 20});
    EXPECT_EQ(std::memcmp(first.data(), again.data(), first.size() * sizeof(float)), 0);
  }
}

}  // namespace
}  // namespace minimax::ops
