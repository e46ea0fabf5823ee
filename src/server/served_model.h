// SPDX-License-Identifier: Apache-2.0
// What the protocols need to know of the model that is served.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "minimax/config.h"
#include "minimax/generation_config.h"
#include "minimax/tokenizer.h"

namespace minimax::server {

class StructuredOutput;

struct ServedModel {
  std::vector<std::string> names;  ///< the first one is shown; requests may say any
  std::int64_t created = 0;        ///< seconds since 1970
  const Tokenizer* tokenizer = nullptr;
  MiniMaxConfig config;
  GenerationConfig defaults;
  std::int64_t context_tokens = 0;  ///< the most that a prompt and its answer may have
  std::int64_t parameters = 0;
  std::int64_t weight_bytes = 0;
  const StructuredOutput* structures = nullptr;  ///< filled in by the Api

  const std::string& name() const { return names.front(); }
};

/// Throws: ApiError{404} unless `name` is empty or one of the model's names.
void check_model_name(const ServedModel& model, std::string_view name);

/// The bytes that a token stands for: perhaps only a part of a character.
std::string token_bytes(const Tokenizer& tokenizer, std::int32_t token);

/// The token as the vocabulary names it where it is special, or else its bytes with U+FFFD for
/// what is no UTF-8.
std::string token_text(const Tokenizer& tokenizer, std::int32_t token);

/// Throws: ApiError{400} naming `field` and the first id that the model does not have.
void check_token_ids(const ServedModel& model, const std::vector<std::int32_t>& ids,
                     const std::string& field);

}  // namespace minimax::server
