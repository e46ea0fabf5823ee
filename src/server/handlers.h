// SPDX-License-Identifier: Apache-2.0
// What the routes do, one function each. All throw ApiError and Error for what they refuse.
#pragma once

#include "server/route.h"

namespace minimax::server {

// generation_handlers.cc: what the engine works for.
Outcome handle_chat(const RouteContext& context, const Call& call);
Outcome handle_completion(const RouteContext& context, const Call& call);
Outcome handle_embedding(const RouteContext& context, const Call& call);
Outcome handle_responses(const RouteContext& context, const Call& call);
Outcome handle_messages(const RouteContext& context, const Call& call);
Outcome handle_count_tokens(const RouteContext& context, const Call& call);

// text_handlers.cc: the tokenizer and the chat template.
Outcome handle_tokenize(const RouteContext& context, const Call& call);
Outcome handle_detokenize(const RouteContext& context, const Call& call);
Outcome handle_apply_template(const RouteContext& context, const Call& call);
Outcome handle_tokenizer_info(const RouteContext& context, const Call& call);

// status_handlers.cc: what the server tells about itself.
Outcome handle_models(const RouteContext& context, const Call& call);
Outcome handle_model(const RouteContext& context, const Call& call);
Outcome handle_version(const RouteContext& context, const Call& call);
Outcome handle_props(const RouteContext& context, const Call& call);
Outcome handle_slots(const RouteContext& context, const Call& call);
Outcome handle_metrics(const RouteContext& context, const Call& call);

// openapi.cc: a document of all routes.
Outcome handle_openapi(const RouteContext& context, const Call& call);

// web_handlers.cc: the chat page.
Outcome handle_page(const RouteContext& context, const Call& call);
Outcome handle_asset(const RouteContext& context, const Call& call);

/// Sets apart the prefixes of different keys. Call for every job.
void isolate(const Call& call, Job& job);

AnswerIdentity identity_of(const RouteContext& context, const Call& call);

}  // namespace minimax::server
