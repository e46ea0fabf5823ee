// SPDX-License-Identifier: Apache-2.0
// /v1/chat/completions without sockets: what a request becomes, and what comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "server/test_api.h"

namespace minimax::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kTarget = "/v1/chat/completions";
constexpr const char* kMessages = R"("messages":[{"role":"user","content":"Hi"}])";
constexpr const char* kTools =
    R"("tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}])";
constexpr FinishReason kStop = FinishReason::kEndOfSequence;

std::string with(const std::string& fields) {
  return std::string("{") + kMessages + (fields.empty() ? "" : "," + fields) + "}";
}

// The engine's request for the body of a chat request.
serving::Request request_for(const std::string& fields) {
  TestApi test;
  Call call = TestApi::post(kTarget, with(fields));
  Outcome outcome = test.api().handle(call);
  if (!std::holds_alternative<Job>(outcome)) {
    ADD_FAILURE() << std::get<Reply>(outcome).body;
    return {};
  }
  return std::get<Job>(outcome).requests.at(0);
}

std::string answer(const std::string& fields, std::vector<std::string> pieces,
                   FinishReason reason = kStop) {
  TestApi test;
  test.engine().answer_with(std::move(pieces), reason);
  return test.body(TestApi::post(kTarget, with(fields)));
}

TEST(ChatStream, IsTheContractByteForByte) {
  const std::string head =
      R"({"id":"chatcmpl-0123456789abcdef","object":"chat.completion.chunk",)"
      R"("created":1700000001,"model":"tiny-minimax","system_fingerprint":"minimax-0.1.0",)";
  const auto chunk = [&](const std::string& rest) { return "data: " + head + rest + "}\n\n"; };
  EXPECT_EQ(
      answer(R"("stream":true,"stream_options":{"include_usage":true})", {"He", "", "llo"}),
      chunk(
          R"("choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null)") +
          chunk(
              R"("choices":[{"index":0,"delta":{"content":"He"},"logprobs":null,"finish_reason":null}],"usage":null)") +
          chunk(
              R"("choices":[{"index":0,"delta":{"content":"llo"},"logprobs":null,"finish_reason":null}],"usage":null)") +
          chunk(
              R"("choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null)") +
          chunk(
              R"("choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13,)"
              R"("prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},)"
              R"("completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}})") +
          "data: [DONE]\n\n");
}

TEST(ChatStream, LeavesUsageOutUnlessAskedFor) {
  EXPECT_THAT(answer(R"("stream":true)", {"x"}), ::testing::Not(HasSubstr("usage")));
}

TEST(ChatStream, SendsCallsWithTheirIndexNameFirst) {
  const std::string body = answer(std::string(R"("stream":true,)") + kTools,
                                  {"<tool_", "calls>\n{\"name\": \"f\", \"argu",
                                   "ments\": {\"a\": 1}}\n{\"name\": \"f\"}</tool_calls>"});
  EXPECT_THAT(body,
              HasSubstr(R"("delta":{"tool_calls":[{"index":0,"id":"call_0123456789abcdef_0_0",)"
                        R"("type":"function","function":{"name":"f","arguments":""}}]})"));
  EXPECT_THAT(
      body,
      HasSubstr(R"("delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\": 1}"}}]})"));
  EXPECT_THAT(body, HasSubstr(R"({"index":1,"id":"call_0123456789abcdef_0_1")"));
  EXPECT_THAT(body, HasSubstr(R"("delta":{},"logprobs":null,"finish_reason":"tool_calls")"));
}

TEST(ChatStream, SendsThoughtsUnderBothNames) {
  EXPECT_THAT(answer(R"("stream":true)", {"<think>So", "</think>Hi"}),
              HasSubstr(R"("delta":{"reasoning_content":"So","reasoning":"So"})"));
}

TEST(ChatStream, EndsWithAnErrorAndWithoutDone) {
  TestApi test;
  Call call = TestApi::post(kTarget, with(R"("stream":true)"));
  Outcome outcome = test.api().handle(call);
  JobRun run(std::get<Job>(std::move(outcome)), test.api().backend(), test.api().metrics(), {});
  serving::Event event;
  event.error = Error(ErrorCode::kDevice, "NaN in the logits");
  try {
    run.push(0, event);
    FAIL();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.info().status, 500);
    EXPECT_EQ(run.error_event(error.info()),
              "data: {\"error\":{\"message\":\"NaN in the logits\",\"type\":\"server_error\","
              "\"param\":null,\"code\":null}}\n\n");
  }
}

