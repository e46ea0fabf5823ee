// SPDX-License-Identifier: Apache-2.0
// POST /v1/embeddings.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "server/answer.h"
#include "server/limits.h"
#include "server/served_model.h"

namespace minimax::server {

/// Embeddings of length 1 of the last hidden states: their mean, or with "pooling": "last" that of
/// the last token; as numbers or, with "encoding_format": "base64", as float32 bytes.
/// Throws: ApiError{400} naming the field; ApiError{404} for another model.
Job make_embedding_job(const base::Json& body, const ServedModel& model,
                       const RequestLimits& limits);

/// RFC 4648, with padding.
std::string encode_base64(std::string_view bytes);

}  // namespace minimax::server
