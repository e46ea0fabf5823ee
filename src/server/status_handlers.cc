// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>
#include <utility>

#include "engine/tokenizer.h"
#include "minimax/version.h"
#include "server/handlers.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

Json model_json(const ServedModel& model, const std::string& name) {
  return JsonObject{{"id", name},
                    {"object", "model"},
                    {"created", model.created},
                    {"owned_by", "minimax.cpp"},
                    {"root", model.name()},
                    {"parent", nullptr},
                    {"max_model_len", model.context_tokens},
                    {"meta", JsonObject{{"vocab_size", model.config.vocab_size},
                                        {"hidden_size", model.config.hidden_size},
                                        {"parameters", model.parameters},
                                        {"weight_bytes", model.weight_bytes}}}};
}

// What holds for a request that says nothing.
Json defaults_json(const GenerationConfig& config) {
  return JsonObject{{"temperature", config.do_sample ? config.temperature : 0.0},
                    {"top_k", config.top_k},
                    {"top_p", config.top_p},
                    {"min_p", config.min_p},
                    {"typical_p", config.typical_p},
                    {"repetition_penalty", config.repetition_penalty},
                    {"no_repeat_ngram_size", config.no_repeat_ngram_size},
                    {"ignore_eos", config.ignore_eos}};
}

}  // namespace

Outcome handle_models(const RouteContext& context, const Call& /*call*/) {
  JsonArray data;
  for (const std::string& name : context.ready.model.names) {
    data.push_back(model_json(context.ready.model, name));
  }
  return json_reply(JsonObject{{"object", "list"}, {"data", std::move(data)}});
}

Outcome handle_model(const RouteContext& context, const Call& call) {
  const std::string_view path = call.path();
  const std::string_view marker = "models/";
  const std::string name(path.substr(path.find(marker) + marker.size()));
  check_model_name(context.ready.model, name);
  return json_reply(model_json(context.ready.model, name));
}

Outcome handle_version(const RouteContext& /*context*/, const Call& /*call*/) {
  return json_reply(JsonObject{{"version", kVersion}});
}

Outcome handle_props(const RouteContext& context, const Call& /*call*/) {
  const serving::ServiceStatus status = context.ready.backend.status();
  const ServedModel& model = context.ready.model;
  return json_reply(JsonObject{
      {"model_alias", model.name()},
      {"default_generation_settings",
       JsonObject{{"n_ctx", model.context_tokens}, {"params", defaults_json(model.defaults)}}},
      {"total_slots", status.slots},
      {"chat_template", std::string(model.tokenizer->impl().chat_template.source())},
      {"modalities", JsonObject{{"vision", false}, {"audio", false}}},
      {"is_draining", status.is_draining},
      {"snapshots", status.snapshots},
      {"snapshot_bytes", status.snapshot_bytes},
      {"snapshot_budget_bytes", status.snapshot_budget_bytes},
      {"kv_bytes", status.kv_bytes},
      {"kv_budget_bytes", status.kv_budget_bytes},
      {"build_info", fmt::format("minimax.cpp {}", kVersion)}});
}

Outcome handle_slots(const RouteContext& context, const Call& /*call*/) {
  const serving::ServiceStatus status = context.ready.backend.status();
  JsonArray slots;
  for (const serving::RunningRequest& each : status.requests) {
    slots.emplace_back(
        JsonObject{{"id", static_cast<std::int64_t>(slots.size())},
                   {"id_task", static_cast<std::int64_t>(each.id)},
                   {"is_processing", true},
                   {"phase", each.phase == serving::Phase::kPrefill ? "prefill" : "decode"},
                   {"answers", each.answers},
                   {"prompt_tokens", each.prompt_tokens},
                   {"prompt_tokens_read", each.prompt_tokens_read},
                   {"cached_tokens", each.cached_tokens},
                   {"generated_tokens", each.generated_tokens},
                   {"seconds", each.seconds}});
  }
  while (static_cast<std::int64_t>(slots.size()) < status.slots) {
    slots.emplace_back(
        JsonObject{{"id", static_cast<std::int64_t>(slots.size())}, {"is_processing", false}});
  }
  return json_reply(slots);
}

Outcome handle_metrics(const RouteContext& context, const Call& /*call*/) {
  return Reply{.content_type = "text/plain; version=0.0.4; charset=utf-8",
               .body = context.metrics.text(context.ready.model.name(),
                                            context.ready.backend.status(), context.metric_names)};
}

}  // namespace minimax::server
