// SPDX-License-Identifier: Apache-2.0
// Chooses the formats of a plan so that a model has a given number of bits per parameter and loses
// as little as it can.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "convert/importance.h"
#include "convert/quantize_plan.h"
#include "cpu/thread_pool.h"
#include "io/checkpoint_reader.h"

namespace minimax::convert {

struct BitBudget {
  double bits_per_element = 0;  // of all tensors together, those that are not quantized too
  std::span<const quant::Format> candidates = {};  // empty: default_candidates()
  const ImportanceMatrix* importance = nullptr;
  /// Told tensors measured and in all; may throw to stop.
  std::function<void(std::int64_t, std::int64_t)> on_progress = {};
};

std::span<const quant::Format> default_candidates();

/// Gives every tensor of the plan that is quantized, but for those that a rule decided, one of the
/// candidates. A few rows of each are encoded in all of them; what a tensor loses is the squared
/// error over the squares of its weights (both times the importance of their columns), times its
/// number of elements. Beginning with the fewest bits everywhere, that change is made again and
/// again which takes most of the loss for its bytes, as long as it fits.
/// Throws: Error{kInvalidArgument} where even the fewest bits are too many; Error{kCorruptFile}
/// where a weight is not finite; Error{kIo}.
void fit_to_bits(const io::CheckpointReader& reader, const BitBudget& budget, cpu::ThreadPool& pool,
                 QuantizePlan& plan);

}  // namespace minimax::convert
