// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include "engine/tokenizer.h"
#include "server/chat_request.h"
#include "server/handlers.h"
#include "server/text_fields.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

// The text under either of its names: that of vLLM and that of llama.cpp.
const std::string& text_of(const Fields& fields) {
  const std::string* content = fields.string("content");
  return content != nullptr ? *content : fields.require_string("prompt");
}

std::vector<std::int32_t> tokens_of(const Json& body, const RouteContext& context) {
  const ServedModel& model = context.ready.model;
  const Fields fields(body);
  if (fields.find("messages") != nullptr) {
    return encode_chat(read_conversation(body, model, context.limits), model);
  }
  const bool adds =
      fields.boolean("add_special_tokens", true) && fields.boolean("add_special", true);
  const bool parses = fields.boolean("parse_special", true);
  return model.tokenizer->impl().tokenizer.encode(
      text_of(fields), {.add_special_tokens = adds, .parse_special = parses});
}

Json special_token(const Tokenizer& tokenizer, std::optional<std::int32_t> id) {
  return id ? Json(token_text(tokenizer, *id)) : Json();
}

}  // namespace

Outcome handle_tokenize(const RouteContext& context, const Call& call) {
  const Json body = parse_body(call.body);
  const Fields fields(body);
  const bool has_texts =
      fields.boolean("return_token_strs", false) || fields.boolean("with_pieces", false);
  JsonArray tokens;
  JsonArray texts;
  for (const std::int32_t id : tokens_of(body, context)) {
    tokens.emplace_back(id);
    if (has_texts) {
      texts.emplace_back(token_text(*context.ready.model.tokenizer, id));
    }
  }
  const auto count = static_cast<std::int64_t>(tokens.size());
  return json_reply(JsonObject{{"count", count},
                               {"max_model_len", context.ready.model.context_tokens},
                               {"tokens", std::move(tokens)},
                               {"token_strs", has_texts ? Json(std::move(texts)) : Json()}});
}

Outcome handle_detokenize(const RouteContext& context, const Call& call) {
  const Json body = parse_body(call.body);
  const Fields fields(body);
  const Json& tokens = fields.require("tokens");
  std::string text;
  if (!tokens.is_array() || !tokens.array().empty()) {
    text =
        context.ready.model.tokenizer->decode(read_tokens(tokens, context.ready.model, "tokens"));
  }
  return json_reply(JsonObject{{"prompt", text}, {"content", text}});
}

Outcome handle_apply_template(const RouteContext& context, const Call& call) {
  const ServedModel& model = context.ready.model;
  const ChatTask task = read_conversation(parse_body(call.body), model, context.limits);
  return json_reply(JsonObject{{"prompt", render_text(task, model)}});
}

Outcome handle_tokenizer_info(const RouteContext& context, const Call& /*call*/) {
  const Tokenizer& tokenizer = *context.ready.model.tokenizer;
  const text::SpecialTokenIds& ids = tokenizer.impl().tokenizer.special_ids();
  return json_reply(
      JsonObject{{"tokenizer_class", "minimax"},
                 {"bos_token", special_token(tokenizer, ids.bos)},
                 {"eos_token", special_token(tokenizer, ids.eos)},
                 {"pad_token", special_token(tokenizer, ids.pad)},
                 {"unk_token", special_token(tokenizer, ids.unk)},
                 {"vocab_size", tokenizer.vocab_size()},
                 {"model_max_length", context.ready.model.context_tokens},
                 {"chat_template", std::string(tokenizer.impl().chat_template.source())}});
}

}  // namespace minimax::server
