// SPDX-License-Identifier: Apache-2.0
// Fields that hold texts or token ids: stop strings, prompts, inputs of embeddings.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/fields.h"
#include "server/limits.h"
#include "server/served_model.h"

namespace minimax::server {

/// One string, or an array of strings. Throws: ApiError{400} naming the field.
std::vector<std::string> read_strings(const Fields& fields, std::string_view name);

/// An array of token ids of the model. Throws: ApiError{400} naming the field.
std::vector<std::int32_t> read_tokens(const base::Json& value, const ServedModel& model,
                                      const std::string& field);

/// The prompts of a request: a string, an array of strings, an array of ids, or an array of arrays
/// of ids. Special tokens in texts are recognised, as there is no template. An empty text is the
/// token that texts begin with, where the model has one.
/// Throws: ApiError{400} naming the field.
std::vector<std::vector<std::int32_t>> read_prompts(const Fields& fields, std::string_view name,
                                                    const ServedModel& model,
                                                    const RequestLimits& limits);

}  // namespace minimax::server
