// SPDX-License-Identifier: Apache-2.0
#include "server/chat_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "server/choice.h"
#include "server/sse.h"
#include "server/usage.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;
using text::AnswerPiece;
using Kind = AnswerPiece::Kind;

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

// What both forms of the answer share: the choices and the counts.
class ChatAnswer : public AnswerWriter {
 public:
  ChatAnswer(AnswerIdentity identity, const ChatTask& task, const ChatPrompt& prompt,
             const Tokenizer& tokenizer)
      : identity_(std::move(identity)),
        tokenizer_(&tokenizer),
        has_logprobs_(task.top_logprobs.has_value()) {
    for (std::int64_t i = 0; i < task.sampling.num_return_sequences; ++i) {
      choices_.emplace_back(prompt.format, prompt.beginning);
    }
  }

 protected:
  Choice& choice(const serving::Event& event) {
    return choices_[static_cast<std::size_t>(event.index)];
  }
  std::vector<Choice>& choices() { return choices_; }
  std::string call_id(std::int64_t choice, std::int64_t call) const {
    return fmt::format("call_{}_{}_{}", identity_.id.substr(0, 20), choice, call);
  }
  JsonArray logprobs(const serving::Event& event) const {
    return has_logprobs_ ? logprobs_json(event.logprobs, *tokenizer_) : JsonArray();
  }
  bool has_logprobs() const { return has_logprobs_; }
  Json usage(const serving::Usage& usage) const {
    std::int64_t reasoning_tokens = 0;
    for (const Choice& each : choices_) {
      reasoning_tokens += each.reasoning_tokens();
    }
    return usage_json(usage, reasoning_tokens);
  }
  JsonObject head(const char* object) const {
    return {{"id", "chatcmpl-" + identity_.id},
            {"object", object},
            {"created", identity_.created},
            {"model", identity_.model},
            {"system_fingerprint", fingerprint()}};
  }

 private:
  AnswerIdentity identity_;
  const Tokenizer* tokenizer_;
  bool has_logprobs_;
  std::vector<Choice> choices_;
};

class WholeChatAnswer : public ChatAnswer {
 public:
  WholeChatAnswer(AnswerIdentity identity, const ChatTask& task, const ChatPrompt& prompt,
                  const Tokenizer& tokenizer)
      : ChatAnswer(std::move(identity), task, prompt, tokenizer), messages_(choices().size()) {}

  std::string push(std::size_t /*request*/, serving::Event event) override {
    Message& message = messages_[static_cast<std::size_t>(event.index)];
    for (AnswerPiece& piece : choice(event).push(event)) {
      add(std::move(piece), event.index, message);
    }
    std::ranges::move(logprobs(event), std::back_inserter(message.logprobs));
    return event.is_last ? body(event.usage) : "";
  }

 private:
  struct Message {
    std::string reasoning;
    std::string content;
    JsonArray calls;
    std::vector<std::string> arguments;  // of the calls
    JsonArray logprobs;
  };

  void add(AnswerPiece piece, std::int64_t index, Message& message) const {
    if (piece.kind == Kind::kReasoning) {
      message.reasoning += piece.text;
    } else if (piece.kind == Kind::kContent) {
      message.content += piece.text;
    } else if (piece.kind == Kind::kArguments) {
      message.arguments.back() += piece.text;
    } else {
      message.arguments.push_back(std::move(piece.text));
      message.calls.emplace_back(JsonObject{{"id", call_id(index, piece.index)},
                                            {"type", "function"},
                                            {"function", JsonObject{{"name", piece.name}}}});
    }
  }

  Json choice_json(std::size_t index) {
    Message& message = messages_[index];
    JsonObject fields{
        {"role", "assistant"},
        {"content", message.calls.empty() ? Json(message.content) : text_or_null(message.content)},
        {"refusal", nullptr}};
    if (!message.reasoning.empty()) {
      fields.emplace_back("reasoning_content", message.reasoning);
      fields.emplace_back("reasoning", message.reasoning);
    }
    if (!message.calls.empty()) {
      for (std::size_t i = 0; i < message.calls.size(); ++i) {
        message.calls[i].object().back().second.object().emplace_back(
            "arguments", std::move(message.arguments[i]));
      }
      fields.emplace_back("tool_calls", std::move(message.calls));
    }
    Json logprobs;
    if (has_logprobs()) {
      logprobs = JsonObject{{"content", std::move(message.logprobs)}, {"refusal", nullptr}};
    }
    return JsonObject{{"index", static_cast<std::int64_t>(index)},
                      {"message", std::move(fields)},
                      {"logprobs", std::move(logprobs)},
                      {"finish_reason", choices()[index].finish_reason()}};
  }

  std::string body(const serving::Usage& counts) {
    JsonArray array;
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      array.push_back(choice_json(i));
    }
    JsonObject object = head("chat.completion");
    object.emplace_back("choices", std::move(array));
    object.emplace_back("usage", usage(counts));
    return base::write_json(object);
  }

  std::vector<Message> messages_;
};

