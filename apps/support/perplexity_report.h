// SPDX-License-Identifier: Apache-2.0
// The results of `minimax perplexity`, for people and as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "engine/divergence.h"
#include "engine/text_windows.h"

namespace minimax::apps {

struct PerplexityReport {
  std::string model;
  std::string text;              // where the tokens come from
  std::int64_t text_tokens = 0;  // all that were read
  std::int64_t windows = 0;
  std::int64_t judged_tokens = 0;
  engine::WindowOptions options = {};
  double seconds = 0.0;
  engine::Estimate nll;  // of a token, natural logarithm
  std::string base;      // a model or a file; empty: none
  std::optional<engine::Divergence> divergence = {};
};

base::Json to_json(const PerplexityReport& report);
std::string to_text(const PerplexityReport& report);

}  // namespace minimax::apps
