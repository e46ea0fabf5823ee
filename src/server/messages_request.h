// SPDX-License-Identifier: Apache-2.0
// POST /v1/messages, the protocol of Anthropic: what the request says, as a turn of a conversation.
#pragma once

#include "base/json.h"
#include "server/chat_task.h"
#include "server/limits.h"
#include "server/served_model.h"

namespace minimax::server {

/// Throws: ApiError{400} naming the field; ApiError{404} for another model.
ChatTask read_messages_request(const base::Json& body, const ServedModel& model,
                               const RequestLimits& limits);

/// The same without the fields that generate, for /v1/messages/count_tokens.
ChatTask read_messages_to_count(const base::Json& body, const ServedModel& model,
                                const RequestLimits& limits);

}  // namespace minimax::server
