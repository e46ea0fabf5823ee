// SPDX-License-Identifier: Apache-2.0
// The sockets: what clients may take, and what becomes of those that go away. With a fake engine.
#include "server/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "server/test_api.h"

namespace minimax::server {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kBody = R"({"messages":[{"role":"user","content":"Hi"}]})";
constexpr const char* kStreamBody =
    R"({"stream":true,"messages":[{"role":"user","content":"Hi"}]})";

// Shorter than those of the program, so that a test need not wait.
HttpOptions options_for_tests() {
  HttpOptions options;
  options.port = 0;
  options.limits.header_bytes = 4096;
  options.limits.body_bytes = 10000;
  options.limits.output_bytes = 20000;
  options.limits.header_time = milliseconds(400);
  options.limits.body_time = milliseconds(400);
  options.limits.idle_time = milliseconds(400);
  options.limits.ping_time = milliseconds(300);
  return options;
}

class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(); }

  void send(const std::string& text) { ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  // Until `end` was read, or the connection ended.
  std::string read_until(const std::string& end) {
    char bytes[4096];
    std::size_t place = 0;
    std::size_t begin = 0;
    while ((place = text_.find(end, begin)) == std::string::npos) {
      begin = text_.size() - std::min(text_.size(), end.size());
      const ssize_t count = ::recv(fd_, bytes, sizeof bytes, 0);
      if (count <= 0) {
        return std::exchange(text_, {});
      }
      text_.append(bytes, static_cast<std::size_t>(count));
    }
    const std::string read = text_.substr(0, place + end.size());
    text_.erase(0, read.size());
    return read;
  }
  std::string read_all() { return read_until("never sent"); }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }
  // As after a crash: the other side is told at once.
  void reset() {
    const linger off{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &off, sizeof off);
    close();
  }
  void close() {
    if (fd_ >= 0) {
      ::close(std::exchange(fd_, -1));
    }
  }

 private:
  int fd_;
  std::string text_;
};

