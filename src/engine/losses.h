// SPDX-License-Identifier: Apache-2.0
// The losses of the model classes. Sums in float64.
// Source: transformers 5.17, loss/loss_utils.py and load_balancing_loss_func of
// modeling_minimax.py; Fedus et al. 2021, equations 4 to 6, for the latter.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace minimax::engine {

/// The mean of -log softmax(logits)[label] over the rows whose label is not `ignored`; NaN, as in
/// PyTorch, where all are. Shapes: logits [rows, columns], labels [rows].
/// Throws: Error{kInvalidArgument} for a label that is neither a column nor `ignored`.
float cross_entropy(std::span<const float> logits, std::span<const std::int32_t> labels,
                    std::int32_t ignored);

/// The mean of squared differences.
float mean_squared_error(std::span<const float> values, std::span<const float> labels);

/// The mean over all values of the cross entropy of sigmoid(value) with a label from 0 to 1.
float binary_cross_entropy(std::span<const float> logits, std::span<const float> labels);

/// num_experts times the sum over experts of the part of tokens that chose it and its mean
/// probability; top_k where all experts are used alike. Shapes: of each layer [tokens,
/// num_experts].
float load_balancing_loss(std::span<const std::vector<float>> router_logits,
                          std::int64_t num_experts, std::int64_t top_k);

}  // namespace minimax::engine
