// SPDX-License-Identifier: Apache-2.0
#include "server/http_connection.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "server/job_run.h"
#include "server/sse.h"

namespace minimax::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using TlsStream = asio::ssl::stream<Tcp::socket>;
using Parser = http::request_parser<http::string_body>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr auto kNever = Connection::Clock::time_point::max();
constexpr std::size_t kReadBytes = 4U << 10;
constexpr std::chrono::milliseconds kLeaveTime{1000};
// Of requests that come before their turn.
constexpr std::size_t kMaxPipelinedBytes = 64U << 10;

// The status for a request that could not be read, or 0 where there is nobody to tell.
ErrorInfo describe_read_error(const boost::system::error_code& error) {
  const auto is = [&](http::error code) { return error == http::make_error_code(code); };
  if (is(http::error::header_limit)) {
    return {.status = 431, .message = "The header is too long.", .code = "header_too_long"};
  }
  if (is(http::error::body_limit)) {
    return {.status = 413, .message = "The body is too long.", .code = "body_too_long"};
  }
  if (is(http::error::bad_version)) {
    return {.status = 505, .message = "expected HTTP/1.0 or HTTP/1.1", .code = "bad_version"};
  }
  const bool is_ended = is(http::error::end_of_stream) || is(http::error::partial_message);
  const bool is_http = error.category() == http::make_error_code(http::error::bad_field).category();
  return {.status = is_http && !is_ended ? 400 : 0,
          .message = fmt::format("The request cannot be read: {}.", error.message()),
          .code = "bad_http"};
}

// For one kind of stream. Lives in the coroutine that serves it.
template <class Stream>
class HttpConnection final : public Connection {
 public:
  HttpConnection(Stream stream, ConnectionContext& context)
      : stream_(std::move(stream)), context_(&context), news_(stream_.get_executor()) {
    news_.expires_at(asio::steady_timer::time_point::max());
    context_->connections.insert(this);
  }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection() override { context_->connections.erase(this); }

  asio::awaitable<void> run();
  void tick(Clock::time_point now) override;
  void close() override;
  void cancel_job() override;

 private:
  asio::awaitable<bool> read_request(Parser& parser, Call& call);
  asio::awaitable<void> leave();
  asio::awaitable<bool> fill_buffer();
  asio::awaitable<boost::system::error_code> read_body(Parser& parser);
  asio::awaitable<void> refuse(const boost::system::error_code& error);
  asio::awaitable<Outcome> handle(Call& call);
  asio::awaitable<void> send(const Call& call, Reply reply);
  asio::awaitable<void> run_job(const Call& call, Job job);
  asio::awaitable<void> stream_job(const Call& call);
  asio::awaitable<void> await_body(const Call& call);
  asio::awaitable<void> watch();
  asio::awaitable<void> end_watch();
  asio::awaitable<bool> write(std::string bytes);
  asio::awaitable<void> wait_for_news();
  std::string take_output();
  bool write_at_once();
  void on_event(std::size_t request, serving::Event event);
  void fail_job(const ErrorInfo& info);
  void set_deadline(std::chrono::milliseconds time) { deadline_ = Clock::now() + time; }
  http::response<http::string_body> response(const Call& call, Reply reply) const;

  Stream stream_;
  ConnectionContext* context_;
  beast::flat_buffer buffer_;
  asio::steady_timer news_;  // never expires; cancelled to wake whoever waits
  Clock::time_point deadline_ = kNever;
  Clock::time_point last_write_ = Clock::now();
  bool is_closed_ = false;
  bool keeps_alive_ = false;
  unsigned version_ = 11;

  // The job that runs.
  std::unique_ptr<JobRun> job_;
  std::string output_;  // not written yet
  std::string framed_;  // what the system did not take of what was written at once
  bool waits_for_output_ = false;
  std::optional<ErrorInfo> failure_;
  bool job_ended_ = false;
  bool is_watching_ = false;
};

template <class Stream>
void HttpConnection<Stream>::close() {
  is_closed_ = true;
  boost::system::error_code ignored;
  beast::get_lowest_layer(stream_).close(ignored);
  news_.cancel();
}

template <class Stream>
void HttpConnection<Stream>::tick(Clock::time_point now) {
  if (now > deadline_) {
    close();
  } else if (job_ != nullptr && job_->streams() && !job_ended_ && output_.empty() &&
             now - last_write_ > context_->limits.ping_time) {
    output_ += kSsePing;
    news_.cancel();
  }
}