std::string post(const std::string& body, const std::string& headers = "") {
  return "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
         "application/json\r\n" +
         headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

template <class F>
bool becomes_true(F condition) {
  for (int i = 0; i < 500 && !condition(); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  return condition();
}

class HttpServerTest : public ::testing::Test {
 protected:
  std::string ask(const std::string& request) {
    Client client(server_.port());
    client.send(request);
    return client.read_all();
  }
  FakeEngine& engine() { return test_.engine(); }
  void say(std::size_t request, serving::Event event) {
    engine().at(request).sink(std::move(event));
  }

  TestApi test_;
  HttpServer server_{test_.api(), options_for_tests()};
};

TEST_F(HttpServerTest, AnswersSeveralRequestsOfAConnectionInTheirOrder) {
  Client client(server_.port());
  const std::string get = "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string last = "GET /nope HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  client.send(get + get + last);
  const std::string text = client.read_all();
  EXPECT_THAT(text, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_LT(text.find("{\"version\""), text.find("404 Not Found"));
}

TEST_F(HttpServerTest, RefusesWhatIsNoHttp) {
  const std::pair<std::string, const char*> cases[] = {
      {"GET /health HTTP/1.1\r\nHost localhost\r\n\r\n", "400"},
      {"GET /health HTTP/1.1\r\nHost: a\r\nX: " + std::string(9000, 'x') + "\r\n\r\n", "431"},
      {"GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n", "431"},
      {"GET /health HTTP/3.7\r\n\r\n", "505"},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
      {"nonsense\r\n\r\n", "400"},
      {"POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"},
      {"POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
       "400"},
      {"POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
       "400"},
      {"POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
       "chunked\r\n\r\n",
       "400"},
      {"POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 10001\r\n\r\n", "413"},
      {"GET /health HTTP/1.1\r\n\r\n", "400"}};
  for (const auto& [request, status] : cases) {
    EXPECT_THAT(ask(request), StartsWith(std::string("HTTP/1.1 ") + status))
        << request.substr(0, 80);
  }
}

TEST_F(HttpServerTest, RefusesBodiesThatNeverEnd) {
  Client client(server_.port());
  client.send("POST /tokenize HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 11; ++i) {
    client.send("400\r\n" + std::string(1024, 'x') + "\r\n");
  }
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, ClosesConnectionsThatTakeTooLong) {
  for (const std::string& start :
       {std::string(), std::string("GET /health HTTP/1.1\r\nHo"),
        std::string("POST /tokenize HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12"),
        std::string("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")}) {
    Client client(server_.port());
    client.send(start);
    client.read_all();  // returns when the server has closed it
  }
}

TEST_F(HttpServerTest, AsksForBodiesThatWaitToBeAskedFor) {
  engine().answer_with({"Hi"}, FinishReason::kEndOfSequence);
  Client client(server_.port());
  const std::string request = post(kBody, "Expect: 100-continue\r\n");
  const std::size_t end = request.find("\r\n\r\n") + 4;
  client.send(request.substr(0, end));
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(request.substr(end));
  EXPECT_THAT(client.read_until("\"Hi\""), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, StreamsAsTheEngineSpeaks) {
  Client client(server_.port());
  client.send(post(kStreamBody));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(head, HasSubstr("Cache-Control: no-cache\r\n"));
  EXPECT_THAT(head, HasSubstr("X-Accel-Buffering: no\r\n"));
  client.read_until("\"role\":\"assistant\"");
  ASSERT_TRUE(becomes_true([&] { return engine().count() == 1; }));
  say(0, text_event("one"));
  client.read_until("\"content\":\"one\"");
  client.read_until(": ping\n\n");
  serving::Event last;
  last.finish_reason = FinishReason::kEndOfSequence;
  last.is_last = true;
  say(0, last);
  EXPECT_THAT(client.read_until("0\r\n\r\n"), HasSubstr("data: [DONE]\n\n"));
  // The connection takes the next request.
  client.send("GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, EndsAStreamThatFailsWithAnErrorAndNoDone) {
  Client client(server_.port());
  client.send(post(kStreamBody));
  ASSERT_TRUE(becomes_true([&] { return engine().count() == 1; }));
  serving::Event event;
  event.error = Error(ErrorCode::kDevice, "it broke");
  say(0, event);
  const std::string text = client.read_all();
  EXPECT_THAT(text, HasSubstr("data: {\"error\":{\"message\":\"it broke\""));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("[DONE]")));
}

TEST_F(HttpServerTest, StreamsToOldClientsUntilTheConnectionEnds) {
  engine().answer_with({"Hi"}, FinishReason::kEndOfSequence);
  std::string request = post(kStreamBody);
  request.replace(request.find("HTTP/1.1"), 8, "HTTP/1.0");
  const std::string text = ask(request);
  EXPECT_THAT(text, ::testing::Not(HasSubstr("chunked")));
  EXPECT_TRUE(text.ends_with("data: [DONE]\n\n"));
}

TEST_F(HttpServerTest, CancelsWhatNobodyWaitsForAnyMore) {
  std::size_t asked = 0;
  for (const char* body : {kBody, kStreamBody}) {
    for (const bool resets : {false, true}) {
      Client client(server_.port());
      client.send(post(body));
      ++asked;
      ASSERT_TRUE(becomes_true([&] { return engine().count() == asked; }));
      if (resets) {
        client.reset();
      } else {
        client.close();
      }
      EXPECT_TRUE(becomes_true([&] { return engine().cancelled() == asked; }));
    }
  }
}

TEST_F(HttpServerTest, LeavesAClientThatDoesNotRead) {
  Client client(server_.port());
  client.send(post(kStreamBody));
  ASSERT_TRUE(becomes_true([&] { return engine().count() == 1; }));
  // More than the buffers of the system hold: at some point the client has to read.
  EXPECT_TRUE(becomes_true([&] {
    for (int i = 0; i < 200; ++i) {
      say(0, text_event(std::string(1000, 'x')));
    }
    return engine().cancelled() == 1;
  }));
}

TEST_F(HttpServerTest, LosesNothingThatTheSystemDoesNotTakeAtOnce) {
  Client client(server_.port());
  client.send(post(kStreamBody));
  client.read_until("\"role\":\"assistant\"");
  ASSERT_TRUE(becomes_true([&] { return engine().count() == 1; }));
  std::this_thread::sleep_for(milliseconds(50));  // until the stream waits for news
  constexpr std::size_t kMany = 16U << 20;        // more than the buffers of the system hold
  say(0, text_event("A" + std::string(kMany, 'x') + "B"));
  say(0, text_event("C"));
  say(0, text_event("D"));
  serving::Event last;
  last.finish_reason = FinishReason::kEndOfSequence;
  last.is_last = true;
  say(0, last);
  const std::string text = client.read_until("0\r\n\r\n");
  EXPECT_THAT(text, HasSubstr("A" + std::string(kMany, 'x') + "B\""));
  EXPECT_LT(text.find("B\""), text.find("\"C\""));
  EXPECT_LT(text.find("\"C\""), text.find("\"D\""));
  EXPECT_TRUE(text.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"));
}

TEST_F(HttpServerTest, TellsWhenTooManyWait) {
  engine().refuse_with(Error(ErrorCode::kOverloaded, "too many requests wait"));
  const std::string text = ask(post(kStreamBody, "Connection: close\r\n"));
  EXPECT_THAT(text, StartsWith("HTTP/1.1 429"));
  EXPECT_THAT(text, HasSubstr("Retry-After: 1\r\n"));
}

TEST_F(HttpServerTest, SubmitsManyPromptsLittleByLittle) {
  std::string prompts = "[1]";
  for (int i = 1; i < 100; ++i) {
    prompts += ",[1]";
  }
  Client client(server_.port());
  std::string request = post("{\"prompt\":[" + prompts + "]}");
  request.replace(request.find("/chat"), 5, "");
  client.send(request);
  ASSERT_TRUE(becomes_true([&] { return engine().count() == JobRun::kWindow; }));
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(engine().count(), JobRun::kWindow);
  serving::Event last = text_event("x");
  last.finish_reason = FinishReason::kLength;
  last.is_last = true;
  for (std::size_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(becomes_true([&] { return engine().count() > i; }));
    say(i, last);
  }
  EXPECT_THAT(client.read_until("\"total_tokens\""), HasSubstr("\"index\":99"));
}

TEST_F(HttpServerTest, LetsAnswersEndOrTellsThatTheyCannot) {
  Client client(server_.port());
  client.send(post(kStreamBody));
  ASSERT_TRUE(becomes_true([&] { return engine().count() == 1; }));
  test_.api().set_draining();
  EXPECT_THAT(ask(post(kBody, "Connection: close\r\n")), StartsWith("HTTP/1.1 503"));
  EXPECT_FALSE(server_.wait_for_jobs(milliseconds(50)));
  EXPECT_THAT(client.read_all(), HasSubstr("shutting down"));
  EXPECT_EQ(engine().cancelled(), 1U);
  EXPECT_TRUE(server_.wait_for_jobs(milliseconds(1000)));
}

TEST_F(HttpServerTest, NamesThePortThatIsTaken) {
  HttpOptions options;
  options.port = server_.port();
  try {
    const HttpServer second(test_.api(), options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr(std::to_string(server_.port())));
  }
}

}  // namespace
}  // namespace minimax::server
