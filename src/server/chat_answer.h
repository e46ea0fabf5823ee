// SPDX-License-Identifier: Apache-2.0
// POST /v1/chat/completions: what is sent back, whole or as a stream of chunks.
#pragma once

#include <memory>

#include "minimax/tokenizer.h"
#include "server/answer.h"
#include "server/chat_task.h"

namespace minimax::server {

/// `tokenizer` must outlive the writer.
std::unique_ptr<AnswerWriter> make_chat_answer(AnswerIdentity identity, const ChatTask& task,
                                               const ChatPrompt& prompt,
                                               const Tokenizer& tokenizer);

}  // namespace minimax::server
