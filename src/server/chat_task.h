// SPDX-License-Identifier: Apache-2.0
// A turn of a conversation that a client asks for, whatever protocol it speaks: the chat protocol
// of OpenAI, its responses, and the messages of Anthropic are read into this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "minimax/generation_config.h"
#include "server/fields.h"
#include "server/limits.h"
#include "server/served_model.h"
#include "server/structured_output.h"
#include "server/tools.h"
#include "serving/request.h"
#include "text/answer_parser.h"

namespace minimax::server {

struct ChatTask {
  base::Json messages;  ///< as chat templates take them
  Tools tools;
  base::JsonObject template_variables;  ///< chat_template_kwargs
  bool add_generation_prompt = true;
  GenerationConfig sampling;
  std::optional<std::int64_t> top_logprobs;
  Structure structure;
  bool has_reasoning = true;  ///< thoughts are told from the answer
  bool streams = false;
  bool includes_usage = false;    ///< in a stream
  bool returns_progress = false;  ///< in a stream, while the prompt is read
  std::string cache_salt;
  std::int32_t priority = 0;
};

/// A prompt for the engine and how its answers are to be read.
struct ChatPrompt {
  serving::Request request;
  text::AnswerFormat format;
  std::string beginning;  ///< of every answer, when a tool must be called: it ends the prompt
};

/// The text that the chat template makes of the conversation.
/// Throws: ApiError{400}, Error{kInvalidArgument} naming the field.
std::string render_text(const ChatTask& task, const ServedModel& model);

/// Renders and encodes. Text of the conversation never becomes a special token. Throws: as above,
/// and ApiError{400, context_length_exceeded}.
ChatPrompt prepare_chat(const ChatTask& task, const ServedModel& model,
                        const RequestLimits& limits);

/// The ids of the rendered conversation alone. Throws: as above.
std::vector<std::int32_t> encode_chat(const ChatTask& task, const ServedModel& model);

/// The fields that all conversations share: sampling excepted.
void read_common_fields(const Fields& fields, ChatTask& task);

/// Throws: ApiError{400} where there are more messages, or more bytes in them, than a request may
/// have. Before anything is rendered.
void check_messages(const Fields& fields, const char* name, const RequestLimits& limits);

}  // namespace minimax::server
