// SPDX-License-Identifier: Apache-2.0
// POST /v1/responses: what is sent back, whole or as events.
#pragma once

#include <memory>

#include "base/json.h"
#include "server/answer.h"
#include "server/chat_task.h"

namespace minimax::server {

/// `body` is the request, of which a response repeats some fields.
std::unique_ptr<AnswerWriter> make_responses_answer(AnswerIdentity identity, const ChatTask& task,
                                                    const ChatPrompt& prompt,
                                                    const base::Json& body);

}  // namespace minimax::server