class ChatStream : public ChatAnswer {
 public:
  ChatStream(AnswerIdentity identity, const ChatTask& task, const ChatPrompt& prompt,
             const Tokenizer& tokenizer)
      : ChatAnswer(std::move(identity), task, prompt, tokenizer),
        includes_usage_(task.includes_usage),
        head_text_(open_object(head("chat.completion.chunk"))),
        logprobs_(choices().size()) {}

  std::string begin() override {
    std::string out;
    for (std::size_t i = 0; i < choices().size(); ++i) {
      out += chunk(static_cast<std::int64_t>(i), {{"role", "assistant"}, {"content", ""}}, nullptr);
    }
    return out;
  }

  std::string push(std::size_t /*request*/, serving::Event event) override {
    if (event.progress) {
      return progress_chunk(*event.progress);
    }
    std::string out;
    JsonArray& held = logprobs_[static_cast<std::size_t>(event.index)];
    std::ranges::move(logprobs(event), std::back_inserter(held));
    for (const AnswerPiece& piece : choice(event).push(event)) {
      out += piece_chunks(event.index, piece);
    }
    if (event.finish_reason) {
      out += chunk(event.index, {}, choice(event).finish_reason());
    }
    if (event.is_last) {
      out += includes_usage_ ? usage_chunk(event.usage) : "";
      out += kSseDone;
    }
    return out;
  }

 private:
  std::string piece_chunks(std::int64_t index, const AnswerPiece& piece) {
    if (piece.kind == Kind::kReasoning) {
      return chunk(index, {{"reasoning_content", piece.text}, {"reasoning", piece.text}}, nullptr);
    }
    if (piece.kind == Kind::kContent) {
      return chunk(index, {{"content", piece.text}}, nullptr);
    }
    if (piece.kind == Kind::kArguments) {
      return arguments_chunk(index, piece);
    }
    // First what is called, then with what.
    const std::string call =
        chunk(index,
              call_delta({{"index", piece.index},
                          {"id", call_id(index, piece.index)},
                          {"type", "function"},
                          {"function", JsonObject{{"name", piece.name}, {"arguments", ""}}}}),
              nullptr);
    return piece.text.empty() ? call : call + arguments_chunk(index, piece);
  }

  std::string arguments_chunk(std::int64_t index, const AnswerPiece& piece) {
    return chunk(
        index,
        call_delta({{"index", piece.index}, {"function", JsonObject{{"arguments", piece.text}}}}),
        nullptr);
  }

  static JsonObject call_delta(JsonObject call) {
    return {{"tool_calls", JsonArray{std::move(call)}}};
  }

  // Probabilities wait for the next chunk, as a token need not make any text certain. Written as
  // text: a chunk comes with every token of every answer.
  std::string chunk(std::int64_t index, const JsonObject& delta, const char* finish_reason) {
    JsonArray& held = logprobs_[static_cast<std::size_t>(index)];
    std::string logprobs = "null";
    if (!held.empty()) {
      logprobs =
          base::write_json(JsonObject{{"content", std::exchange(held, {})}, {"refusal", nullptr}});
    }
    return fmt::format(
        "data: "
        "{},\"choices\":[{{\"index\":{},\"delta\":{},\"logprobs\":{},\"finish_reason\":{}}}]{}}}"
        "\n\n",
        head_text_, index, base::write_json(delta), logprobs,
        finish_reason == nullptr ? "null" : base::quote_json(finish_reason),
        includes_usage_ ? ",\"usage\":null" : "");
  }

  std::string progress_chunk(const serving::PromptProgress& progress) const {
    JsonObject object = head("chat.completion.chunk");
    object.emplace_back("choices", JsonArray());
    object.emplace_back("prompt_progress", progress_json(progress));
    return sse_data(base::write_json(object));
  }

  std::string usage_chunk(const serving::Usage& counts) const {
    JsonObject object = head("chat.completion.chunk");
    object.emplace_back("choices", JsonArray());
    object.emplace_back("usage", usage(counts));
    return sse_data(base::write_json(object));
  }

  bool includes_usage_;
  std::string head_text_;            // of chunks, up to the choices
  std::vector<JsonArray> logprobs_;  // of each choice, not sent yet
};

}  // namespace

std::unique_ptr<AnswerWriter> make_chat_answer(AnswerIdentity identity, const ChatTask& task,
                                               const ChatPrompt& prompt,
                                               const Tokenizer& tokenizer) {
  if (task.streams) {
    return std::make_unique<ChatStream>(std::move(identity), task, prompt, tokenizer);
  }
  return std::make_unique<WholeChatAnswer>(std::move(identity), task, prompt, tokenizer);
}

}  // namespace minimax::server
