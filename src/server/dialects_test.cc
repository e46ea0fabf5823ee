// SPDX-License-Identifier: Apache-2.0
// The other protocols without sockets: completions, responses, and messages of Anthropic.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "server/embedding_task.h"
#include "server/test_api.h"

namespace minimax::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr FinishReason kStop = FinishReason::kEndOfSequence;
constexpr const char* kTool =
    R"("tools":[{"name":"f","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"Hi"}])";

std::string answer(const std::string& target, const std::string& body,
                   std::vector<std::string> pieces, FinishReason reason = kStop) {
  TestApi test;
  test.engine().answer_with(std::move(pieces), reason);
  return test.body(TestApi::post(target, body));
}

// The text that the engine would be given.
std::string prompt_of(const std::string& target, const std::string& body) {
  TestApi test;
  Call call = TestApi::post(target, body);
  Outcome outcome = test.api().handle(call);
  if (!std::holds_alternative<Job>(outcome)) {
    return std::get<Reply>(outcome).body;
  }
  return test.tokenizer().decode(std::get<Job>(outcome).requests.at(0).prompt);
}

// Of the conversation that is streamed below.
std::int64_t count_tokens() {
  TestApi test;
  const Reply reply = test.reply(TestApi::post("/v1/messages/count_tokens",
                                               R"({"messages":[{"role":"user","content":"Hi"}]})"));
  return base::parse_json(reply.body, "reply").find("input_tokens")->integer();
}

TEST(Messages, StreamsItsEventsByteForByte) {
  EXPECT_EQ(
      answer("/v1/messages",
             R"({"max_tokens":9,"stream":true,"messages":[{"role":"user","content":"Hi"}]})",
             {"<think>So</think>", "Hello"}),
      "event: message_start\n"
      R"(data: {"type":"message_start","message":{"id":"msg_0123456789abcdef","type":"message","role":"assistant","model":"tiny-minimax","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":)" +
          std::to_string(count_tokens()) +
          R"(,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}})"
          "\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n"
          "event: content_block_start\n"
          R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})"
          "\n\nevent: content_block_delta\n"
          R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"So"}})"
          "\n\nevent: content_block_stop\n"
          R"(data: {"type":"content_block_stop","index":0})"
          "\n\nevent: content_block_start\n"
          R"(data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}})"
          "\n\nevent: content_block_delta\n"
          R"(data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hello"}})"
          "\n\nevent: content_block_stop\n"
          R"(data: {"type":"content_block_stop","index":1})"
          "\n\nevent: message_delta\n"
          R"(data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":2}})"
          "\n\nevent: message_stop\n"
          R"(data: {"type":"message_stop"})"
          "\n\n");
}

TEST(Messages, GivesCallsAsBlocks) {
  const std::string body =
      answer("/v1/messages", std::string(R"({"max_tokens":9,)") + kTool + "}",
             {R"(Hm <tool_calls>{"name":"f","arguments":{"a":1}}</tool_calls>)"});
  EXPECT_THAT(body, HasSubstr(R"("content":[{"type":"text","text":"Hm"},{"type":"tool_use",)"
                              R"("id":"toolu_0123456789abcdef_0","name":"f","input":{"a":1}}])"));
  EXPECT_THAT(body, HasSubstr(R"("stop_reason":"tool_use")"));
}

