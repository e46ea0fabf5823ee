// SPDX-License-Identifier: Apache-2.0
#include "support/timings.h"

#include <fmt/format.h>

#include <algorithm>

namespace minimax::apps {
namespace {

// The first token comes out of reading the prompt; the time after it belongs to the others.
std::int64_t later_tokens(const GenerateOutput& output) {
  return std::max<std::int64_t>(static_cast<std::int64_t>(output.tokens.size()) - 1, 0);
}

}  // namespace

double tokens_per_second(std::int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0;
}

base::Json timings_json(const GenerateOutput& output, double load_seconds) {
  base::JsonObject timings;
  if (load_seconds >= 0) {
    timings.emplace_back("load_seconds", load_seconds);
  }
  timings.emplace_back("prompt_seconds", output.prompt_seconds);
  timings.emplace_back("generate_seconds", output.generate_seconds);
  timings.emplace_back("prompt_tokens_per_second",
                       tokens_per_second(output.prompt_tokens, output.prompt_seconds));
  timings.emplace_back("tokens_per_second",
                       tokens_per_second(later_tokens(output), output.generate_seconds));
  return timings;
}

std::string describe_timings(const GenerateOutput& output) {
  return fmt::format(
      "read {} tokens in {:.2f} s ({:.1f} tokens/s), generated {} tokens in {:.2f} s ({:.1f} "
      "tokens/s)",
      output.prompt_tokens, output.prompt_seconds,
      tokens_per_second(output.prompt_tokens, output.prompt_seconds), output.tokens.size(),
      output.generate_seconds, tokens_per_second(later_tokens(output), output.generate_seconds));
}

}  // namespace minimax::apps
