// SPDX-License-Identifier: Apache-2.0
// POST /v1/messages: what is sent back, whole or as events.
#pragma once

#include <memory>

#include "server/answer.h"
#include "server/chat_task.h"

namespace minimax::server {

std::unique_ptr<AnswerWriter> make_messages_answer(AnswerIdentity identity, const ChatTask& task,
                                                   const ChatPrompt& prompt);

}  // namespace minimax::server
