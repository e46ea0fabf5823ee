// SPDX-License-Identifier: Apache-2.0
#include "text/detokenizer.h"

#include <fmt/format.h>

#include "base/check.h"

namespace minimax::text {

Detokenizer::Detokenizer(const Tokenizer& tokenizer, bool skip_special_tokens)
    : tokenizer_(&tokenizer),
      skip_special_tokens_(skip_special_tokens),
      stream_(tokenizer.decoder_stream()) {}

std::string Detokenizer::push(std::int32_t id) {
  const auto token = tokenizer_->id_to_token(id);
  base::check(token.has_value(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("token id: expected one of the vocabulary (below {}), found {}",
                       tokenizer_->vocab_size(), id);
  });
  if (skip_special_tokens_ && tokenizer_->is_skipped(id)) {
    return {};
  }
  return stream_.push(*token);
}

std::string Detokenizer::flush() {
  std::string text = stream_.finish();
  stream_ = tokenizer_->decoder_stream();
  return text;
}

}  // namespace minimax::text
