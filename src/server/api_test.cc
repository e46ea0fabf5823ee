// SPDX-License-Identifier: Apache-2.0
// What every route refuses, in tables: a status and the field that the message names.
#include "server/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "base/json.h"
#include "server/test_api.h"

namespace minimax::server {
namespace {

using ::testing::HasSubstr;

constexpr const char* kChat = "/v1/chat/completions";
constexpr const char* kMessages = R"("messages":[{"role":"user","content":"Hi"}])";

TestApi& shared_api() {
  static TestApi api;
  return api;
}

std::string param_of(const Reply& reply) {
  const base::Json body = base::parse_json(reply.body, "reply");
  const base::Json* param = body.find("error")->find("param");
  return param == nullptr || param->is_null() ? "" : param->string();
}

std::string code_of(const Reply& reply) {
  const base::Json body = base::parse_json(reply.body, "reply");
  const base::Json* code = body.find("error")->find("code");
  return code->is_null() ? "" : code->string();
}

struct Refusal {
  const char* fields;
  const char* param;
};

void expect_refusals(const char* target, const std::string& start,
                     const std::vector<Refusal>& refusals) {
  for (const Refusal& each : refusals) {
    const Reply reply = shared_api().reply(TestApi::post(target, start + each.fields + "}"));
    EXPECT_EQ(reply.status, 400) << each.fields << " " << reply.body;
    if (reply.status == 400) {
      EXPECT_EQ(param_of(reply), each.param) << each.fields << " " << reply.body;
    }
  }
}

TEST(Api, RefusesBodiesThatAreNoObjects) {
  const std::string bodies[] = {"",
                                "null",
                                "[]",
                                "{\"a\":",
                                R"({"model":"a","model":"b"})",
                                std::string(3000, '['),
                                std::string(1000000, '['),
                                R"({"a":)" + std::string(70, '[') + std::string(70, ']') + "}",
                                "{\"messages\":\"\xff\"}"};
  for (const std::string& body : bodies) {
    EXPECT_EQ(shared_api().reply(TestApi::post(kChat, body)).status, 400) << body.substr(0, 40);
  }
}

TEST(Api, RefusesFieldsOutOfTheirRangesByName) {
  expect_refusals(kChat, std::string("{") + kMessages + ",",
                  {{R"("n":0)", "n"},
                   {R"("n":-1)", "n"},
                   {R"("n":1.5)", "n"},
                   {R"("n":1000000000)", "n"},
                   {R"("n":"2")", "n"},
                   {R"("max_tokens":0)", "max_tokens"},
                   {R"("max_tokens":-1)", "max_tokens"},
                   {R"("max_tokens":2147483648)", "max_tokens"},
                   {R"("max_completion_tokens":0)", "max_completion_tokens"},
                   {R"("temperature":-1)", "temperature"},
                   {R"("temperature":1e308)", "temperature"},
                   {R"("temperature":"hot")", "temperature"},
                   {R"("top_p":0)", "top_p"},
                   {R"("top_p":2)", "top_p"},
                   {R"("top_k":-2)", "top_k"},
                   {R"("min_p":2)", "min_p"},
                   {R"("frequency_penalty":1e9)", "frequency_penalty"},
                   {R"("presence_penalty":-1e9)", "presence_penalty"},
                   {R"("repetition_penalty":0)", "repetition_penalty"},
                   {R"("seed":18446744073709551615)", "seed"},
                   {R"("seed":1.5)", "seed"},
                   {R"("stop":["a",1])", "stop"},
                   {R"("stop":"")", "stop"},
                   {R"("stop":{})", "stop"},
                   {R"("logit_bias":{"AI":1})", "logit_bias"},
                   {R"("logit_bias":{"-1":1})", "logit_bias"},
                   {R"("logit_bias":{"99999999":1})", "logit_bias"},
                   {R"("logit_bias":{"1":1e9})", "logit_bias.1"},
                   {R"("logit_bias":[1])", "logit_bias"},
                   {R"("top_logprobs":1000000,"logprobs":true)", "top_logprobs"},
                   {R"("top_logprobs":-1,"logprobs":true)", "top_logprobs"},
                   {R"("top_logprobs":2)", "top_logprobs"},
                   {R"("logprobs":5)", "logprobs"},
                   {R"("stream":"yes")", "stream"},
                   {R"("stream_options":{"include_usage":1})", "stream_options.include_usage"},
                   {R"("min_tokens":9,"max_tokens":5)", "min_tokens"},
                   {R"("dry_multiplier":-1)", "dry_multiplier"},
                   {R"("xtc_probability":2)", "xtc_probability"},
                   {R"("bad_words":[""])", "bad_words"},
                   {R"("modalities":["audio"])", "modalities"},
                   {R"("chat_template_kwargs":{"messages":1})", "chat_template_kwargs.messages"},
                   {R"("chat_template_kwargs":{"tools":1})", "chat_template_kwargs.tools"}});
}

TEST(Api, RefusesTooManyStopStrings) {
  std::string stop = R"({"stop":["a")";
  for (int i = 0; i < 10000; ++i) {
    stop += ",\"a\"";
  }
  EXPECT_EQ(param_of(shared_api().reply(TestApi::post(kChat, stop + "]," + kMessages + "}"))),
            "stop");
  const std::string long_one = R"({"stop":")" + std::string(1000000, 'a') + "\",";
  EXPECT_EQ(param_of(shared_api().reply(TestApi::post(kChat, long_one + kMessages + "}"))), "stop");
}

TEST(Api, RefusesMessagesByTheirPlace) {
  expect_refusals(kChat, "{",
                  {{R"("model":"tiny-minimax")", "messages"},
                   {R"("messages":[])", "messages"},
                   {R"("messages":"Hi")", "messages"},
                   {R"("messages":[1])", "messages[0]"},
                   {R"("messages":[{"content":"Hi"}])", "messages[0].role"},
                   {R"("messages":[{"role":"king","content":"Hi"}])", "messages[0].role"},
                   {R"("messages":[{"role":"user","content":null}])", "messages[0].content"},
                   {R"("messages":[{"role":"user","content":5}])", "messages[0].content"},
                   {R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":)"
                    R"({"url":"http://169.254.169.254"}}]}])",
                    "messages[0].content[0].type"}});
}

TEST(Api, RefusesToolsByTheirPlace) {
  expect_refusals(
      kChat, std::string("{") + kMessages + ",",
      {{R"("tools":5)", "tools"},
       {R"("tools":[5])", "tools[0]"},
       {R"("tools":[{"type":"magic"}])", "tools[0].type"},
       {R"("tools":[{"type":"function"}])", "tools[0].function"},
       {R"("tools":[{"type":"function","function":{}}])", "tools[0].function.name"},
       {R"("tools":[{"type":"function","function":{"name":"a b"}}])", "tools[0].function.name"},
       {R"("tools":[{"type":"function","function":{"name":"f","parameters":[]}}])",
        "tools[0].function.parameters"},
       {R"("tool_choice":"required")", "tool_choice"},
       {R"("tool_choice":"maybe")", "tool_choice"},
       {R"("tool_choice":{"type":"function","function":{"name":"g"}},"tools":[{"type":"function","function":{"name":"f"}}])",
        "tool_choice"}});
}

TEST(Api, RefusesPromptsByTheirPlace) {
  expect_refusals("/v1/completions", "{",
                  {{R"("model":"tiny-minimax")", "prompt"},
                   {R"("prompt":[])", "prompt"},
                   {R"("prompt":[[]])", "prompt[0]"},
                   {R"("prompt":{})", "prompt"},
                   {R"("prompt":[-1])", "prompt"},
                   {R"("prompt":[99999999])", "prompt"},
                   {R"("prompt":["a",1])", "prompt[1]"},
                   {R"("prompt":[[1],"a"])", "prompt[1]"},
                   {R"("prompt":"a","best_of":1,"n":2)", "best_of"},
                   {R"("prompt":"a","best_of":1000000)", "best_of"},
                   {R"("prompt":"a","best_of":2,"stream":true)", "best_of"},
                   {R"("prompt":"a","logprobs":true)", "logprobs"},
                   {R"("prompt":"a","logprobs":1000000)", "logprobs"},
                   {R"("prompt":"a","max_tokens":0)", "max_tokens"},
                   {R"("prompt":"a","suffix":"b")", "suffix"}});
  expect_refusals("/v1/embeddings", "{",
                  {{R"("model":"tiny-minimax")", "input"},
                   {R"("input":"a","encoding_format":"hex")", "encoding_format"},
                   {R"("input":"a","pooling":"max")", "pooling"},
                   {R"("input":"a","dimensions":0)", "dimensions"}});
}

TEST(Api, SaysHowLongAPromptMayBe) {
  std::string ids = "1";
  for (int i = 1; i < 512; ++i) {
    ids += ",1";
  }
  const auto complete = [&](const std::string& rest) {
    return shared_api().reply(TestApi::post("/v1/completions", "{\"prompt\":[" + ids + rest + "}"));
  };
  EXPECT_EQ(complete(R"(],"max_tokens":0,"echo":true)").status, 0);  // exactly the context
  const Reply reply = complete(R"(,1],"max_tokens":0,"echo":true)");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(code_of(reply), "context_length_exceeded");
  EXPECT_THAT(reply.body, HasSubstr("512"));
  EXPECT_THAT(reply.body, HasSubstr("513"));
}

TEST(Api, RefusesStructuresThatItCannotHoldTo) {
  for (
      const char* fields :
      {R"("response_format":{"type":"xml"})", R"("response_format":{"type":"json_schema"})",
       R"("response_format":{"type":"json_schema","json_schema":{"schema":{"type":"foo"}}})",
       R"("response_format":{"type":"json_schema","json_schema":{"schema":{"$ref":"http://x/y"}}})",
       R"("grammar":"root ::= undefined")", R"("guided_regex":"(")", R"("guided_choice":[])"}) {
    const Reply reply =
        shared_api().reply(TestApi::post(kChat, std::string("{") + kMessages + "," + fields + "}"));
    EXPECT_EQ(reply.status, 400) << fields << reply.body;
  }
}

TEST(Api, KnowsOnlyItsModels) {
  const auto ask = [](const std::string& name) {
    return shared_api().reply(
        TestApi::post(kChat, "{\"model\":" + base::quote_json(name) + "," + kMessages + "}"));
  };
  for (const std::string& name :
       {std::string("other"), std::string("../../etc"), std::string(1000000, 'm')}) {
    const Reply reply = ask(name);
    EXPECT_EQ(reply.status, 404);
    EXPECT_EQ(code_of(reply), "model_not_found");
    EXPECT_LT(reply.body.size(), 1000U);
  }
  EXPECT_EQ(ask("").status, 0);
  EXPECT_EQ(ask("org/alias").status, 0);
  EXPECT_EQ(shared_api().reply(TestApi::get("/v1/models/org/alias")).status, 200);
  EXPECT_EQ(shared_api().reply(TestApi::get("/v1/models/other")).status, 404);
}

TEST(Api, FindsRoutesByMethodAndPath) {
  const auto status = [](const char* method, const char* target) {
    Call call = TestApi::get(target);
    call.method = method;
    return shared_api().reply(call).status;
  };
  EXPECT_EQ(status("GET", "/v1/models"), 200);
  EXPECT_EQ(status("GET", "/v1/models/"), 200);
  EXPECT_EQ(status("GET", "/models"), 200);
  EXPECT_EQ(status("GET", "/models?x=1"), 200);
  EXPECT_EQ(status("TRACE", "/v1/models"), 405);
  EXPECT_EQ(status("POST", "/v1/models"), 405);
  EXPECT_EQ(status("POST", "/health"), 405);
  Call wrong = TestApi::get(kChat);
  EXPECT_THAT(shared_api().reply(wrong).headers,
              ::testing::Contains(::testing::Pair("Allow", "POST")));
  EXPECT_EQ(status("GET", "//v1//models"), 404);
  EXPECT_EQ(status("GET", "/v1/%2e%2e/models"), 404);
  EXPECT_EQ(status("GET", "/v1/models%00"), 404);
  EXPECT_EQ(status("GET", "http://localhost/v1/models"), 400);
  EXPECT_EQ(status("OPTIONS", "*"), 400);
}

TEST(Api, TakesJsonOnly) {
  const auto status = [](std::vector<std::pair<std::string, std::string>> headers) {
    Call call = TestApi::post(kChat, std::string("{") + kMessages + "}");
    headers.emplace_back("host", "localhost");
    call.headers = std::move(headers);
    return shared_api().reply(call).status;
  };
  EXPECT_EQ(status({{"content-type", "application/json; charset=utf-8"}}), 0);
  EXPECT_EQ(status({{"content-type", "text/plain"}}), 415);
  EXPECT_EQ(status({{"content-type", "multipart/form-data; boundary=x"}}), 415);
  EXPECT_EQ(status({}), 415);
  EXPECT_EQ(status({{"content-type", "application/json"}, {"content-encoding", "gzip"}}), 415);
}

TEST(Api, WantsAKeyForEveryRouteButTwoAndThePage) {
  TestApi test(ApiOptions{
      .keys = ApiKeys({"secret", "other"}), .allowed_hosts = {}, .cors_origins = {}, .limits = {}});
  const auto status = [&](const Route& route,
                          std::vector<std::pair<std::string, std::string>> headers) {
    Call call = TestApi::post(std::string(route.path), "{}");
    call.method = std::string(route.method);
    for (auto& header : headers) {
      call.headers.push_back(std::move(header));
    }
    return test.reply(call).status;
  };
  for (const Route& route : routes()) {
    const std::set<std::string_view> open = {"/", "/web/*", "/health", "/ready"};
    if (open.contains(route.path)) {
      continue;
    }
    EXPECT_EQ(status(route, {}), 401) << route.path;
    EXPECT_EQ(status(route, {{"authorization", "Bearer wrong"}}), 401) << route.path;
    EXPECT_EQ(status(route, {{"authorization", "Basic secret"}}), 401) << route.path;
    EXPECT_EQ(status(route, {{"authorization", "Bearer " + std::string(1000000, 's')}}), 401);
    EXPECT_EQ(
        status(route, {{"authorization", "Bearer secret"}, {"authorization", "Bearer secret"}}),
        401)
        << route.path;
    EXPECT_NE(status(route, {{"authorization", "bearer secret"}}), 401) << route.path;
    EXPECT_NE(status(route, {{"x-api-key", "other"}}), 401) << route.path;
  }
  EXPECT_EQ(test.reply(TestApi::get("/health")).status, 200);
  EXPECT_EQ(test.reply(TestApi::get("/ready")).status, 200);
}

TEST(Api, SetsApartThePrefixesOfKeys) {
  TestApi test(ApiOptions{
      .keys = ApiKeys({"one", "two"}), .allowed_hosts = {}, .cors_origins = {}, .limits = {}});
  std::set<std::string> salts;
  for (const char* key : {"one", "two"}) {
    for (const char* salt : {"", R"(,"cache_salt":"s")"}) {
      Call call = TestApi::post(kChat, std::string("{") + kMessages + salt + "}");
      call.headers.emplace_back("x-api-key", key);
      Outcome outcome = test.api().handle(call);
      salts.insert(std::get<Job>(outcome).requests.at(0).cache_salt);
    }
  }
  EXPECT_EQ(salts.size(), 4U);
}

TEST(Api, RefusesForeignHostsWithoutAKey) {
  const auto status = [](std::vector<std::string> hosts) {
    Call call = TestApi::get("/v1/models");
    call.headers.clear();
    for (std::string& host : hosts) {
      call.headers.emplace_back("host", std::move(host));
    }
    return shared_api().reply(call).status;
  };
  EXPECT_EQ(status({"localhost:8000"}), 200);
  EXPECT_EQ(status({"127.0.0.1"}), 200);
  EXPECT_EQ(status({"[::1]:8000"}), 200);
  EXPECT_EQ(status({"rebind.evil"}), 403);
  EXPECT_EQ(status({"localhost.evil:8000"}), 403);
  EXPECT_EQ(status({""}), 403);
  EXPECT_EQ(status({}), 400);
  EXPECT_EQ(status({"localhost", "rebind.evil"}), 400);
}

TEST(Api, LetsOnlyNamedPagesAsk) {
  TestApi test(
      ApiOptions{.keys = {}, .allowed_hosts = {}, .cors_origins = {"https://page"}, .limits = {}});
  const auto allowed = [&](const char* origin) {
    Call call = TestApi::get("/v1/models");
    call.headers.emplace_back("origin", origin);
    return std::ranges::any_of(test.api().common_headers(call), [](const auto& header) {
      return header.first == "Access-Control-Allow-Origin";
    });
  };
  EXPECT_TRUE(allowed("https://page"));
  EXPECT_FALSE(allowed("https://evil.com"));
  Call preflight = TestApi::get(kChat);
  preflight.method = "OPTIONS";
  preflight.headers.emplace_back("origin", "https://evil.com");
  EXPECT_EQ(test.reply(preflight).status, 403);
  preflight.headers.back().second = "https://page";
  EXPECT_EQ(test.reply(preflight).status, 204);
}

TEST(Api, SaysWhenItIsNotReady) {
  Api loading({});
  Call call = TestApi::post(kChat, "{}");
  Outcome outcome = loading.handle(call);
  EXPECT_EQ(std::get<Reply>(outcome).status, 503);
  EXPECT_THAT(std::get<Reply>(outcome).body, HasSubstr("Loading model"));
  EXPECT_EQ(std::get<Reply>(outcome).headers.at(0).first, "Retry-After");
  Call health = TestApi::get("/health");
  EXPECT_EQ(std::get<Reply>(loading.handle(health)).status, 200);
  Call ready = TestApi::get("/ready");
  EXPECT_EQ(std::get<Reply>(loading.handle(ready)).status, 503);
}

TEST(Api, RefusesNewWorkWhileDraining) {
  TestApi test;
  test.api().set_draining();
  EXPECT_EQ(test.reply(TestApi::post(kChat, std::string("{") + kMessages + "}")).status, 503);
  EXPECT_EQ(test.reply(TestApi::get("/ready")).status, 503);
  EXPECT_EQ(test.reply(TestApi::get("/health")).status, 200);
  EXPECT_EQ(test.reply(TestApi::get("/v1/models")).status, 200);
}

TEST(Api, TurnsTextIntoTokensAndBack) {
  const Reply tokens = shared_api().reply(TestApi::post("/tokenize", R"({"prompt":"Once upon"})"));
  const base::Json body = base::parse_json(tokens.body, "b");
  EXPECT_EQ(body.find("count")->integer(), 2);
  const Reply text = shared_api().reply(
      TestApi::post("/detokenize", "{\"tokens\":" + base::write_json(*body.find("tokens")) + "}"));
  EXPECT_EQ(text.body, R"({"prompt":"Once upon","content":"Once upon"})");
}

TEST(Metrics, AreWellFormed) {
  for (const MetricNames names : {MetricNames::kOwn, MetricNames::kOwnAndVllm}) {
    TestApi test(ApiOptions{
        .keys = {}, .allowed_hosts = {}, .cors_origins = {}, .metric_names = names, .limits = {}});
    test.engine().answer_with({"a", "b"}, FinishReason::kLength);
    test.body(TestApi::post(kChat, std::string("{") + kMessages + "}"));
    const Reply reply = test.reply(TestApi::get("/metrics"));
    EXPECT_THAT(reply.body, HasSubstr("minimax_request_success_total{model_name=\"tiny-minimax\","
                                      "finished_reason=\"length\"} 1\n"));
    EXPECT_EQ(reply.body.find("vllm:time_to_first_token_seconds_bucket") != std::string::npos,
              names == MetricNames::kOwnAndVllm);
    EXPECT_TRUE(reply.body.ends_with('\n'));
  }
}

}  // namespace
}  // namespace minimax::server
