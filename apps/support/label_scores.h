// SPDX-License-Identifier: Apache-2.0
// From the logits of classifiers to labels, probabilities and answers, as the pipelines of
// transformers have them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "minimax/config.h"

namespace minimax::apps {

std::vector<double> softmax(std::span<const float> logits);

/// What the logits of a sequence say about each label: values of a regression as they are,
/// independent probabilities of several labels, else probabilities that sum to one.
std::vector<double> label_scores(const MiniMaxConfig& config, std::span<const float> logits);

/// Tokens [begin, end) of a context.
struct AnswerSpan {
  std::size_t begin;
  std::size_t end;
  double score;  // the probability of its begin times that of its last token
};

/// The `count` spans of at most `max_tokens` tokens with the highest scores, best first.
/// Shapes: start and end logits [tokens of the context].
std::vector<AnswerSpan> best_spans(std::span<const float> start_logits,
                                   std::span<const float> end_logits, std::size_t max_tokens,
                                   std::size_t count);

}  // namespace minimax::apps
