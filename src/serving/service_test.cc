// SPDX-License-Identifier: Apache-2.0
// What one client sees of a Service, beside what generate() and forward() give.
#include "serving/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <thread>

#include "serving/test_client.h"
#include "tests/support/thrown_by.h"

namespace minimax::serving {
namespace {

using ::minimax::testing::thrown_by;
using testing::ask;
using testing::Client;
using ::testing::HasSubstr;
using testing::random_tokens;
using testing::request_for;

constexpr const char* kModel = MINIMAX_SOURCE_DIR "/models/tiny-minimax";

class ServiceTest : public ::testing::Test {
 protected:
  std::vector<std::int32_t> chat(const std::string& question) const {
    return tokenizer_.encode_chat(R"([{"role": "user", "content": ")" + question + R"("}])");
  }

  Request question(const std::string& text, std::int64_t new_tokens = 24) const {
    Request request{.prompt = chat(text)};
    request.config = model_.generation_config();
    request.config.do_sample = false;
    request.config.max_new_tokens = new_tokens;
    return request;
  }

  MiniMaxForCausalLM model_ = MiniMaxForCausalLM::from_pretrained(kModel, {.threads = 2});
  Tokenizer tokenizer_ = AutoTokenizer::from_pretrained(kModel);
};

TEST_F(ServiceTest, AnswersAsGenerateDoes) {
  for (const bool samples : {false, true}) {
    Request request = question("How many legs does a spider have?");
    request.config.do_sample = samples;
    request.config.seed = 5;
    const GenerateOutput expected =
        model_.generate(request.prompt, request.config, {.tokenizer = &tokenizer_});
    Service service(model_, tokenizer_);
    Client client;
    ask(service, request, client);
    EXPECT_EQ(client.answer().tokens, expected.tokens);
    EXPECT_EQ(client.answer().text, expected.text);
    EXPECT_EQ(client.answer().finish_reason, expected.finish_reason);
    EXPECT_EQ(client.usage.prompt_tokens, std::ssize(request.prompt));
    EXPECT_EQ(client.usage.completion_tokens, std::ssize(expected.tokens));
    EXPECT_EQ(client.usage.cached_tokens, 0);
  }
}

TEST_F(ServiceTest, GivesSeveralAnswersWithTheirOwnSeeds) {
  Request request = question("Tell me a story.");
  request.config.do_sample = true;
  request.config.seed = 11;
  request.config.num_return_sequences = 3;
  const std::vector<GenerateOutput> expected =
      model_.generate(ModelInputs(request.prompt), request.config, {.tokenizer = &tokenizer_});
  Service service(model_, tokenizer_);
  Client client;
  ask(service, request, client);
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(client.answer(i).tokens, expected[static_cast<std::size_t>(i)].tokens) << i;
    EXPECT_EQ(client.answer(i).text, expected[static_cast<std::size_t>(i)].text) << i;
  }
  EXPECT_EQ(client.last_events, 1);
  EXPECT_EQ(client.events_after_the_last, 0);
}

TEST_F(ServiceTest, EndsAtStopStringsAndNeverShowsThem) {
  Request request = question("How many legs does a spider have?");
  const std::string text =
      model_.generate(request.prompt, request.config, {.tokenizer = &tokenizer_}).text;
  ASSERT_GT(text.size(), 10u);
  const std::string stop = text.substr(5, 4);
  request.config.stop_strings = {stop};
  Service service(model_, tokenizer_);
  Client client;
  ask(service, request, client);
  EXPECT_EQ(client.answer().text, text.substr(0, text.find(stop)));
  EXPECT_EQ(client.answer().finish_reason, FinishReason::kStopString);
}

TEST_F(ServiceTest, ReadsAPromptAndNothingElseWhereNoTokensAreWanted) {
  Service service(model_, tokenizer_);
  Client client;
  ask(service, question("Hello!", 0), client);
  EXPECT_TRUE(client.answer().tokens.empty());
  EXPECT_EQ(client.answer().finish_reason, FinishReason::kLength);
}

// The logarithms of the probabilities of the tokens behind `ids`, row by row.
std::vector<std::vector<double>> expected_logprobs(MiniMaxForCausalLM& model,
                                                   const std::vector<std::int32_t>& ids) {
  const std::vector<float> logits = model.forward(ids).logits.values;
  const auto width = static_cast<std::size_t>(model.config().vocab_size);
  std::vector<std::vector<double>> rows;
  for (std::size_t begin = 0; begin < logits.size(); begin += width) {
    std::vector<double> row(logits.begin() + static_cast<std::ptrdiff_t>(begin),
                            logits.begin() + static_cast<std::ptrdiff_t>(begin + width));
    const double best = *std::ranges::max_element(row);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0, [&](double all, double x) {
      return all + std::exp(x - best);
    });
    for (double& x : row) {
      x -= best + std::log(sum);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void expect_logprobs(const TokenLogprobs& found, std::int32_t token, const std::vector<double>& row,
                     std::size_t top) {
  // The weights are bfloat16: the bits of a pass in pieces are those of one pass but for the
  // rounding of activations to 8 bits of mantissa.
  constexpr double kTolerance = 0.1;
  EXPECT_EQ(found.token, token);
  EXPECT_NEAR(found.logprob, row[static_cast<std::size_t>(token)], kTolerance);
  ASSERT_EQ(found.top.size(), top);
  EXPECT_NEAR(found.top[0].second, *std::ranges::max_element(row), kTolerance);
  for (std::size_t i = 0; i < top; ++i) {
    const auto& [id, logprob] = found.top[i];
    EXPECT_NEAR(logprob, row[static_cast<std::size_t>(id)], kTolerance);
    EXPECT_TRUE(i == 0 || logprob <= found.top[i - 1].second);
  }
}

TEST_F(ServiceTest, TellsLogprobsOfPromptAndAnswer) {
  Request request = question("Hello! What is your name, and how are you today?", 8);
  request.config.repetition_penalty = 1.5;  // logprobs are those of the model
  request.top_logprobs = 3;
  request.prompt_logprobs = 2;
  Service service(model_, tokenizer_);
  Client client;
  ask(service, request, client);
  std::vector<std::int32_t> ids = request.prompt;
  const std::vector<std::int32_t>& tokens = client.answer().tokens;
  ids.insert(ids.end(), tokens.begin(), tokens.end());
  const auto rows = expected_logprobs(model_, ids);
  const std::size_t prompt = request.prompt.size();
  ASSERT_EQ(client.prompt_logprobs.size(), prompt - 1);
  for (std::size_t i = 1; i < prompt; ++i) {
    expect_logprobs(client.prompt_logprobs[i - 1], ids[i], rows[i - 1], 2);
  }
  ASSERT_EQ(client.answer().logprobs.size(), tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    expect_logprobs(client.answer().logprobs[i], tokens[i], rows[prompt + i - 1], 3);
  }
}

TEST_F(ServiceTest, EmbedsByMeanAndLastToken) {
  MiniMaxModel base = MiniMaxModel::from_pretrained(kModel, {.threads = 2});
  Request request{.task = Task::kEmbed, .prompt = random_tokens(700, 2000, 3)};
  const std::vector<float> hidden = base.forward(request.prompt).last_hidden_state.values;
  const auto width = static_cast<std::size_t>(base.config().hidden_size);
  Service service(model_, tokenizer_);
  Client last;
  request.pooling = Pooling::kLast;
  ask(service, request, last);
  EXPECT_EQ(last.embedding,
            std::vector<float>(hidden.end() - static_cast<std::ptrdiff_t>(width), hidden.end()));
  Client mean;
  request.pooling = Pooling::kMean;
  ask(service, request, mean);
  ASSERT_EQ(mean.embedding.size(), width);
  for (std::size_t column = 0; column < width; ++column) {
    double sum = 0.0;
    for (std::size_t at = column; at < hidden.size(); at += width) {
      sum += hidden[at];
    }
    EXPECT_NEAR(mean.embedding[column], sum / 700.0, 1e-6) << column;
  }
}

TEST_F(ServiceTest, RefusesWhatCannotRun) {
  Service service(model_, tokenizer_, {.max_running = 2, .max_context = 100});
  const auto refused = [&](const Request& request) {
    return thrown_by([&] { service.submit(request, [](const Event&) {}); });
  };
  const auto expect_refused = [&](const Request& request, const char* field) {
    const minimax::testing::Thrown thrown = refused(request);
    EXPECT_EQ(thrown.code, ErrorCode::kInvalidArgument) << field;
    EXPECT_THAT(thrown.message, HasSubstr(field));
  };
  Request good = question("Hello!");
  Request request = good;
  request.prompt.clear();
  expect_refused(request, "input_ids");
  request.prompt = {2213};
  expect_refused(request, "input_ids[0]");
  request = good;
  request.config.temperature = -1;
  expect_refused(request, "temperature");
  request = good;
  request.config.num_beams = 2;
  expect_refused(request, "num_beams");
  request = good;
  request.config.num_return_sequences = 3;
  expect_refused(request, "num_return_sequences");
  request = good;
  request.config.max_new_tokens = 1000;
  expect_refused(request, "max_new_tokens");
  request = good;
  request.config.eos_token_id = {5000};
  expect_refused(request, "eos_token_id");
  request = good;
  request.top_logprobs = -1;
  expect_refused(request, "top_logprobs");
  EXPECT_EQ(service.status().counters.requests, 0);
}

TEST_F(ServiceTest, RefusesOptionsOutOfRange) {
  const auto expect_refused = [&](const ServiceOptions& options, ErrorCode code,
                                  const char* field) {
    const auto thrown = thrown_by([&] { Service(model_, tokenizer_, options); });
    EXPECT_EQ(thrown.code, code) << field;
    EXPECT_THAT(thrown.message, HasSubstr(field));
  };
  expect_refused({.max_running = 0}, ErrorCode::kInvalidArgument, "max_running");
  expect_refused({.kv_bytes = 100}, ErrorCode::kOutOfMemory, "kv_bytes");
  expect_refused({.state_bytes = 100}, ErrorCode::kOutOfMemory, "state_bytes");
  expect_refused({.prefill_share = 1.0}, ErrorCode::kInvalidArgument, "prefill_share");
  expect_refused({.batch_invariant = true, .prompt_lookup_tokens = 3}, ErrorCode::kInvalidArgument,
                 "batch_invariant");
}

TEST_F(ServiceTest, LetsAFailingRequestEndAlone) {
  Service service(model_, tokenizer_);
  Client good;
  service.submit(question("Count to five."), good.sink());
  Client bad_processor;
  Request request = question("Hello!");
  request.logits_processors = [] {
    return std::vector<LogitsProcessor>{[](std::span<const std::int32_t>, std::span<float>) {
      throw std::runtime_error("a defect");
    }};
  };
  service.submit(request, bad_processor.sink());
  Client bad_factory;
  request.logits_processors = []() -> std::vector<LogitsProcessor> {
    throw Error(ErrorCode::kUnsupported, "no such grammar");
  };
  service.submit(request, bad_factory.sink());
  Client not_a_number;
  request.logits_processors = [] {
    return std::vector<LogitsProcessor>{
        [](std::span<const std::int32_t>, std::span<float> scores) { scores[5] = NAN; }};
  };
  service.submit(request, not_a_number.sink());
  Client bad_sink;
  bad_sink.on_event = [](const Event& event) {
    if (!event.error) {
      throw std::runtime_error("the client went away");
    }
  };
  service.submit(question("Hello!"), bad_sink.sink());
  for (Client* client : {&good, &bad_processor, &bad_factory, &not_a_number, &bad_sink}) {
    client->wait();
    EXPECT_EQ(client->last_events, 1);
    EXPECT_EQ(client->events_after_the_last, 0);
  }
  EXPECT_FALSE(good.error);
  EXPECT_FALSE(good.answer().tokens.empty());
  ASSERT_TRUE(bad_processor.error);
  EXPECT_THAT(bad_processor.error->what(), HasSubstr("a defect"));
  ASSERT_TRUE(bad_factory.error);
  EXPECT_EQ(bad_factory.error->code(), ErrorCode::kUnsupported);
  ASSERT_TRUE(not_a_number.error);
  EXPECT_THAT(not_a_number.error->what(), HasSubstr("logits_processor[0]"));
  ASSERT_TRUE(bad_sink.error);
  service.drain();
  EXPECT_EQ(service.status().running, 0);
}

TEST_F(ServiceTest, CancelsWhatRunsAndWhatWaits) {
  Service service(model_, tokenizer_, {.max_running = 1});
  Client running;
  Client waiting;
  RequestId other = 0;
  Request endless = request_for(chat("Hello!"), 100000);
  const RequestId id = service.submit(endless, running.sink());
  other = service.submit(endless, waiting.sink());
  running.on_event = nullptr;
  service.cancel(other);
  waiting.wait();
  EXPECT_EQ(waiting.answer().finish_reason, FinishReason::kCancelled);
  EXPECT_TRUE(waiting.answer().tokens.empty());
  service.cancel(12345);
  service.cancel(id);
  running.wait();
  EXPECT_EQ(running.answer().finish_reason, FinishReason::kCancelled);
  service.drain();
  EXPECT_EQ(service.status().counters.cancelled, 2);
  EXPECT_EQ(service.status().running, 0);
  EXPECT_EQ(service.status().kv_bytes, 0);
}

TEST_F(ServiceTest, CancelsWithinALayerWhileItReadsAPrompt) {
  Service service(model_, tokenizer_);
  Client client;
  const RequestId id = service.submit(request_for(random_tokens(20000, 2000, 1), 1), client.sink());
  while (service.status().running == 0) {
    std::this_thread::yield();
  }
  service.cancel(id);
  client.wait();
  EXPECT_EQ(client.answer().finish_reason, FinishReason::kCancelled);
  // What was half written is neither continued nor remembered.
  Client again;
  Request request = request_for(random_tokens(20000, 2000, 1), 4);
  request.prompt.resize(600);
  ask(service, request, again);
  EXPECT_EQ(again.answer().tokens, model_.generate(request.prompt, request.config).tokens);
}

TEST_F(ServiceTest, DrainsAndThenRefuses) {
  Service service(model_, tokenizer_);
  std::vector<Client> clients(5);
  for (Client& client : clients) {
    service.submit(question("Count to five.", 40), client.sink());
  }
  service.drain();
  for (const Client& client : clients) {
    EXPECT_TRUE(client.has_ended());
  }
  EXPECT_EQ(thrown_by([&] { service.submit(question("Hello!"), [](const Event&) {}); }).code,
            ErrorCode::kOverloaded);
}

TEST_F(ServiceTest, RefusesWhereTooManyWait) {
  std::vector<Client> clients(10);  // outlive the service, which cancels them
  Service service(model_, tokenizer_, {.max_running = 1, .max_waiting = 2});
  std::int64_t refused = 0;
  for (Client& client : clients) {
    refused += thrown_by([&] {
                 service.submit(request_for(chat("Hello!"), 3000), client.sink());
               }).code == ErrorCode::kOverloaded;
  }
  EXPECT_GE(refused, 7);
  EXPECT_EQ(service.status().counters.refused, refused);
}

TEST_F(ServiceTest, TellsHowMuchOfAPromptIsRead) {
  Service service(model_, tokenizer_, {.max_step_tokens = 100});
  for (const std::int64_t cached : {0, 250}) {
    Client client;
    std::vector<PromptProgress> told;
    bool has_tokens = false;
    client.on_event = [&](const Event& event) {
      EXPECT_FALSE(event.progress && has_tokens);
      has_tokens = has_tokens || !event.tokens.empty();
      if (event.progress) {
        told.push_back(*event.progress);
      }
    };
    Request request = request_for(random_tokens(250, 300, 1), 4);
    request.wants_progress = true;
    ask(service, request, client);
    ASSERT_GE(told.size(), cached == 0 ? 3U : 1U);
    EXPECT_EQ(told.back().processed, 250);
    for (const PromptProgress& each : told) {
      EXPECT_EQ(each.total, 250);
      EXPECT_EQ(each.cached, cached);
    }
  }
}

}  // namespace
}  // namespace minimax::serving
