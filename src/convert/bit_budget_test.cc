// SPDX-License-Identifier: Apache-2.0
#include "convert/bit_budget.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "io/safetensors.h"
#include "minimax/error.h"

namespace minimax::convert {
namespace {

const std::filesystem::path kModel =
    std::filesystem::path(MINIMAX_SOURCE_DIR) / "models/tiny-minimax";

class Budget : public ::testing::Test {
 protected:
  QuantizePlan fit(double bits, const PlanOptions& options = {}) {
    QuantizePlan plan =
        plan_quantization(checkpoint_, MiniMaxConfig::from_pretrained(kModel), options);
    fit_to_bits(reader_, {.bits_per_element = bits, .candidates = kCandidates}, pool_, plan);
    return plan;
  }

  static constexpr std::array kCandidates = {quant::Format::kQ4_0, quant::Format::kQ8_0};
  io::Checkpoint checkpoint_ = io::read_safetensors(kModel);
  io::CheckpointReader reader_{checkpoint_};
  cpu::ThreadPool pool_{2};
};

TEST_F(Budget, IsMetFromBelow) {
  // The embeddings and the head stay in 16 bits: 4.5 bits elsewhere are 5.54 in all.
  for (const double bits : {5.6, 6.5, 8.0}) {
    const double found = fit(bits).bits_per_element();
    EXPECT_LE(found, bits);
    EXPECT_GT(found, bits - 0.05);
  }
}

TEST_F(Budget, UsesBothFormatsBetweenThem) {
  std::set<quant::Format> formats;
  for (const PlannedTensor& tensor : fit(7.0).tensors) {
    if (tensor.format) {
      formats.insert(*tensor.format);
    }
  }
  EXPECT_EQ(formats, (std::set{quant::Format::kQ4_0, quant::Format::kQ8_0}));
}

TEST_F(Budget, LeavesWhatRulesDecided) {
  const QuantizePlan plan = fit(9.0, {.keep = {{"*.w2.weight", quant::Format::kQ5_0}}});
  for (const PlannedTensor& tensor : plan.tensors) {
    if (tensor.source->name.ends_with(".w2.weight")) {
      EXPECT_EQ(tensor.format, quant::Format::kQ5_0);
    }
  }
}

TEST_F(Budget, RefusesFewerBitsThanThereAre) { EXPECT_THROW(fit(4.0), Error); }

}  // namespace
}  // namespace minimax::convert
