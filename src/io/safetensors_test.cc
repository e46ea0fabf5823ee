// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <vector>

#include "io/checkpoint_reader.h"

namespace minimax::io {
namespace {

TEST(Safetensors, ReadsTheDemonstrationModel) {
  const Checkpoint checkpoint =
      read_safetensors(std::filesystem::path(MINIMAX_SOURCE_DIR) / "models" / "tiny-minimax");
  EXPECT_EQ(checkpoint.files.size(), 4u);
  EXPECT_TRUE(checkpoint.warnings.empty());
  EXPECT_EQ(checkpoint.metadata.at("format"), "pt");
  std::int64_t bytes = 0;
  for (const TensorEntry& entry : checkpoint.tensors) {
    bytes += entry.bytes;
  }
  EXPECT_EQ(bytes, 26133504);  // total_size of its index
  const TensorEntry& norm = checkpoint.require("model.norm.weight");
  std::vector<std::byte> data(static_cast<std::size_t>(norm.bytes));
  const CheckpointReader reader(checkpoint);
  reader.read(norm, data);
  EXPECT_THAT(data, testing::Contains(testing::Ne(std::byte{0})));
}

}  // namespace
}  // namespace minimax::io