template <class Stream>
void HttpConnection<Stream>::cancel_job() {
  if (job_ != nullptr && !job_ended_) {
    fail_job({.status = 503,
              .type = "server_error",
              .message = "The server is shutting down.",
              .code = "draining"});
  }
}

template <class Stream>
asio::awaitable<void> HttpConnection<Stream>::run() {
  if constexpr (std::is_same_v<Stream, TlsStream>) {
    set_deadline(context_->limits.header_time);
    const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kAwait);
    is_closed_ = is_closed_ || error;
  }
  for (bool is_first = true; !is_closed_ && (is_first || keeps_alive_); is_first = false) {
    set_deadline(is_first ? context_->limits.header_time : context_->limits.idle_time);
    keeps_alive_ = false;
    Parser parser;
    Call call{.id = random_id(),
              .now = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count()};
    if (!co_await read_request(parser, call)) {
      break;
    }
    Outcome outcome = co_await handle(call);
    if (auto* reply = std::get_if<Reply>(&outcome)) {
      co_await send(call, std::move(*reply));
    } else {
      co_await run_job(call, std::move(std::get<Job>(outcome)));
    }
  }
  if (!is_closed_) {
    co_await leave();
  }
}

// Lets a client read what was sent last, although what it sent was not read to the end: closing at
// once would make its system throw away what it has.
template <class Stream>
asio::awaitable<void> HttpConnection<Stream>::leave() {
  auto& socket = beast::get_lowest_layer(stream_);
  boost::system::error_code failed;
  socket.shutdown(Tcp::socket::shutdown_send, failed);
  set_deadline(kLeaveTime);
  std::array<char, kReadBytes> bytes{};
  while (!failed && !is_closed_) {
    const auto [error, count] = co_await socket.async_read_some(asio::buffer(bytes), kAwait);
    failed = error;
  }
}

template <class Stream>
asio::awaitable<bool> HttpConnection<Stream>::fill_buffer() {
  if (buffer_.size() == 0) {
    const auto [error, bytes] =
        co_await stream_.async_read_some(buffer_.prepare(kReadBytes), kAwait);
    if (error) {
      co_return false;
    }
    buffer_.commit(bytes);
  }
  co_return true;
}

