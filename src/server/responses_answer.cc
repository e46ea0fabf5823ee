// SPDX-License-Identifier: Apache-2.0
#include "server/responses_answer.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>

#include "server/choice.h"
#include "server/sse.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;
using text::AnswerPiece;
using Kind = AnswerPiece::Kind;

Json text_part(const std::string& text) {
  return JsonObject{{"type", "output_text"},
                    {"text", text},
                    {"annotations", JsonArray()},
                    {"logprobs", JsonArray()}};
}

Json usage_of(const serving::Usage& counts, std::int64_t reasoning_tokens) {
  return JsonObject{{"input_tokens", counts.prompt_tokens},
                    {"input_tokens_details", JsonObject{{"cached_tokens", counts.cached_tokens}}},
                    {"output_tokens", counts.completion_tokens},
                    {"output_tokens_details", JsonObject{{"reasoning_tokens", reasoning_tokens}}},
                    {"total_tokens", counts.prompt_tokens + counts.completion_tokens}};
}

// The whole answer is the last event of the stream, so one writer makes both.
class ResponsesAnswer : public AnswerWriter {
 public:
  ResponsesAnswer(AnswerIdentity identity, const ChatTask& task, const ChatPrompt& prompt,
                  const Json& body);

  std::string begin() override;
  std::string push(std::size_t request, serving::Event event) override;
  std::string error_event(const ErrorInfo& info) const override;

 private:
  std::string event(const char* type, JsonObject fields);
  Json response(const char* status, const serving::Usage* counts) const;
  JsonObject place() const;
  Json item(const char* status) const;
  Json part() const;
  void add_piece(const AnswerPiece& piece, std::string& out);
  void begin_item(Kind kind, std::string& out);
  void end_item(std::string& out);
  JsonObject call_place() const;
  Json call(const char* status) const;
  void begin_call(const AnswerPiece& piece, std::string& out);
  void add_arguments(const std::string& arguments, std::string& out);
  void end_call(std::string& out);

  AnswerIdentity identity_;
  bool streams_;
  Choice choice_;
  JsonObject repeated_;  // fields of the request
  JsonArray output_;     // items that are complete
  std::optional<Kind> open_;
  std::string text_;  // of the item that is open, or the arguments of the call
  AnswerPiece call_;  // that is open
  std::int64_t sequence_number_ = 0;
};

ResponsesAnswer::ResponsesAnswer(AnswerIdentity identity, const ChatTask& task,
                                 const ChatPrompt& prompt, const Json& body)
    : identity_(std::move(identity)),
      streams_(task.streams),
      choice_(prompt.format, prompt.beginning) {
  const auto repeat = [&](const char* name, const Json& otherwise) {
    const Json* value = body.find(name);
    repeated_.emplace_back(name, value == nullptr ? otherwise : *value);
  };
  repeat("instructions", nullptr);
  repeat("max_output_tokens", nullptr);
  repeat("metadata", JsonObject());
  repeat("parallel_tool_calls", true);
  repeat("temperature", task.sampling.do_sample ? task.sampling.temperature : 0.0);
  repeat("top_p", task.sampling.top_p);
  repeat("tool_choice", "auto");
  repeat("tools", JsonArray());
  repeat("text", JsonObject{{"format", JsonObject{{"type", "text"}}}});
}

Json ResponsesAnswer::response(const char* status, const serving::Usage* counts) const {
  const bool is_cut = std::string_view(status) == "incomplete";
  JsonObject object{
      {"id", "resp_" + identity_.id},
      {"object", "response"},
      {"created_at", identity_.created},
      {"status", status},
      {"error", nullptr},
      {"incomplete_details", is_cut ? Json(JsonObject{{"reason", "max_output_tokens"}}) : Json()},
      {"model", identity_.model},
      {"output", output_},
      {"previous_response_id", nullptr},
      {"store", false}};
  object.insert(object.end(), repeated_.begin(), repeated_.end());
  object.emplace_back("usage",
                      counts == nullptr ? Json() : usage_of(*counts, choice_.reasoning_tokens()));
  return object;
}

std::string ResponsesAnswer::event(const char* type, JsonObject fields) {
  if (!streams_) {
    return "";
  }
  fields.insert(fields.begin(), {{"type", type}, {"sequence_number", sequence_number_++}});
  return sse_event(type, base::write_json(std::move(fields)));
}

std::string ResponsesAnswer::error_event(const ErrorInfo& info) const {
  return sse_event("error", base::write_json(JsonObject{
                                {"type", "error"},
                                {"sequence_number", sequence_number_},
                                {"code", info.code.empty() ? Json(info.type) : Json(info.code)},
                                {"message", info.message},
                                {"param", nullptr}}));
}

std::string ResponsesAnswer::begin() {
  const Json created = response("in_progress", nullptr);
  std::string out = event("response.created", {{"response", created}});
  return out += event("response.in_progress", {{"response", created}});
}

std::string ResponsesAnswer::push(std::size_t /*request*/, serving::Event event_of_engine) {
  std::string out;
  for (const AnswerPiece& piece : choice_.push(event_of_engine)) {
    add_piece(piece, out);
  }
  if (!event_of_engine.is_last) {
    return out;
  }
  end_item(out);
  const bool is_cut = std::string_view(choice_.finish_reason()) == "length";
  const Json whole = response(is_cut ? "incomplete" : "completed", &event_of_engine.usage);
  if (!streams_) {
    return base::write_json(whole);
  }
  return out += event(is_cut ? "response.incomplete" : "response.completed", {{"response", whole}});
}

