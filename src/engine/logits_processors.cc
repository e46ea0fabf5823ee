// SPDX-License-Identifier: Apache-2.0
#include "engine/logits_processors.h"

#include <algorithm>

namespace minimax::engine {
namespace {

float& score_of(std::int32_t id, std::span<float> scores) {
  return scores[static_cast<std::size_t>(id)];
}

}  // namespace

void forbid_tokens(std::span<const std::int32_t> ids, std::span<float> scores) {
  for (const std::int32_t id : ids) {
    score_of(id, scores) = kForbidden;
  }
}

void penalize_repetition(double penalty, std::span<const std::int32_t> input_ids,
                         std::span<float> scores) {
  // Within the normal numbers, so that forbidden scores stay what they are: -inf * 0 is NaN.
  using Limits = std::numeric_limits<float>;
  const auto factor =
      static_cast<float>(std::clamp(penalty, double{Limits::min()}, double{Limits::max()}));
  std::vector<bool> done(scores.size());
  for (const std::int32_t id : input_ids) {
    if (!done[static_cast<std::size_t>(id)]) {
      done[static_cast<std::size_t>(id)] = true;
      float& score = score_of(id, scores);
      score = score < 0.0f ? score * factor : std::min(score / factor, Limits::max());
    }
  }
}

void forbid_repeated_ngrams(std::int64_t size, std::span<const std::int32_t> input_ids,
                            std::span<float> scores) {
  const auto length = static_cast<std::int64_t>(input_ids.size());
  const auto prefix_size = static_cast<std::size_t>(size - 1);
  if (length < size) {
    return;
  }
  const auto prefix = input_ids.last(prefix_size);
  for (std::size_t begin = 0; begin + prefix_size < input_ids.size(); ++begin) {
    if (std::ranges::equal(input_ids.subspan(begin, prefix_size), prefix)) {
      score_of(input_ids[begin + prefix_size], scores) = kForbidden;
    }
  }
}

void forbid_bad_words(const std::vector<std::vector<std::int32_t>>& words,
                      std::span<const std::int32_t> eos_token_id,
                      std::span<const std::int32_t> input_ids, std::span<float> scores) {
  for (const std::vector<std::int32_t>& word : words) {
    const std::int32_t last = word.back();
    const auto beginning = std::span(word).first(word.size() - 1);
    const bool applies = beginning.empty()
                             ? std::ranges::find(eos_token_id, last) == eos_token_id.end()
                             : word.size() <= input_ids.size() &&
                                   std::ranges::equal(input_ids.last(beginning.size()), beginning);
    if (applies) {
      score_of(last, scores) = kForbidden;
    }
  }
}

}  // namespace minimax::engine
