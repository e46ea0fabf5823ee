// SPDX-License-Identifier: Apache-2.0
#include "cpu/isa.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace minimax::cpu {
namespace {

TEST(Isa, NamesRoundTrip) {
  for (const Isa isa : kIsas) {
    EXPECT_EQ(isa_from_name(isa_name(isa)), isa);
  }
  EXPECT_EQ(isa_from_name("AVX2"), std::nullopt);
  EXPECT_EQ(isa_from_name(""), std::nullopt);
}

TEST(Isa, DetectionAgreesWithTheKernelsList) {
  std::ifstream file("/proc/cpuinfo");
  if (!file) {
    GTEST_SKIP() << "no /proc/cpuinfo";
  }
  std::string line;
  while (std::getline(file, line) && !line.starts_with("flags")) {
  }
  const auto has = [&](const std::string& flag) {
    std::istringstream words(line);
    std::string word;
    while (words >> word) {
      if (word == flag) {
        return true;
      }
    }
    return false;
  };
  const bool avx2 = has("avx2") && has("fma") && has("f16c");
  const bool avx512 = avx2 && has("avx512f") && has("avx512bw") && has("avx512dq") &&
                      has("avx512vl") && has("avx512_bf16") && has("avx512_vnni");
  EXPECT_TRUE(can_run(Isa::kScalar));
  EXPECT_EQ(can_run(Isa::kAvx2), avx2);
  EXPECT_EQ(can_run(Isa::kAvx2Vnni), avx2 && has("avx_vnni"));
  EXPECT_EQ(can_run(Isa::kAvx512), avx512);
  EXPECT_TRUE(can_run(detect_isa()));
  EXPECT_EQ(detect_isa() == Isa::kAvx512, avx512);
}

TEST(Isa, VisitPassesTheValueOn) {
  for (const Isa isa : kIsas) {
    EXPECT_EQ(visit_isa(isa, []<Isa kIsa>() { return kIsa; }), isa);
  }
}

}  // namespace
}  // namespace minimax::cpu
