// SPDX-License-Identifier: Apache-2.0
// choices[].logprobs of /v1/completions: four lists that go along the tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "base/json.h"
#include "minimax/tokenizer.h"
#include "serving/request.h"

namespace minimax::server {

/// The lists of one answer while it is written. Tokens that are a part of a character only are
/// written as "bytes:\xe2\x82". Offsets count characters. Not thread safe.
class LegacyLogprobs {
 public:
  /// `tokenizer` must outlive the object.
  LegacyLogprobs(const Tokenizer& tokenizer, bool names_tokens_by_id)
      : tokenizer_(&tokenizer), names_tokens_by_id_(names_tokens_by_id) {}

  /// A token that nothing predicts: the first of a prompt.
  void add_first(std::int32_t token);
  void add(const std::vector<serving::TokenLogprobs>& logprobs);

  bool is_empty() const { return tokens_.empty(); }
  /// {"tokens", "token_logprobs", "top_logprobs", "text_offset"} of what was added since.
  base::Json take();

 private:
  std::string name_of(std::int32_t token) const;
  void add_token(std::int32_t token);

  const Tokenizer* tokenizer_;
  bool names_tokens_by_id_;
  std::int64_t offset_ = 0;  // characters
  base::JsonArray tokens_;
  base::JsonArray token_logprobs_;
  base::JsonArray top_logprobs_;
  base::JsonArray text_offset_;
};

}  // namespace minimax::server