TEST(ChatAnswer, HoldsEverything) {
  const base::Json body = base::parse_json(answer("", {"<think>So.</think>", " Hello", "."}), "b");
  EXPECT_EQ(
      base::write_json(*body.find("choices")),
      R"([{"index":0,"message":{"role":"assistant","content":"Hello.","refusal":null,)"
      R"("reasoning_content":"So.","reasoning":"So."},"logprobs":null,"finish_reason":"stop"}])");
  EXPECT_EQ(body.find("usage")->find("total_tokens")->integer(), 13);
}

TEST(ChatAnswer, SaysTheSameAsTheStream) {
  const std::vector<std::string> pieces = {"<think>T</thi", "nk> A <tool_calls>{\"name\"",
                                           ": \"f\", \"arguments\": {}} {\"name\": 3}"};
  const base::Json whole = base::parse_json(answer(kTools, pieces), "b");
  const base::Json& message = *whole.find("choices")->array()[0].find("message");
  std::string content;
  std::string reasoning;
  std::string stream = answer(std::string(R"("stream":true,)") + kTools, pieces);
  for (std::size_t begin = stream.find("data: {"); begin != std::string::npos;
       begin = stream.find("data: {", begin + 1)) {
    const std::size_t end = stream.find("\n\n", begin);
    const base::Json chunk = base::parse_json(stream.substr(begin + 6, end - begin - 6), "chunk");
    const base::Json& delta = *chunk.find("choices")->array()[0].find("delta");
    content += delta.find("content") != nullptr ? delta.find("content")->string() : "";
    reasoning += delta.find("reasoning") != nullptr ? delta.find("reasoning")->string() : "";
  }
  EXPECT_EQ(content, message.find("content")->string());
  EXPECT_EQ(content, "A{\"name\": 3}");
  EXPECT_EQ(reasoning, message.find("reasoning")->string());
}

TEST(ChatAnswer, HasNullForContentBesideCallsOnly) {
  EXPECT_THAT(answer(kTools, {R"(<tool_calls>{"name": "f"}</tool_calls>)"}),
              HasSubstr(R"("content":null,"refusal":null,"tool_calls":[{"id":"call_)"));
}

TEST(ChatAnswer, LimitsCallsToOne) {
  const std::string two = R"(<tool_calls>{"name": "f"}{"name": "f"}</tool_calls>)";
  EXPECT_THAT(answer(std::string(R"("parallel_tool_calls":false,)") + kTools, {two}),
              ::testing::Not(HasSubstr("_0_1")));
}

TEST(ChatAnswer, BelievesTheBeginningThatAChoiceForces) {
  const std::string body = answer(std::string(R"("tool_choice":"required",)") + kTools,
                                  {R"({"name": "f", "arguments": {"a": 1}})", "\n</tool_calls>"});
  EXPECT_THAT(body, HasSubstr(R"("function":{"name":"f","arguments":"{\"a\": 1}"}}])"));
  const serving::Request free = request_for(kTools);
  const serving::Request forced = request_for(
      std::string(R"("tool_choice":{"type":"function","function":{"name":"f"}},)") + kTools);
  TestApi test;
  EXPECT_EQ(test.tokenizer().decode(forced.prompt),
            test.tokenizer().decode(free.prompt) + "<tool_calls>\n");
}

TEST(ChatStream, GivesArgumentsOfAFreeCallInPieces) {
  const std::vector<std::string> pieces = {"Hm. <tool_calls>\n{\"name\": \"f\", \"arg",
                                           "uments\": {\"a\": \"x", "y", "\"}}\n</tool_calls>"};
  const std::string stream = answer(std::string(R"("stream":true,)") + kTools, pieces);
  for (const char* part :
       {R"("delta":{"content":"Hm."})", R"("function":{"name":"f","arguments":""}}])",
        R"({"index":0,"function":{"arguments":"{\"a\": \"x"}})",
        R"({"index":0,"function":{"arguments":"y"}})",
        R"({"index":0,"function":{"arguments":"\"}"}})", R"("finish_reason":"tool_calls")"}) {
    EXPECT_THAT(stream, HasSubstr(part));
  }
  EXPECT_THAT(answer(kTools, pieces),
              HasSubstr(R"("function":{"name":"f","arguments":"{\"a\": \"xy\"}"}}])"));
}

