// SPDX-License-Identifier: Apache-2.0
// Random weights on the GPU are those of the host.
#include "ops/random_weights/random_weights.h"

#include <vector>

#include "quant/format.h"
#include "tests/support/gpu.h"

namespace minimax::ops {
namespace {

TEST(CudaRandomWeights, HaveTheBytesOfTheHost) {
  if (const std::string missing = testing::missing_gpu(); !missing.empty()) {
    GTEST_SKIP() << missing;
  }
  testing::Gpu gpu;
  for (const quant::FormatInfo& format : quant::formats()) {
    const tensor::Shape shape{37, 1024};
    std::vector<std::byte> expected(
        static_cast<std::size_t>(quant::Matrix::bytes_of(format.format, shape)));
    const quant::Matrix matrix(expected.data(), format.format, shape);
    random_weights(Context{}, {.seed = 5, .out = matrix});
    const tensor::Buffer buffer = cuda::device_memory().allocate(std::ssize(expected));
    random_weights(*gpu, {.seed = 5, .out = matrix.at(buffer.data())});
    gpu.synchronize();
    std::vector<std::byte> bytes(expected.size());
    cuda::device_memory().copy(bytes.data(), buffer.data(), buffer.bytes());
    EXPECT_EQ(bytes, expected) << format.name;
  }
}

}  // namespace
}  // namespace minimax::ops
