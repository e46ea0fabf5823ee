// SPDX-License-Identifier: Apache-2.0
#include "server/openapi.h"

#include <algorithm>
#include <string>
#include <utility>

#include "minimax/version.h"
#include "server/handlers.h"
#include "server/sampling_fields.h"

namespace minimax::server {
namespace {

using base::Json;
using base::JsonArray;
using base::JsonObject;

// What no table has. Absent and null are the same to this server; unknown fields are ignored.
constexpr const char* kSchemas = R"({
  "Error": {"type": "object", "required": ["error"], "properties": {
    "type": {"const": "error"},
    "error": {"type": "object", "required": ["message", "type"], "properties": {
      "message": {"type": "string"}, "type": {"type": "string"},
      "param": {"type": ["string", "null"]}, "code": {"type": ["string", "null"]}}}}},
  "Content": {"anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": {
    "type": "object", "required": ["type", "text"],
    "properties": {"type": {"const": "text"}, "text": {"type": "string"}}}}]},
  "Message": {"type": "object", "required": ["role"], "properties": {
    "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
    "content": {"$ref": "#/components/schemas/Content"}}},
  "Messages": {"type": "array", "minItems": 1, "maxItems": 16384,
    "items": {"$ref": "#/components/schemas/Message"}},
  "Tools": {"type": ["array", "null"], "maxItems": 256, "items": {
    "type": "object", "required": ["type", "function"], "properties": {
      "type": {"const": "function"},
      "function": {"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string", "pattern": "^[a-zA-Z0-9_.-]{1,64}$"},
        "description": {"type": ["string", "null"]},
        "parameters": {"type": ["object", "null"]}}}}}},
  "Prompt": {"anyOf": [{"type": "string"},
    {"type": "array", "maxItems": 2048, "items": {"type": "string"}},
    {"type": "array", "items": {"type": "integer", "minimum": 0}},
    {"type": "array", "maxItems": 2048,
     "items": {"type": "array", "items": {"type": "integer", "minimum": 0}}}]},
  "Stop": {"anyOf": [{"type": ["string", "null"], "minLength": 1, "maxLength": 256},
    {"type": "array", "maxItems": 16,
     "items": {"type": "string", "minLength": 1, "maxLength": 256}}]}
})";

// The fields that a kind of request has beside those of sampling; "required" as in schemas.
constexpr const char* kRequests = R"({
  "ChatRequest": {"required": ["messages"], "properties": {
    "messages": {"$ref": "#/components/schemas/Messages"},
    "tools": {"$ref": "#/components/schemas/Tools"},
    "tool_choice": {"anyOf": [{"enum": ["none", "auto", "required", null]}, {"type": "object"}]},
    "parallel_tool_calls": {"type": ["boolean", "null"]},
    "max_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 2147483647},
    "max_completion_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 2147483647},
    "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 128},
    "logprobs": {"type": ["boolean", "null"]},
    "top_logprobs": {"type": ["integer", "null"], "minimum": 0, "maximum": 20},
    "response_format": {"type": ["object", "null"]},
    "structured_outputs": {"type": ["object", "null"]},
    "chat_template_kwargs": {"type": ["object", "null"]},
    "reasoning_format": {"type": ["string", "null"]},
    "stop": {"$ref": "#/components/schemas/Stop"}}},
  "CompletionRequest": {"required": ["prompt"], "properties": {
    "prompt": {"$ref": "#/components/schemas/Prompt"},
    "max_tokens": {"type": ["integer", "null"], "minimum": 0, "maximum": 2147483647},
    "n": {"type": ["integer", "null"], "minimum": 1, "maximum": 128},
    "best_of": {"type": ["integer", "null"], "minimum": 1, "maximum": 128},
    "echo": {"type": ["boolean", "null"]},
    "logprobs": {"anyOf": [{"type": ["integer", "null"], "minimum": 0, "maximum": 20},
      {"const": false}]},
    "structured_outputs": {"type": ["object", "null"]},
    "stop": {"$ref": "#/components/schemas/Stop"}}},
  "ResponsesRequest": {"required": ["input"], "properties": {
    "input": {"anyOf": [{"type": "string"}, {"type": "array", "minItems": 1}]},
    "instructions": {"type": ["string", "null"]},
    "max_output_tokens": {"type": ["integer", "null"], "minimum": 1, "maximum": 2147483647},
    "text": {"type": ["object", "null"]}, "tools": {"type": ["array", "null"], "maxItems": 256},
    "parallel_tool_calls": {"type": ["boolean", "null"]}}},
  "MessagesRequest": {"required": ["messages", "max_tokens"], "properties": {
    "messages": {"type": "array", "minItems": 1, "maxItems": 16384, "items": {
      "type": "object", "required": ["role", "content"], "properties": {
        "role": {"enum": ["user", "assistant"]},
        "content": {"anyOf": [{"type": "string"}, {"type": "array"}]}}}},
    "max_tokens": {"type": "integer", "minimum": 1, "maximum": 2147483647},
    "system": {"anyOf": [{"type": ["string", "null"]}, {"type": "array"}]},
    "tools": {"type": ["array", "null"], "maxItems": 256},
    "tool_choice": {"type": ["object", "null"]},
    "stop_sequences": {"$ref": "#/components/schemas/Stop"}}}
})";

