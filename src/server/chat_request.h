// SPDX-License-Identifier: Apache-2.0
// POST /v1/chat/completions: what the request says. Pure: no sockets, no engine.
#pragma once

#include "base/json.h"
#include "server/chat_task.h"
#include "server/limits.h"
#include "server/served_model.h"

namespace minimax::server {

/// Unknown fields are ignored, as clients send many.
/// Throws: ApiError{400} naming the field; ApiError{404} for another model.
ChatTask read_chat_request(const base::Json& body, const ServedModel& model,
                           const RequestLimits& limits);

/// The same without the fields that generate: for /apply-template and /tokenize.
ChatTask read_conversation(const base::Json& body, const ServedModel& model,
                           const RequestLimits& limits);

}  // namespace minimax::server