// Where in the output the item that is open stands.
JsonObject ResponsesAnswer::place() const {
  const auto index = static_cast<std::int64_t>(output_.size());
  return {{"item_id",
           fmt::format("{}_{}_{}", open_ == Kind::kReasoning ? "rs" : "msg", identity_.id, index)},
          {"output_index", index},
          {"content_index", 0}};
}

Json ResponsesAnswer::part() const {
  return open_ == Kind::kReasoning ? Json(JsonObject{{"type", "reasoning_text"}, {"text", text_}})
                                   : text_part(text_);
}

Json ResponsesAnswer::item(const char* status) const {
  const Json id = place().front().second;
  JsonArray content;
  if (std::string_view(status) == "completed") {
    content.push_back(part());
  }
  if (open_ == Kind::kReasoning) {
    return JsonObject{{"id", id},
                      {"type", "reasoning"},
                      {"summary", JsonArray()},
                      {"content", std::move(content)},
                      {"status", status}};
  }
  return JsonObject{{"id", id},
                    {"type", "message"},
                    {"status", status},
                    {"role", "assistant"},
                    {"content", std::move(content)}};
}

void ResponsesAnswer::begin_item(Kind kind, std::string& out) {
  open_ = kind;
  text_.clear();
  out += event(
      "response.output_item.added",
      {{"output_index", static_cast<std::int64_t>(output_.size())}, {"item", item("in_progress")}});
  JsonObject fields = place();
  fields.emplace_back("part", part());
  out += event("response.content_part.added", std::move(fields));
}

void ResponsesAnswer::end_item(std::string& out) {
  if (!open_) {
    return;
  }
  if (open_ == Kind::kToolCall) {
    end_call(out);
    return;
  }
  JsonObject done = place();
  done.emplace_back("text", text_);
  if (open_ == Kind::kContent) {
    done.emplace_back("logprobs", JsonArray());
  }
  out += event(
      open_ == Kind::kReasoning ? "response.reasoning_text.done" : "response.output_text.done",
      std::move(done));
  JsonObject fields = place();
  fields.emplace_back("part", part());
  out += event("response.content_part.done", std::move(fields));
  Json complete = item("completed");
  out += event("response.output_item.done",
               {{"output_index", static_cast<std::int64_t>(output_.size())}, {"item", complete}});
  output_.push_back(std::move(complete));
  open_.reset();
}

void ResponsesAnswer::add_piece(const AnswerPiece& piece, std::string& out) {
  if (piece.kind == Kind::kArguments) {
    add_arguments(piece.text, out);
    return;
  }
  if (open_ != piece.kind || piece.kind == Kind::kToolCall) {
    end_item(out);
  }
  if (piece.kind == Kind::kToolCall) {
    begin_call(piece, out);
    add_arguments(piece.text, out);
    return;
  }
  if (!open_) {
    begin_item(piece.kind, out);
  }
  text_ += piece.text;
  JsonObject delta = place();
  delta.emplace_back("delta", piece.text);
  if (open_ == Kind::kContent) {
    delta.emplace_back("logprobs", JsonArray());
  }
  out += event(
      open_ == Kind::kReasoning ? "response.reasoning_text.delta" : "response.output_text.delta",
      std::move(delta));
}

JsonObject ResponsesAnswer::call_place() const {
  const auto index = static_cast<std::int64_t>(output_.size());
  return {{"item_id", fmt::format("fc_{}_{}", identity_.id, index)}, {"output_index", index}};
}

Json ResponsesAnswer::call(const char* status) const {
  return JsonObject{{"id", call_place().front().second},
                    {"type", "function_call"},
                    {"status", status},
                    {"call_id", fmt::format("call_{}_{}", identity_.id.substr(0, 20), call_.index)},
                    {"name", call_.name},
                    {"arguments", text_}};
}

void ResponsesAnswer::begin_call(const AnswerPiece& piece, std::string& out) {
  open_ = Kind::kToolCall;
  call_ = piece;
  text_.clear();
  out += event(
      "response.output_item.added",
      {{"output_index", static_cast<std::int64_t>(output_.size())}, {"item", call("in_progress")}});
}

void ResponsesAnswer::add_arguments(const std::string& arguments, std::string& out) {
  if (arguments.empty()) {
    return;
  }
  text_ += arguments;
  JsonObject delta = call_place();
  delta.emplace_back("delta", arguments);
  out += event("response.function_call_arguments.delta", std::move(delta));
}

void ResponsesAnswer::end_call(std::string& out) {
  JsonObject done = call_place();
  done.emplace_back("name", call_.name);
  done.emplace_back("arguments", text_);
  out += event("response.function_call_arguments.done", std::move(done));
  Json complete = call("completed");
  out += event("response.output_item.done",
               {{"output_index", static_cast<std::int64_t>(output_.size())}, {"item", complete}});
  output_.push_back(std::move(complete));
  open_.reset();
}

}  // namespace

std::unique_ptr<AnswerWriter> make_responses_answer(AnswerIdentity identity, const ChatTask& task,
                                                    const ChatPrompt& prompt, const Json& body) {
  return std::make_unique<ResponsesAnswer>(std::move(identity), task, prompt, body);
}

}  // namespace minimax::server