TEST(Messages, GivesTheInputOfAForcedCallInPieces) {
  const std::vector<std::string> pieces = {R"({"name": "f", "arguments": {"a": "x)", R"(y"}})"};
  const std::string fields = std::string(R"("tool_choice":{"type":"any"},"max_tokens":9,)") + kTool;
  const std::string stream = answer("/v1/messages", R"({"stream":true,)" + fields + "}", pieces);
  EXPECT_THAT(stream, HasSubstr(R"("partial_json":"{\"a\": \"x")"));
  EXPECT_THAT(stream, HasSubstr(R"("partial_json":"y\"}")"));
  const std::string whole = answer("/v1/messages", "{" + fields + "}", pieces);
  EXPECT_THAT(whole, HasSubstr(R"("name":"f","input":{"a":"xy"}}])"));
  // Half an object is closed.
  EXPECT_THAT(answer("/v1/messages", "{" + fields + "}", {pieces[0]}, FinishReason::kLength),
              HasSubstr(R"("name":"f","input":{"a":"x"}}])"));
}

TEST(Messages, TellsWhyItEnded) {
  const std::string request =
      R"({"max_tokens":9,"stop_sequences":["x"],"messages":[{"role":"user","content":"Hi"}]})";
  EXPECT_THAT(answer("/v1/messages", request, {"a"}, FinishReason::kStopString),
              HasSubstr(R"("stop_reason":"stop_sequence","stop_sequence":"x")"));
  EXPECT_THAT(answer("/v1/messages", request, {"a"}, FinishReason::kLength),
              HasSubstr(R"("stop_reason":"max_tokens","stop_sequence":null)"));
}

TEST(Messages, RefusesInItsOwnForm) {
  const std::string cases[] = {
      R"({"messages":[{"role":"user","content":"Hi"}]})",
      R"({"max_tokens":9,"messages":[{"role":"system","content":"Hi"}]})",
      R"({"max_tokens":9,"messages":[{"role":"user","content":[{"type":"image"}]}]})",
      R"({"max_tokens":9,"messages":[]})"};
  for (const std::string& body : cases) {
    TestApi test;
    const Reply reply = test.reply(TestApi::post("/v1/messages", body));
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_THAT(reply.body,
                ::testing::StartsWith(
                    R"({"type":"error","error":{"type":"invalid_request_error","message":")"));
  }
}

TEST(Messages, ReadsAConversationAsTheChatProtocolDoes) {
  const std::string chat =
      prompt_of("/v1/chat/completions",
                R"({"messages":[{"role":"system","content":"S"},{"role":"user","content":"Hi"},)"
                R"({"role":"assistant","content":"A"},{"role":"user","content":"B"}]})");
  EXPECT_EQ(
      prompt_of("/v1/messages",
                R"({"max_tokens":9,"system":[{"type":"text","text":"S"}],"messages":[)"
                R"({"role":"user","content":"Hi"},{"role":"assistant","content":[)"
                R"({"type":"thinking","thinking":"T","signature":""},{"type":"text","text":"A"}]},)"
                R"({"role":"user","content":[{"type":"text","text":"B"}]}]})"),
      chat);
  EXPECT_EQ(
      prompt_of(
          "/v1/responses",
          R"({"instructions":"S","input":[{"role":"user","content":"Hi"},)"
          R"({"type":"message","role":"assistant","content":[{"type":"output_text","text":"A"}]},)"
          R"({"role":"user","content":[{"type":"input_text","text":"B"}]}]})"),
      chat);
}

TEST(Responses, NumbersItsEventsAndEndsWithTheWhole) {
  const std::string body = answer("/v1/responses", R"({"input":"Hi","stream":true})",
                                  {"<think>So</think>", "Hel", "lo"});
  std::vector<std::string> types;
  std::int64_t number = 0;
  for (std::size_t begin = body.find("data: "); begin != std::string::npos;
       begin = body.find("data: ", begin + 1)) {
    const std::size_t end = body.find("\n\n", begin);
    const base::Json event = base::parse_json(body.substr(begin + 6, end - begin - 6), "event");
    EXPECT_EQ(event.find("sequence_number")->integer(), number++);
    types.push_back(event.find("type")->string());
  }
  EXPECT_THAT(
      types, ::testing::ElementsAre("response.created", "response.in_progress",
                                    "response.output_item.added", "response.content_part.added",
                                    "response.reasoning_text.delta", "response.reasoning_text.done",
                                    "response.content_part.done", "response.output_item.done",
                                    "response.output_item.added", "response.content_part.added",
                                    "response.output_text.delta", "response.output_text.delta",
                                    "response.output_text.done", "response.content_part.done",
                                    "response.output_item.done", "response.completed"));
  EXPECT_THAT(body, HasSubstr(R"("content":[{"type":"output_text","text":"Hello",)"));
}

TEST(Responses, GivesArgumentsInPieces) {
  const std::string fields =
      R"("input":"Hi","tools":[{"type":"function","name":"f","parameters":{"type":"object"}}])";
  const std::vector<std::string> pieces = {
      "Hm. <tool_calls>\n{\"name\": \"f\", \"arguments\": {\"a\": \"x", "y\"}}",
      "{\"name\": \"f\"}</tool_calls>"};
  const std::string stream = answer("/v1/responses", R"({"stream":true,)" + fields + "}", pieces);
  std::vector<std::string> found;
  for (std::size_t begin = stream.find("data: "); begin != std::string::npos;
       begin = stream.find("data: ", begin + 1)) {
    const std::size_t end = stream.find("\n\n", begin);
    const base::Json event = base::parse_json(stream.substr(begin + 6, end - begin - 6), "event");
    const std::string type = event.find("type")->string();
    if (type.find("arguments") != std::string::npos) {
      const bool is_delta = type.ends_with("delta");
      found.push_back(std::to_string(event.find("output_index")->integer()) +
                      (is_delta ? " + " : " = ") +
                      event.find(is_delta ? "delta" : "arguments")->string());
    }
  }
  EXPECT_THAT(found, ::testing::ElementsAre("1 + {\"a\": \"x", "1 + y\"}", "1 = {\"a\": \"xy\"}",
                                            "2 + {}", "2 = {}"));
  const std::string call = R"("name":"f","arguments":"{\"a\": \"xy\"}"})";
  EXPECT_THAT(stream, HasSubstr(call));
  EXPECT_THAT(answer("/v1/responses", "{" + fields + "}", pieces), HasSubstr(call));
}

TEST(Responses, RefusesWhatItDoesNotKeep) {
  TestApi test;
  for (const char* fields : {R"("previous_response_id":"resp_1")", R"("background":true)"}) {
    const Reply reply =
        test.reply(TestApi::post("/v1/responses", std::string(R"({"input":"Hi",)") + fields + "}"));
    EXPECT_EQ(reply.status, 400) << fields;
  }
}

TEST(Completions, GivesTheBestOfSeveral) {
  TestApi test;
  Call call = TestApi::post("/v1/completions", R"({"prompt":"a","n":1,"best_of":2})");
  Outcome outcome = test.api().handle(call);
  EXPECT_EQ(std::get<Job>(outcome).requests.at(0).config.num_return_sequences, 2);
  JobRun run(std::get<Job>(std::move(outcome)), test.api().backend(), test.api().metrics(), {});
  run.start();
  std::string body;
  for (std::int64_t index = 0; index < 2; ++index) {
    serving::Event event = text_event(index == 0 ? "worse" : "better");
    event.index = index;
    event.logprobs = {{.token = 1, .logprob = index == 0 ? -2.0F : -1.0F, .top = {}}};
    event.finish_reason = FinishReason::kLength;
    event.is_last = index == 1;
    body += run.push(0, std::move(event));
  }
  EXPECT_THAT(body, HasSubstr("better"));
  EXPECT_THAT(body, Not(HasSubstr("worse")));
}

TEST(Completions, StreamsWithDone) {
  const std::string body =
      answer("/v1/completions", R"({"prompt":"a","stream":true})", {"one"}, FinishReason::kLength);
  EXPECT_THAT(
      body,
      HasSubstr(R"("choices":[{"index":0,"text":"one","logprobs":null,"finish_reason":null}])"));
  EXPECT_THAT(
      body,
      HasSubstr(R"("choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"length"}])"));
  EXPECT_TRUE(body.ends_with("data: [DONE]\n\n"));
}

TEST(Embeddings, HaveLengthOneAsNumbersAndAsBytes) {
  for (const bool is_base64 : {false, true}) {
    TestApi test;
    Call call = TestApi::post(
        "/v1/embeddings", is_base64 ? R"({"input":[1],"encoding_format":"base64","dimensions":2})"
                                    : R"({"input":[1],"dimensions":2})");
    Outcome outcome = test.api().handle(call);
    JobRun run(std::get<Job>(std::move(outcome)), test.api().backend(), test.api().metrics(), {});
    run.start();
    serving::Event event;
    event.embedding = {3.0F, 4.0F, 5.0F};
    event.is_last = true;
    const std::string body = run.push(0, std::move(event));
    // 0.6 and 0.8 in float32, the lowest byte first: 9a 99 19 3f cd cc 4c 3f.
    EXPECT_THAT(body,
                HasSubstr(is_base64 ? R"("embedding":"mpkZP83MTD8=")"
                                    : R"("embedding":[0.6000000238418579,0.800000011920929])"));
  }
}

TEST(Base64, IsThatOfTheStandard) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(encode_base64(bytes), text);
  }
}

}  // namespace
}  // namespace minimax::server