template <class Stream>
asio::awaitable<bool> HttpConnection<Stream>::read_request(Parser& parser, Call& call) {
  parser.header_limit(context_->limits.header_bytes);
  parser.body_limit(context_->limits.body_bytes);
  if (!co_await fill_buffer()) {
    co_return false;
  }
  set_deadline(context_->limits.header_time);
  auto [error, bytes] = co_await http::async_read_header(stream_, buffer_, parser, kAwait);
  version_ = parser.get().version();
  if (!error && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    co_await write(std::move(go_on));
  }
  if (!error) {
    error = co_await read_body(parser);
  }
  if (error) {
    co_await refuse(error);
    co_return false;
  }
  deadline_ = kNever;
  auto& request = parser.get();
  keeps_alive_ = request.keep_alive();
  call.method = std::string(request.method_string());
  call.target = std::string(request.target());
  call.needs_host = request.version() > 10;
  for (const auto& field : request) {
    std::string name(field.name_string());
    for (char& c : name) {
      c = 'A' <= c && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
    call.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  call.body = std::move(request.body());
  co_return true;
}

// Slow clients have as long as their bytes at a thousand a second take.
template <class Stream>
asio::awaitable<boost::system::error_code> HttpConnection<Stream>::read_body(Parser& parser) {
  const Clock::time_point begin = Clock::now();
  std::size_t total = 0;
  while (!parser.is_done()) {
    deadline_ = begin + context_->limits.body_time + std::chrono::milliseconds(total);
    const auto [error, bytes] = co_await http::async_read_some(stream_, buffer_, parser, kAwait);
    if (error) {
      co_return error;
    }
    total += bytes;
  }
  co_return boost::system::error_code();
}

template <class Stream>
asio::awaitable<void> HttpConnection<Stream>::refuse(const boost::system::error_code& error) {
  const ErrorInfo info = describe_read_error(error);
  if (info.status != 0 && !is_closed_) {
    const Call call{.id = random_id()};
    Reply reply = context_->api.error_reply(call, info);
    co_await send(call, std::move(reply));
  }
}

// GCC 12 destroys some temporaries of an expression with co_await twice, so here and elsewhere what
// is waited for takes named values only.
template <class Stream>
asio::awaitable<Outcome> HttpConnection<Stream>::handle(Call& call) {
  Api& api = context_->api;
  if (api.is_quick(call)) {
    co_return api.handle(call);
  }
  auto work = [&api, &call]() -> asio::awaitable<Outcome> { co_return api.handle(call); };
  Outcome outcome =
      co_await asio::co_spawn(context_->workers.get_executor(), work, asio::use_awaitable);
  co_return outcome;
}

template <class Stream>
http::response<http::string_body> HttpConnection<Stream>::response(const Call& call,
                                                                   Reply reply) const {
  http::response<http::string_body> response(static_cast<http::status>(reply.status), version_);
  for (const auto& [name, value] : context_->api.common_headers(call)) {
    response.set(name, value);
  }
  for (const auto& [name, value] : reply.headers) {
    response.set(name, value);
  }
  if (reply.status != 204) {
    response.set(http::field::content_type, reply.content_type);
  }
  response.keep_alive(keeps_alive_);
  response.body() = std::move(reply.body);
  return response;
}

template <class Stream>
asio::awaitable<void> HttpConnection<Stream>::send(const Call& call, Reply reply) {
  context_->api.metrics().count_response(
      reply.status == 404 || reply.status == 405 ? "other" : std::string(call.path()),
      reply.status);
  auto message = response(call, std::move(reply));
  message.prepare_payload();
  set_deadline(context_->limits.write_time);
  const auto [error, bytes] = co_await http::async_write(stream_, message, kAwait);
  is_closed_ = is_closed_ || error;
  deadline_ = kNever;
}

template <class Stream>
asio::awaitable<bool> HttpConnection<Stream>::write(std::string bytes) {
  set_deadline(context_->limits.write_time);
  const auto [error, written] = co_await asio::async_write(stream_, asio::buffer(bytes), kAwait);
  deadline_ = kNever;
  last_write_ = Clock::now();
  is_closed_ = is_closed_ || error;
  co_return !is_closed_;
}

template <class Stream>
asio::awaitable<void> HttpConnection<Stream>::wait_for_news() {
  co_await news_.async_wait(kAwait);
}

template <class Stream>
void HttpConnection<Stream>::fail_job(const ErrorInfo& info) {
  failure_ = info;
  job_ended_ = true;
  job_->cancel();
  if (job_->streams()) {
    output_ += job_->error_event(info);
  }
  news_.cancel();
}

template <class Stream>
void HttpConnection<Stream>::on_event(std::size_t request, serving::Event event) {
  if (job_ended_ || is_closed_) {
    return;
  }
  try {
    output_ += job_->push(request, std::move(event));
    job_ended_ = job_->is_finished();
  } catch (const ApiError& error) {
    fail_job(error.info());
  } catch (const Error& error) {
    fail_job(describe_error(error));
  } catch (const std::exception&) {
    fail_job({.status = 500, .type = "server_error", .message = "internal error"});
  }
  if (waits_for_output_ && !job_ended_ && write_at_once()) {
    return;
  }
  if (job_->streams() && output_.size() > context_->limits.output_bytes) {
    job_->cancel();
    close();
  }
  news_.cancel();
}

// What of a stream is to be written, as a chunk where the client knows chunks.
template <class Stream>
std::string HttpConnection<Stream>::take_output() {
  std::string text = std::exchange(output_, {});
  return version_ > 10 ? fmt::format("{:x}\r\n{}\r\n", text.size(), text) : text;
}

// Tokens are written as they come, without waking the coroutine. False where it has to go on.
template <class Stream>
bool HttpConnection<Stream>::write_at_once() {
  if constexpr (std::is_same_v<Stream, Tcp::socket>) {
    if (!framed_.empty()) {
      return false;
    }
    if (output_.empty()) {
      return true;
    }
    framed_ = take_output();
    boost::system::error_code error;
    const std::size_t written = stream_.write_some(asio::buffer(framed_), error);
    if (error && error != asio::error::would_block) {
      job_->cancel();
      close();
      return true;
    }
    framed_.erase(0, written);
    last_write_ = Clock::now();
    return framed_.empty();
  }
  return false;
}

// Reads while an answer is written, only to see whether the client is still there.
template <class Stream>
asio::awaitable<void> HttpConnection<Stream>::watch() {
  while (buffer_.size() < kMaxPipelinedBytes) {
    const auto [error, bytes] =
        co_await stream_.async_read_some(buffer_.prepare(kReadBytes), kAwait);
    if (error) {
      if (error != asio::error::operation_aborted) {
        job_->cancel();
        close();
      }
      break;
    }
    buffer_.commit(bytes);
  }
  is_watching_ = false;
  news_.cancel();
}

template <class Stream>
asio::awaitable<void> HttpConnection<Stream>::end_watch() {
  boost::system::error_code ignored;
  beast::get_lowest_layer(stream_).cancel(ignored);
  while (is_watching_) {
    co_await wait_for_news();
  }
}

template <class Stream>
asio::awaitable<void> HttpConnection<Stream>::run_job(const Call& call, Job job) {
  output_.clear();
  framed_.clear();
  failure_.reset();
  job_ended_ = false;
  EventHub& hub = context_->hub;
  const std::uint64_t id = hub.open(
      [this](std::size_t request, serving::Event event) { on_event(request, std::move(event)); });
  job_ = std::make_unique<JobRun>(std::move(job), context_->api.backend(), context_->api.metrics(),
                                  [&hub, id](std::size_t request, serving::Event event) {
                                    hub.post(id, request, std::move(event));
                                  });
  try {
    job_->start();
  } catch (const Error& error) {
    failure_ = describe_error(error);
  } catch (const std::exception&) {
    failure_ = {.status = 500, .type = "server_error", .message = "internal error"};
  }
  if (!failure_) {
    is_watching_ = true;
    asio::co_spawn(stream_.get_executor(), watch(), asio::detached);
    if (job_->streams()) {
      co_await stream_job(call);
    } else {
      co_await await_body(call);
    }
    co_await end_watch();
  } else {
    Reply reply = context_->api.error_reply(call, *failure_);
    co_await send(call, std::move(reply));
  }
  hub.close(id);
  job_.reset();
}

template <class Stream>
asio::awaitable<void> HttpConnection<Stream>::await_body(const Call& call) {
  while (!job_ended_ && !is_closed_) {
    co_await wait_for_news();
  }
  if (is_closed_) {
    co_return;
  }
  Reply reply;
  if (failure_) {
    reply = context_->api.error_reply(call, *failure_);
  } else {
    reply.body = std::exchange(output_, {});
  }
  co_await send(call, std::move(reply));
}

template <class Stream>
asio::awaitable<void> HttpConnection<Stream>::stream_job(const Call& call) {
  context_->api.metrics().count_response(std::string(call.path()), 200);
  const bool is_chunked = version_ > 10;
  keeps_alive_ = keeps_alive_ && is_chunked;
  auto head =
      response(call, {.content_type = "text/event-stream",
                      .headers = {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}}});
  head.chunked(is_chunked);
  output_ = job_->begin();
  http::response_serializer<http::string_body> serializer(head);
  set_deadline(context_->limits.write_time);
  const auto [error, bytes] = co_await http::async_write_header(stream_, serializer, kAwait);
  is_closed_ = is_closed_ || error;
  deadline_ = kNever;
  while (!is_closed_ && !(job_ended_ && output_.empty() && framed_.empty())) {
    if (output_.empty() && framed_.empty()) {
      waits_for_output_ = true;
      co_await wait_for_news();
      waits_for_output_ = false;
      continue;
    }
    std::string text = framed_.empty() ? take_output() : std::exchange(framed_, {});
    co_await write(std::move(text));
  }
  if (!is_closed_ && is_chunked) {
    std::string end = "0\r\n\r\n";
    co_await write(std::move(end));
  }
  // What follows an answer that failed is not what its client expects.
  keeps_alive_ = keeps_alive_ && !failure_;
}

template <class Stream>
asio::awaitable<void> serve(Stream stream, ConnectionContext& context) {
  HttpConnection<Stream> connection(std::move(stream), context);
  co_await connection.run();
}

}  // namespace

void serve_connection(asio::io_context& io, Tcp::socket socket, asio::ssl::context* tls,
                      ConnectionContext& context) {
  boost::system::error_code ignored;
  std::ignore = socket.set_option(Tcp::no_delay(true), ignored);
  std::ignore = socket.non_blocking(true, ignored);  // for what is written at once
  if (tls == nullptr) {
    asio::co_spawn(io, serve(std::move(socket), context), asio::detached);
  } else {
    asio::co_spawn(io, serve(TlsStream(std::move(socket), *tls), context), asio::detached);
  }
}

}  // namespace minimax::server
