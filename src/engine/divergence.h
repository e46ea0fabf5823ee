// SPDX-License-Identifier: Apache-2.0
// How well a model predicts a text, and how far its predictions are from those of another one.
// Statistics only: where the logits come from is not known here.
// Source: the definitions of llama.cpp, tools/perplexity (perplexity.cpp, commit 050fc7f3).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace minimax::engine {

/// A measured value with its standard error: what chance in the choice of tokens explains. Tokens
/// count as independent of one another, which those of one text are not quite.
struct Estimate {
  double value = 0.0;
  double error = 0.0;
};

/// The mean and its standard error; the error of a single value is 0.
Estimate mean_of(std::span<const double> values);

/// The value that the part `fraction` of `sorted` lies below, with straight lines in between.
/// Requires: not empty, rising.
double quantile(std::span<const double> sorted, double fraction);

/// What is known of one judged token.
struct TokenScore {
  double nll = 0.0;       // -log p(token), natural
  double base_nll = 0.0;  // the same of the base
  double kl = 0.0;        // sum of p_base * log(p_base / p) over the vocabulary
  bool same_top = false;  // both hold the same token for the most probable one; of equals the first
};

/// Scores a token by a row of logits. Shapes: [V].
TokenScore score_token(std::span<const float> logits, std::int32_t token);
/// The same, compared with the logits of a base.
TokenScore score_token(std::span<const float> logits, std::span<const float> base_logits,
                       std::int32_t token);

/// The mean of -log p(token). Requires: at least one score.
Estimate mean_nll(std::span<const TokenScore> scores);

/// The exponential of the mean of -log p, with its error.
Estimate perplexity_of(const Estimate& nll);

/// The differences of a model to its base.
struct Divergence {
  Estimate base_perplexity;
  Estimate log_ratio;        // ln(perplexity / base perplexity); the errors are those of the pairs
  Estimate ratio;            // perplexity / base perplexity
  Estimate difference;       // perplexity - base perplexity
  double correlation = 0.0;  // of the negative log likelihoods
  Estimate kl;
  std::vector<double> kl_sorted;
  Estimate same_top;             // the part of tokens
  Estimate probability_change;   // p(token) - p_base(token), the mean
  double probability_rms = 0.0;  // of the same
  std::vector<double> changes_sorted;
};

/// Requires: at least one score.
Divergence compare(std::span<const TokenScore> scores);

}  // namespace minimax::engine