// Requests that choose no tokens.
constexpr const char* kOtherRequests = R"({
  "EmbeddingRequest": {"type": "object", "required": ["input"], "properties": {
    "model": {"type": ["string", "null"]},
    "input": {"$ref": "#/components/schemas/Prompt"},
    "encoding_format": {"enum": ["float", "base64", null]},
    "pooling": {"enum": ["mean", "last", null]},
    "dimensions": {"type": ["integer", "null"], "minimum": 1}}},
  "CountRequest": {"type": "object", "required": ["messages"], "properties": {
    "model": {"type": ["string", "null"]},
    "messages": {"type": "array", "minItems": 1, "maxItems": 16384}}},
  "TokenizeRequest": {"type": "object", "properties": {
    "prompt": {"type": ["string", "null"]}, "content": {"type": ["string", "null"]},
    "add_special_tokens": {"type": ["boolean", "null"]},
    "parse_special": {"type": ["boolean", "null"]},
    "with_pieces": {"type": ["boolean", "null"]}}},
  "DetokenizeRequest": {"type": "object", "required": ["tokens"], "properties": {
    "tokens": {"type": "array", "items": {"type": "integer", "minimum": 0}}}},
  "TemplateRequest": {"type": "object", "required": ["messages"], "properties": {
    "messages": {"$ref": "#/components/schemas/Messages"},
    "tools": {"$ref": "#/components/schemas/Tools"},
    "add_generation_prompt": {"type": ["boolean", "null"]},
    "chat_template_kwargs": {"type": ["object", "null"]}}}
})";

// What all requests that choose tokens have beside the numbers of the table.
constexpr const char* kCommonFields = R"({
  "model": {"type": ["string", "null"], "description": "One of /v1/models; may be left out"},
  "stream": {"type": ["boolean", "null"]},
  "stream_options": {"type": ["object", "null"]},
  "return_progress": {"type": ["boolean", "null"]},
  "seed": {"type": ["integer", "null"]},
  "ignore_eos": {"type": ["boolean", "null"]},
  "logit_bias": {"type": ["object", "null"], "maxProperties": 1024,
    "additionalProperties": {"type": ["number", "null"], "minimum": -100, "maximum": 100}},
  "bad_words": {"type": ["array", "null"], "maxItems": 1024, "items": {"type": "string"}},
  "dry_sequence_breakers": {"type": ["array", "null"], "items": {"type": "string"}},
  "cache_salt": {"type": ["string", "null"]},
  "priority": {"type": ["integer", "null"], "minimum": -2147483647, "maximum": 2147483647}
})";

Json parse(const char* text) { return base::parse_json(text, "openapi"); }

Json reference(const std::string& name) {
  return JsonObject{{"$ref", "#/components/schemas/" + name}};
}

