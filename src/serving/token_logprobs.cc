// SPDX-License-Identifier: Apache-2.0
#include "serving/token_logprobs.h"

#include <algorithm>
#include <vector>

#include "engine/logits_warpers.h"
#include "engine/processor_list.h"

namespace minimax::serving {
namespace {

// Best first. The vocabulary is long and `count` small: a heap of the best so far, worst on top.
std::vector<std::int32_t> best_of(std::span<const float> logits, std::int64_t count) {
  const auto score = [&](std::int32_t id) { return logits[static_cast<std::size_t>(id)]; };
  const auto is_better = [&](std::int32_t a, std::int32_t b) {
    return score(a) != score(b) ? score(a) > score(b) : a < b;
  };
  const auto most =
      static_cast<std::size_t>(std::min(count, static_cast<std::int64_t>(logits.size())));
  std::vector<std::int32_t> best;
  for (std::int32_t id = 0; most > 0 && id < std::ssize(logits); ++id) {
    if (best.size() == most && !is_better(id, best.front())) {
      continue;
    }
    if (best.size() == most) {
      std::ranges::pop_heap(best, is_better);
      best.pop_back();
    }
    best.push_back(id);
    std::ranges::push_heap(best, is_better);
  }
  std::ranges::sort_heap(best, is_better);
  return best;
}

}  // namespace

TokenLogprobs token_logprobs(std::span<const float> logits, std::int32_t token, std::int64_t top) {
  engine::check_logits(logits);
  const double total = engine::log_sum_exp(logits);
  const auto logprob = [&](std::int32_t id) {
    return static_cast<float>(double{logits[static_cast<std::size_t>(id)]} - total);
  };
  TokenLogprobs result{.token = token, .logprob = logprob(token), .top = {}};
  for (const std::int32_t id : best_of(logits, top)) {
    result.top.emplace_back(id, logprob(id));
  }
  return result;
}

}  // namespace minimax::serving
