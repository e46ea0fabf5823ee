// SPDX-License-Identifier: Apache-2.0
#include "server/legacy_logprobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "server/served_model.h"
#include "text/utf8.h"

namespace minimax::server {
namespace {

using base::JsonArray;
using base::JsonObject;

std::int64_t count_characters(const std::string& bytes) {
  return std::ranges::count_if(
      bytes, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

}  // namespace

std::string LegacyLogprobs::name_of(std::int32_t token) const {
  if (names_tokens_by_id_) {
    return fmt::format("token_id:{}", token);
  }
  std::string bytes = token_bytes(*tokenizer_, token);
  if (text::find_invalid_utf8(bytes) < 0) {
    return bytes;
  }
  std::string name = "bytes:";
  for (const char byte : bytes) {
    name += fmt::format("\\x{:02x}", static_cast<unsigned>(static_cast<unsigned char>(byte)));
  }
  return name;
}

void LegacyLogprobs::add_token(std::int32_t token) {
  tokens_.emplace_back(name_of(token));
  text_offset_.emplace_back(offset_);
  offset_ += count_characters(token_bytes(*tokenizer_, token));
}

void LegacyLogprobs::add_first(std::int32_t token) {
  add_token(token);
  token_logprobs_.emplace_back(nullptr);
  top_logprobs_.emplace_back(nullptr);
}

void LegacyLogprobs::add(const std::vector<serving::TokenLogprobs>& logprobs) {
  for (const serving::TokenLogprobs& each : logprobs) {
    add_token(each.token);
    token_logprobs_.emplace_back(double{each.logprob});
    JsonObject top;
    for (const auto& [token, logprob] : each.top) {
      top.emplace_back(name_of(token), double{logprob});
    }
    top_logprobs_.emplace_back(std::move(top));
  }
}

base::Json LegacyLogprobs::take() {
  return JsonObject{{"tokens", std::exchange(tokens_, {})},
                    {"token_logprobs", std::exchange(token_logprobs_, {})},
                    {"top_logprobs", std::exchange(top_logprobs_, {})},
                    {"text_offset", std::exchange(text_offset_, {})}};
}

}  // namespace minimax::server
