// SPDX-License-Identifier: Apache-2.0
#include "server/usage.h"

#include <fmt/format.h>

#include <string>

#include "minimax/version.h"
#include "server/served_model.h"
#include "text/utf8.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

JsonObject token_json(std::int32_t token, float logprob, const Tokenizer& tokenizer) {
  const std::string bytes = token_bytes(tokenizer, token);
  JsonArray values;
  for (const char byte : bytes) {
    values.emplace_back(int{static_cast<unsigned char>(byte)});
  }
  return {{"token", text::replace_invalid_utf8(bytes)},
          {"logprob", double{logprob}},
          {"bytes", std::move(values)}};
}

}  // namespace

void add_usage(const serving::Usage& usage, serving::Usage& sum) {
  sum.prompt_tokens += usage.prompt_tokens;
  sum.cached_tokens += usage.cached_tokens;
  sum.completion_tokens += usage.completion_tokens;
}

Json usage_json(const serving::Usage& usage, std::int64_t reasoning_tokens) {
  return JsonObject{{"prompt_tokens", usage.prompt_tokens},
                    {"completion_tokens", usage.completion_tokens},
                    {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
                    {"prompt_tokens_details",
                     JsonObject{{"cached_tokens", usage.cached_tokens}, {"audio_tokens", 0}}},
                    {"completion_tokens_details", JsonObject{{"reasoning_tokens", reasoning_tokens},
                                                             {"audio_tokens", 0},
                                                             {"accepted_prediction_tokens", 0},
                                                             {"rejected_prediction_tokens", 0}}}};
}

Json progress_json(const serving::PromptProgress& progress) {
  return JsonObject{{"total", progress.total},
                    {"cache", progress.cached},
                    {"processed", progress.processed},
                    {"time_ms", static_cast<std::int64_t>(1e3 * progress.seconds)}};
}

JsonArray logprobs_json(const std::vector<serving::TokenLogprobs>& logprobs,
                        const Tokenizer& tokenizer) {
  JsonArray content;
  for (const serving::TokenLogprobs& each : logprobs) {
    JsonObject entry = token_json(each.token, each.logprob, tokenizer);
    JsonArray top;
    for (const auto& [token, logprob] : each.top) {
      top.emplace_back(token_json(token, logprob, tokenizer));
    }
    entry.emplace_back("top_logprobs", std::move(top));
    content.emplace_back(std::move(entry));
  }
  return content;
}

std::string fingerprint() { return fmt::format("minimax-{}", kVersion); }

}  // namespace minimax::server
