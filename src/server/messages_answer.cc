// SPDX-License-Identifier: Apache-2.0
#include "server/messages_answer.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "server/choice.h"
#include "server/sse.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;
using text::AnswerPiece;
using Kind = AnswerPiece::Kind;

std::string event_of(const char* type, JsonObject fields) {
  fields.insert(fields.begin(), {"type", type});
  return sse_event(type, base::write_json(std::move(fields)));
}

// What both forms of the answer share.
class MessagesAnswer : public AnswerWriter {
 public:
  MessagesAnswer(AnswerIdentity identity, const ChatTask& task, const ChatPrompt& prompt)
      : identity_(std::move(identity)),
        stop_strings_(task.sampling.stop_strings),
        choice_(prompt.format, prompt.beginning),
        prompt_tokens_(static_cast<std::int64_t>(prompt.request.prompt.size())) {}

  std::string error_event(const ErrorInfo& info) const override {
    return sse_event("error", anthropic_error_body(info));
  }

 protected:
  Choice& choice() { return choice_; }
  std::int64_t prompt_tokens() const { return prompt_tokens_; }
  std::string call_id(std::int64_t index) const {
    return fmt::format("toolu_{}_{}", identity_.id.substr(0, 20), index);
  }

  Json stop_reason() const {
    if (choice_.has_tool_calls() && choice_.reason() != FinishReason::kLength) {
      return "tool_use";
    }
    switch (choice_.reason()) {
      case FinishReason::kStopString:
        return "stop_sequence";
      case FinishReason::kLength:
      case FinishReason::kTime:
        return "max_tokens";
      default:
        return "end_turn";
    }
  }

  // Which of several it was, the engine does not tell.
  Json stop_sequence() const {
    const bool is_known =
        choice_.reason() == FinishReason::kStopString && stop_strings_.size() == 1;
    return is_known ? Json(stop_strings_.front()) : Json();
  }

  static Json usage(const serving::Usage& counts) {
    return JsonObject{{"input_tokens", counts.prompt_tokens - counts.cached_tokens},
                      {"cache_creation_input_tokens", 0},
                      {"cache_read_input_tokens", counts.cached_tokens},
                      {"output_tokens", counts.completion_tokens}};
  }

  JsonObject head() const {
    return {{"id", "msg_" + identity_.id},
            {"type", "message"},
            {"role", "assistant"},
            {"model", identity_.model}};
  }

 private:
  AnswerIdentity identity_;
  std::vector<std::string> stop_strings_;
  Choice choice_;
  std::int64_t prompt_tokens_;
};

class WholeMessage : public MessagesAnswer {
 public:
  using MessagesAnswer::MessagesAnswer;

  std::string push(std::size_t /*request*/, serving::Event event) override {
    for (AnswerPiece& piece : choice().push(event)) {
      const bool begins =
          piece.kind != Kind::kArguments && (blocks_.empty() || blocks_.back().kind != piece.kind);
      if (piece.kind == Kind::kToolCall || begins) {
        blocks_.push_back(std::move(piece));
      } else {
        blocks_.back().text += piece.text;
      }
    }
    return event.is_last ? body(event.usage) : "";
  }

 private:
  // What a model wrote is JSON by its form, but may have a member twice.
  static Json input_of(const AnswerPiece& call) {
    try {
      return base::parse_json(call.text, "arguments");
    } catch (const Error&) {
      return JsonObject();
    }
  }

  Json block_json(const AnswerPiece& block) const {
    switch (block.kind) {
      case Kind::kReasoning:
        return JsonObject{{"type", "thinking"}, {"thinking", block.text}, {"signature", ""}};
      case Kind::kContent:
        return JsonObject{{"type", "text"}, {"text", block.text}};
      case Kind::kToolCall:
      case Kind::kArguments:
        break;
    }
    return JsonObject{{"type", "tool_use"},
                      {"id", call_id(block.index)},
                      {"name", block.name},
                      {"input", input_of(block)}};
  }

  std::string body(const serving::Usage& counts) const {
    JsonArray content;
    for (const AnswerPiece& block : blocks_) {
      content.push_back(block_json(block));
    }
    JsonObject object = head();
    object.emplace_back("content", std::move(content));
    object.emplace_back("stop_reason", stop_reason());
    object.emplace_back("stop_sequence", stop_sequence());
    object.emplace_back("usage", usage(counts));
    return base::write_json(object);
  }

  std::vector<AnswerPiece> blocks_;
};

class MessageStream : public MessagesAnswer {
 public:
  using MessagesAnswer::MessagesAnswer;

  std::string begin() override {
    serving::Usage counts;
    counts.prompt_tokens = prompt_tokens();
    JsonObject message = head();
    message.emplace_back("content", JsonArray());
    message.emplace_back("stop_reason", nullptr);
    message.emplace_back("stop_sequence", nullptr);
    message.emplace_back("usage", usage(counts));
    std::string out = event_of("message_start", {{"message", std::move(message)}});
    return out += event_of("ping", {});
  }

  std::string push(std::size_t /*request*/, serving::Event event) override {
    std::string out;
    for (const AnswerPiece& piece : choice().push(event)) {
      out += piece_events(piece);
    }
    if (event.is_last) {
      out += end_block();
      out += event_of("message_delta", {{"delta", JsonObject{{"stop_reason", stop_reason()},
                                                             {"stop_sequence", stop_sequence()}}},
                                        {"usage", usage(event.usage)}});
      out += event_of("message_stop", {});
    }
    return out;
  }

 private:
  std::string piece_events(const AnswerPiece& piece) {
    std::string out;
    const bool goes_on = piece.kind == Kind::kArguments;
    if (!goes_on && (open_ != piece.kind || piece.kind == Kind::kToolCall)) {
      out += end_block();
      out += begin_block(piece);
    }
    if (piece.kind == Kind::kReasoning) {
      return out + delta({{"type", "thinking_delta"}, {"thinking", piece.text}});
    }
    if (piece.kind == Kind::kContent) {
      return out + delta({{"type", "text_delta"}, {"text", piece.text}});
    }
    return piece.text.empty()
               ? out
               : out + delta({{"type", "input_json_delta"}, {"partial_json", piece.text}});
  }

  std::string delta(JsonObject fields) const {
    return event_of("content_block_delta", {{"index", index_}, {"delta", std::move(fields)}});
  }

  std::string begin_block(const AnswerPiece& piece) {
    open_ = piece.kind;
    JsonObject block;
    if (piece.kind == Kind::kReasoning) {
      block = {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}};
    } else if (piece.kind == Kind::kContent) {
      block = {{"type", "text"}, {"text", ""}};
    } else {
      block = {{"type", "tool_use"},
               {"id", call_id(piece.index)},
               {"name", piece.name},
               {"input", JsonObject()}};
    }
    return event_of("content_block_start",
                    {{"index", index_}, {"content_block", std::move(block)}});
  }

  std::string end_block() {
    if (!open_) {
      return "";
    }
    open_.reset();
    return event_of("content_block_stop", {{"index", index_++}});
  }

  std::optional<Kind> open_;  // the block that is written
  std::int64_t index_ = 0;
};

}  // namespace

std::unique_ptr<AnswerWriter> make_messages_answer(AnswerIdentity identity, const ChatTask& task,
                                                   const ChatPrompt& prompt) {
  if (task.streams) {
    return std::make_unique<MessageStream>(std::move(identity), task, prompt);
  }
  return std::make_unique<WholeMessage>(std::move(identity), task, prompt);
}

}  // namespace minimax::server
