// SPDX-License-Identifier: Apache-2.0
// The one table of all routes.
#include "server/handlers.h"
#include "server/route.h"

namespace minimax::server {

const std::vector<Route>& routes() {
  constexpr Access kKey = Access::kKey;
  constexpr Needs kModel = Needs::kModel;
  static const std::vector<Route> kRoutes = {
      {"POST", "/v1/chat/completions", kKey, kModel, handle_chat},
      {"POST", "/v1/completions", kKey, kModel, handle_completion},
      {"POST", "/v1/embeddings", kKey, kModel, handle_embedding},
      {"POST", "/v1/responses", kKey, kModel, handle_responses},
      {"POST", "/v1/messages", kKey, kModel, handle_messages},
      {"POST", "/v1/messages/count_tokens", kKey, kModel, handle_count_tokens},
      {"GET", "/v1/models", kKey, kModel, handle_models},
      {"GET", "/v1/models/*", kKey, kModel, handle_model},
      {"POST", "/tokenize", kKey, kModel, handle_tokenize},
      {"POST", "/detokenize", kKey, kModel, handle_detokenize},
      {"POST", "/apply-template", kKey, kModel, handle_apply_template},
      {"GET", "/tokenizer_info", kKey, kModel, handle_tokenizer_info},
      {"GET", "/version", kKey, Needs::kNothing, handle_version},
      {"GET", "/props", kKey, kModel, handle_props},
      {"GET", "/slots", kKey, kModel, handle_slots},
      {"GET", "/metrics", kKey, kModel, handle_metrics},
      // Without a key, as whoever has one types it into the page.
      {"GET", "/", Access::kOpen, Needs::kNothing, handle_page},
      {"GET", "/web/*", Access::kOpen, Needs::kNothing, handle_asset},
  };
  return kRoutes;
}

}  // namespace minimax::server