JsonObject sampling_properties() {
  JsonObject properties = parse(kCommonFields).object();
  for (const NumberField& field : sampling_fields()) {
    const auto bound = [&](double value) {
      return field.is_integer ? Json(static_cast<std::int64_t>(value)) : Json(value);
    };
    properties.emplace_back(
        std::string(field.name),
        JsonObject{
            {"type", JsonArray{field.is_integer ? "integer" : "number", "null"}},
            {field.range.excludes_min ? "exclusiveMinimum" : "minimum", bound(field.range.min)},
            {"maximum", bound(field.range.max)},
            {"description", std::string(field.meaning)}});
  }
  return properties;
}

Json schemas() {
  JsonObject all = parse(kSchemas).object();
  const JsonObject sampling = sampling_properties();
  const Json requests = parse(kRequests);
  for (const base::JsonMember& request : requests.object()) {
    JsonObject properties = request.second.find("properties")->object();
    properties.insert(properties.end(), sampling.begin(), sampling.end());
    all.emplace_back(request.first, JsonObject{{"type", "object"},
                                               {"required", *request.second.find("required")},
                                               {"properties", std::move(properties)}});
  }
  const Json others = parse(kOtherRequests);
  all.insert(all.end(), others.object().begin(), others.object().end());
  return all;
}

Json content(const std::string& type, Json schema) {
  return JsonObject{{type, JsonObject{{"schema", std::move(schema)}}}};
}

std::string type_of_answers(std::string_view path) {
  if (path == "/") {
    return "text/html";
  }
  return path == "/metrics" ? "text/plain" : path == "/web/*" ? "*/*" : "application/json";
}

Json operation(const Route& route) {
  JsonObject answers = {
      {"description", "What was asked for"},
      {"content", content(type_of_answers(route.path), JsonObject{})},
  };
  if (!route.body.empty()) {  // those that can be streamed
    answers.back().second.object().emplace_back("text/event-stream",
                                                JsonObject{{"schema", JsonObject{}}});
  }
  JsonObject operation = {
      {"summary", std::string(route.summary)},
      {"responses",
       JsonObject{
           {"200", std::move(answers)},
           {"default", JsonObject{{"description", "Why not"},
                                  {"content", content("application/json", reference("Error"))}}}}}};
  if (route.access == Access::kOpen) {
    operation.emplace_back("security", JsonArray());
  }
  if (route.path.ends_with("/*")) {
    operation.emplace_back("parameters",
                           JsonArray{JsonObject{{"name", "name"},
                                                {"in", "path"},
                                                {"required", true},
                                                {"schema", JsonObject{{"type", "string"}}}}});
  }
  if (!route.body.empty()) {
    operation.emplace_back(
        "requestBody",
        JsonObject{{"required", true},
                   {"content", content("application/json", reference(std::string(route.body)))}});
  }
  return operation;
}

Json paths() {
  JsonObject paths;
  const auto add = [&](const Route& route) {
    std::string path(route.path);
    if (path.ends_with("/*")) {
      path.replace(path.size() - 1, 1, "{name}");
    }
    std::string method(route.method);
    std::ranges::transform(method, method.begin(),
                           [](char c) { return static_cast<char>(c - 'A' + 'a'); });
    paths.emplace_back(path, JsonObject{{method, operation(route)}});
  };
  std::ranges::for_each(routes(), add);
  return paths;
}

}  // namespace

Json openapi_document() {
  const Json keys = parse(R"({"key": {"type": "http", "scheme": "bearer"}})");
  return JsonObject{{"openapi", "3.1.0"},
                    {"info", JsonObject{{"title", "minimax.cpp"},
                                        {"version", kVersion},
                                        {"license", JsonObject{{"name", "Apache-2.0"}}}}},
                    {"security", JsonArray{JsonObject{{"key", JsonArray()}}, JsonObject{}}},
                    {"paths", paths()},
                    {"components", JsonObject{{"securitySchemes", keys}, {"schemas", schemas()}}}};
}

Outcome handle_openapi(const RouteContext& /*context*/, const Call& /*call*/) {
  return json_reply(openapi_document());
}

}  // namespace minimax::server
