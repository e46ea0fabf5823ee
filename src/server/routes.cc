// SPDX-License-Identifier: Apache-2.0
// The one table of all routes.
#include "server/handlers.h"
#include "server/route.h"

namespace minimax::server {

const std::vector<Route>& routes() {
  constexpr Access kKey = Access::kKey;
  constexpr Needs kModel = Needs::kModel;
  static const std::vector<Route> kRoutes = {
      {"GET", "/health", Access::kOpen, Needs::kNothing, nullptr, "Whether it lives"},
      {"GET", "/ready", Access::kOpen, Needs::kNothing, nullptr, "Whether it takes requests"},
      {"POST", "/v1/chat/completions", kKey, kModel, handle_chat, "A turn of a conversation",
       "ChatRequest"},
      {"POST", "/v1/completions", kKey, kModel, handle_completion, "Continues texts",
       "CompletionRequest"},
      {"POST", "/v1/embeddings", kKey, kModel, handle_embedding, "Embeds texts",
       "EmbeddingRequest"},
      {"POST", "/v1/responses", kKey, kModel, handle_responses,
       "A turn of a conversation, in OpenAI's newer protocol", "ResponsesRequest"},
      {"POST", "/v1/messages", kKey, kModel, handle_messages,
       "A turn of a conversation, in Anthropic's protocol", "MessagesRequest"},
      {"POST", "/v1/messages/count_tokens", kKey, kModel, handle_count_tokens,
       "The tokens of such a request", "CountRequest"},
      {"GET", "/v1/models", kKey, kModel, handle_models, "What is served"},
      {"GET", "/v1/models/*", kKey, kModel, handle_model, "One of them"},
      {"POST", "/tokenize", kKey, kModel, handle_tokenize, "Text or a conversation to tokens",
       "TokenizeRequest"},
      {"POST", "/detokenize", kKey, kModel, handle_detokenize, "Tokens to text",
       "DetokenizeRequest"},
      {"POST", "/apply-template", kKey, kModel, handle_apply_template,
       "The text that a conversation becomes", "TemplateRequest"},
      {"GET", "/tokenizer_info", kKey, kModel, handle_tokenizer_info,
       "Special tokens and the chat template"},
      {"GET", "/version", kKey, Needs::kNothing, handle_version, "The version of the server"},
      {"GET", "/props", kKey, kModel, handle_props,
       "Settings that hold where a request says nothing"},
      {"GET", "/slots", kKey, kModel, handle_slots, "What runs"},
      {"GET", "/metrics", kKey, kModel, handle_metrics, "For Prometheus"},
      {"GET", "/openapi.json", kKey, Needs::kNothing, handle_openapi, "This document"},
      // Without a key, as whoever has one types it into the page.
      {"GET", "/", Access::kOpen, Needs::kNothing, handle_page, "The chat page"},
      {"GET", "/web/*", Access::kOpen, Needs::kNothing, handle_asset, "A file of the chat page"},
  };
  return kRoutes;
}

}  // namespace minimax::server
