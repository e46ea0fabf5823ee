// SPDX-License-Identifier: Apache-2.0
#include "cpu/machine.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cpu/machine_kernels.h"

namespace minimax::cpu {
namespace {

class Machine : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!can_run(GetParam())) {
      GTEST_SKIP() << "this machine has no " << isa_name(GetParam());
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Isas, Machine, testing::ValuesIn(kIsas),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

TEST_P(Machine, LoopsDoTheWorkThatTheyReport) {
  visit_isa(GetParam(), []<Isa kIsa>() {
    const Arithmetic float32 = multiply_float32<kIsa>(3, 1.0f);
    EXPECT_GT(float32.operations, 0.0);
    EXPECT_EQ(float32.operations, 2.0 * float32.checksum);  // every multiply-add adds 1
    const Arithmetic bfloat16 = multiply_bfloat16<kIsa>(3, 1.0f);
    EXPECT_EQ(bfloat16.operations > 0.0, kIsa == Isa::kAvx512);
    EXPECT_EQ(bfloat16.operations, 2.0 * bfloat16.checksum);
    const Arithmetic int8 = multiply_int8<kIsa>(3, 1.0f);
    EXPECT_EQ(int8.operations > 0.0, kIsa == Isa::kAvx512);
    EXPECT_EQ(int8.operations, 2.0 * int8.checksum);
  });
}

TEST_P(Machine, ReadingSeesEveryElement) {
  for (const std::size_t place : {0u, 17u, 255u, 511u}) {
    std::vector<float> values(512, 0.5f);
    values[place] = 2.0f;
    const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
    const float largest =
        visit_isa(GetParam(), [&]<Isa kIsa>() { return read_all<kIsa>(bytes, 2048); });
    EXPECT_EQ(largest, 2.0f) << place;
  }
}

TEST_P(Machine, LimitsAreThoseOfAComputer) {
  ThreadPool pool(2);
  const MachineLimits limits =
      measure_machine(pool, GetParam(), {.buffer_bytes = 4 << 20, .seconds = 0.002});
  EXPECT_GT(limits.read_bytes_per_s, 1e7);  // the slowest sanitizer, on a busy machine
  EXPECT_LT(limits.read_bytes_per_s, 1e13);
  EXPECT_GT(limits.float32_flops, 1e6);
  EXPECT_LT(limits.float32_flops, 1e13);
  EXPECT_GT(limits.bfloat16_flops, 0.5 * limits.float32_flops);
  EXPECT_GT(limits.int8_ops, 0.5 * limits.float32_flops);
}

}  // namespace
}  // namespace minimax::cpu
