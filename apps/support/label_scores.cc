// SPDX-License-Identifier: Apache-2.0
#include "support/label_scores.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace minimax::apps {

std::vector<double> softmax(std::span<const float> logits) {
  std::vector<double> weights;
  weights.reserve(logits.size());
  const double largest = logits.empty() ? 0.0 : *std::ranges::max_element(logits);
  double sum = 0.0;
  for (const float logit : logits) {
    weights.push_back(std::exp(double{logit} - largest));
    sum += weights.back();
  }
  for (double& weight : weights) {
    weight /= sum;
  }
  return weights;
}

std::vector<double> label_scores(const MiniMaxConfig& config, std::span<const float> logits) {
  if (config.problem_type == ProblemType::kRegression ||
      (!config.problem_type && config.num_labels() == 1)) {
    return {logits.begin(), logits.end()};
  }
  if (config.problem_type != ProblemType::kMultiLabelClassification) {
    return softmax(logits);
  }
  std::vector<double> scores;
  scores.reserve(logits.size());
  for (const float logit : logits) {
    scores.push_back(1.0 / (1.0 + std::exp(-double{logit})));
  }
  return scores;
}

std::vector<AnswerSpan> best_spans(std::span<const float> start_logits,
                                   std::span<const float> end_logits, std::size_t max_tokens,
                                   std::size_t count) {
  const std::vector<double> start = softmax(start_logits);
  const std::vector<double> last = softmax(end_logits);
  // Of equal scores, what comes first and is shorter.
  const auto is_better = [](const AnswerSpan& a, const AnswerSpan& b) {
    return std::tie(b.score, a.begin, a.end) < std::tie(a.score, b.begin, b.end);
  };
  std::vector<AnswerSpan> best;  // a heap with the worst on top
  for (std::size_t begin = 0; begin < start.size(); ++begin) {
    for (std::size_t end = begin + 1; end <= std::min(begin + max_tokens, last.size()); ++end) {
      const AnswerSpan span{begin, end, start[begin] * last[end - 1]};
      if (best.size() == count && !is_better(span, best.front())) {
        continue;
      }
      best.push_back(span);
      std::ranges::push_heap(best, is_better);
      if (best.size() > count) {
        std::ranges::pop_heap(best, is_better);
        best.pop_back();
      }
    }
  }
  std::ranges::sort_heap(best, is_better);
  return best;
}

}  // namespace minimax::apps
