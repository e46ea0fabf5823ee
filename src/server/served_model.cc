// SPDX-License-Identifier: Apache-2.0
#include "server/served_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "engine/tokenizer.h"
#include "server/api_error.h"
#include "text/byte_alphabet.h"
#include "text/byte_token.h"
#include "text/utf8.h"

namespace minimax::server {

void check_model_name(const ServedModel& model, std::string_view name) {
  if (!name.empty() && std::ranges::find(model.names, name) == model.names.end()) {
    throw ApiError({.status = 404,
                    .message = fmt::format("The model {} does not exist. This server has {}.",
                                           base::quote_json(base::printable(name, 100)),
                                           base::quote_json(model.name())),
                    .param = "model",
                    .code = "model_not_found"});
  }
}

std::string token_bytes(const Tokenizer& tokenizer, std::int32_t token) {
  const text::Tokenizer& tokens = tokenizer.impl().tokenizer;
  const std::optional<std::string_view> spelling = tokens.id_to_token(token);
  if (!spelling) {
    return "";
  }
  if (tokens.is_special(token)) {
    return std::string(*spelling);
  }
  std::string decoded = tokens.decode({&token, 1});
  if (decoded.find("\xEF\xBF\xBD") == std::string::npos) {
    return decoded;
  }
  const int byte = text::parse_byte_token(*spelling);
  return byte < 0 ? text::from_byte_alphabet(*spelling)
                  : std::string(1, static_cast<char>(static_cast<unsigned char>(byte)));
}

std::string token_text(const Tokenizer& tokenizer, std::int32_t token) {
  return text::replace_invalid_utf8(token_bytes(tokenizer, token));
}

void check_token_ids(const ServedModel& model, const std::vector<std::int32_t>& ids,
                     const std::string& field) {
  const auto bad = std::ranges::find_if(
      ids, [&](std::int32_t id) { return id < 0 || id >= model.config.vocab_size; });
  if (bad != ids.end()) {
    throw bad_field(field, fmt::format("expected token ids from 0 to {}, found {}",
                                       model.config.vocab_size - 1, *bad));
  }
}

}  // namespace minimax::server