TEST(ChatStream, GivesArgumentsOfAForcedCallInPieces) {
  const std::vector<std::string> pieces = {"{\"name\": \"f\", \"arguments\": {\"a\": \"x", "y",
                                           "\"}}\n</tool_calls>"};
  const std::string forced = std::string(R"("tool_choice":"required",)") + kTools;
  const std::string stream = answer(R"("stream":true,)" + forced, pieces);
  for (const char* part :
       {R"("function":{"name":"f","arguments":""}}])",
        R"({"index":0,"function":{"arguments":"{\"a\": \"x"}})",
        R"({"index":0,"function":{"arguments":"y"}})",
        R"({"index":0,"function":{"arguments":"\"}"}})", R"("finish_reason":"tool_calls")"}) {
    EXPECT_THAT(stream, HasSubstr(part));
  }
  // What its length cuts off stays a call, streamed or not, and its arguments are closed.
  const std::vector<std::string> cut(pieces.begin(), pieces.begin() + 2);
  EXPECT_THAT(answer(R"("stream":true,)" + forced, cut, FinishReason::kLength),
              HasSubstr(R"("finish_reason":"length")"));
  EXPECT_THAT(answer(forced, cut, FinishReason::kLength),
              HasSubstr(R"("function":{"name":"f","arguments":"{\"a\": \"xy\"}"}}])"));
}

TEST(ChatRequest, FollowsTheModelWhereItSaysNothing) {
  const GenerationConfig config = request_for("").config;
  EXPECT_TRUE(config.do_sample);
  EXPECT_EQ(config.temperature, 0.7);
  EXPECT_EQ(config.top_p, 0.95);
  EXPECT_EQ(config.num_return_sequences, 1);
  EXPECT_EQ(config.max_new_tokens, 512 - static_cast<std::int64_t>(request_for("").prompt.size()));
}

TEST(ChatRequest, ReadsEveryFieldOfSampling) {
  const GenerationConfig config =
      request_for(
          R"("temperature":1.5,"top_p":0.5,"top_k":7,"min_p":0.1,"typical_p":0.9,"seed":5,"n":3,)"
          R"("stop":["a","b"],"max_tokens":9,"min_tokens":2,"ignore_eos":true,)"
          R"("repetition_penalty":1.2,"no_repeat_ngram_size":4)")
          .config;
  EXPECT_EQ(config.temperature, 1.5);
  EXPECT_EQ(config.top_p, 0.5);
  EXPECT_EQ(config.top_k, 7);
  EXPECT_EQ(config.min_p, 0.1);
  EXPECT_EQ(config.typical_p, 0.9);
  EXPECT_EQ(config.seed, 5U);
  EXPECT_EQ(config.num_return_sequences, 3);
  EXPECT_THAT(config.stop_strings, ElementsAre("a", "b"));
  EXPECT_EQ(config.max_new_tokens, 9);
  EXPECT_EQ(config.min_new_tokens, 2);
  EXPECT_TRUE(config.ignore_eos);
  EXPECT_EQ(config.repetition_penalty, 1.2);
  EXPECT_EQ(config.no_repeat_ngram_size, 4);
}

TEST(ChatRequest, AcceptsWhatClientsSendForNothing) {
  const serving::Request plain = request_for("");
  const serving::Request noisy = request_for(
      R"("stop":null,"tools":[],"logit_bias":{},"max_tokens":null,"user":"me","whatever":[1],)"
      R"("stream_options":null,"response_format":{"type":"text"},"metadata":{})");
  EXPECT_EQ(plain.prompt, noisy.prompt);
  EXPECT_EQ(noisy.config.max_new_tokens, plain.config.max_new_tokens);
}

TEST(ChatRequest, PrefersMaxCompletionTokens) {
  EXPECT_EQ(request_for(R"("max_tokens":9,"max_completion_tokens":5)").config.max_new_tokens, 5);
}

TEST(ChatRequest, IsGreedyAtTemperatureZero) {
  EXPECT_FALSE(request_for(R"("temperature":0)").config.do_sample);
}

TEST(ChatRequest, KeepsSpecialTokensOfUsersText) {
  TestApi test;
  Call call =
      TestApi::post(kTarget, R"({"messages":[{"role":"user","content":"<end_of_sentence>"}]})");
  Outcome outcome = test.api().handle(call);
  const std::int32_t end = *test.tokenizer().token_to_id("<end_of_sentence>");
  const auto& prompt = std::get<Job>(outcome).requests.at(0).prompt;
  EXPECT_EQ(std::ranges::count(prompt, end), 1);  // the template's own
}

TEST(ChatRequest, TakesPartsForText) {
  TestApi test;
  Call call = TestApi::post(
      kTarget, R"({"messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}]})");
  Outcome outcome = test.api().handle(call);
  EXPECT_EQ(std::get<Job>(outcome).requests.at(0).prompt, request_for("").prompt);
}

}  // namespace
}  // namespace minimax::server
