// SPDX-License-Identifier: Apache-2.0
#include "support/load_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>

#include "base/check.h"
#include "base/file.h"
#include "base/json.h"
#include "base/random.h"

namespace minimax::apps {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using base::Json;
using Clock = std::chrono::steady_clock;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kProgressTime{100};
constexpr std::uint64_t kMaxAnswerBytes = 1U << 30;
constexpr std::size_t kMaxErrorBytes = 500;

Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

/// A request that failed; the text is what is reported.
class Failure : public std::exception {
 public:
  explicit Failure(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

http::request<http::string_body> request_to(const LoadTarget& target, http::verb verb,
                                            const std::string& path, std::string body) {
  http::request<http::string_body> request(verb, path, 11);
  request.set(http::field::host, target.host);
  request.set(http::field::content_type, "application/json");
  if (!target.api_key.empty()) {
    request.set(http::field::authorization, "Bearer " + target.api_key);
  }
  request.keep_alive(false);
  request.body() = std::move(body);
  request.prepare_payload();
  return request;
}

/// One exchange with the server.
class Exchange {
 public:
  Exchange(asio::io_context& io, const LoadTarget& target, double timeout_seconds)
      : stream_(io), target_(target), timeout_(seconds(timeout_seconds)) {}

  /// A named request: GCC 12 destroys some temporaries of a co_await expression twice.
  asio::awaitable<void> send(const http::request<http::string_body>& request) {
    asio::ip::tcp::resolver resolver(stream_.get_executor());
    const auto [unknown, found] =
        co_await resolver.async_resolve(target_.host, target_.port, kAwait);
    check(unknown, "find");
    stream_.expires_after(timeout_);
    const auto [refused, endpoint] = co_await stream_.async_connect(found, kAwait);
    check(refused, "connect to");
    const auto [lost, bytes] = co_await http::async_write(stream_, request, kAwait);
    check(lost, "send to");
    parser_.body_limit(kMaxAnswerBytes);
    stream_.expires_after(timeout_);
    const auto [silent, header] =
        co_await http::async_read_header(stream_, buffer_, parser_, kAwait);
    check(silent, "hear from");
  }

  /// What came since the last call; false once that was all.
  asio::awaitable<bool> read(std::string& text) {
    if (parser_.is_done()) {
      co_return false;
    }
    stream_.expires_after(timeout_);
    const auto [error, bytes] = co_await http::async_read_some(stream_, buffer_, parser_, kAwait);
    check(error, "read from");
    text += parser_.get().body();
    parser_.get().body().clear();
    co_return true;
  }

  asio::awaitable<std::string> read_all() {
    std::string text;
    while (co_await read(text)) {
    }
    co_return text;
  }

  unsigned status() const { return parser_.get().result_int(); }

 private:
  void check(const boost::system::error_code& error, const char* action) const {
    if (error) {
      throw Failure(fmt::format("cannot {} {} port {}: {}", action, base::printable(target_.host),
                                base::printable(target_.port), error.message()));
    }
  }

  beast::tcp_stream stream_;
  const LoadTarget& target_;
  Clock::duration timeout_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
};

std::string refusal(unsigned status, const std::string& body) {
  return fmt::format("status {}: {}", status, base::printable(body.substr(0, kMaxErrorBytes)));
}

std::vector<std::int64_t> random_ids(base::SplitMix64 random, std::int64_t count,
                                     std::int64_t vocab_size) {
  // As in other benchmarks, without the last ids, which may end a text.
  const auto limit = static_cast<std::uint64_t>(std::max<std::int64_t>(vocab_size - 3, 1));
  std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
  for (std::int64_t& id : ids) {
    id = static_cast<std::int64_t>(random.next() % limit);
  }
  return ids;
}

std::string body_of(const LoadPlan& plan, std::int64_t number) {
  const std::int64_t shared = std::min(plan.shared_tokens, plan.prompt_tokens);
  const std::int64_t vocab = plan.model.vocab_size;
  const auto own_seed = plan.seed + static_cast<std::uint64_t>(number) + 1;
  base::JsonArray prompt;
  for (const std::int64_t id : random_ids(base::SplitMix64(plan.seed), shared, vocab)) {
    prompt.emplace_back(id);
  }
  for (const std::int64_t id :
       random_ids(base::SplitMix64(own_seed), plan.prompt_tokens - shared, vocab)) {
    prompt.emplace_back(id);
  }
  return base::write_json(
      base::JsonObject{{"model", plan.model.name},
                       {"prompt", std::move(prompt)},
                       {"max_tokens", plan.max_tokens},
                       {"temperature", plan.temperature},
                       {"top_p", plan.top_p},
                       {"ignore_eos", true},
                       {"stream", true},
                       {"stream_options", base::JsonObject{{"include_usage", true}}}});
}

std::int64_t integer_at(const Json& json, std::initializer_list<const char*> path) {
  const Json* at = &json;
  for (const char* key : path) {
    at = at->find(key);
    if (at == nullptr) {
      return 0;
    }
  }
  return at->is_integer() ? at->integer() : 0;
}

// Whether an event surely has choices, and neither an error nor counts. Most events are such, and
// what the client computes is missing to a server on the same machine.
bool is_plain_piece(std::string_view event) {
  constexpr std::string_view kChoices = "\"choices\":";
  const auto has = [&](std::string_view part) {
    return event.find(part) != std::string_view::npos;
  };
  const std::size_t begin = event.find(kChoices);
  if (begin == std::string_view::npos || has("\"error\"") || has("_tokens\"")) {
    return false;
  }
  const std::size_t bracket = event.find_first_not_of(' ', begin + kChoices.size());
  return bracket != std::string_view::npos && event.substr(bracket).starts_with("[{");
}

class LoadRun {
 public:
  LoadRun(const LoadTarget& target, const LoadPlan& plan) : target_(target), plan_(plan) {
    times_.reserve(static_cast<std::size_t>(plan.requests));  // so that no element is moved
  }

  std::vector<RequestTimes> run(const std::function<void(std::int64_t)>& progress) {
    if (plan_.requests_per_second > 0) {
      asio::co_spawn(io_, arrive(), asio::detached);
    } else {
      for (std::int64_t i = 0; i < std::min(plan_.clients, plan_.requests); ++i) {
        asio::co_spawn(io_, client(), asio::detached);
      }
    }
    while (ended_ < plan_.requests) {
      io_.run_for(kProgressTime);
      progress(ended_);
    }
    return std::move(times_);
  }

 private:
  double now() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  asio::awaitable<void> client() {
    while (std::ssize(times_) < plan_.requests) {
      co_await ask();
    }
  }

  // Intervals between independent clients are distributed exponentially.
  asio::awaitable<void> arrive() {
    base::SplitMix64 random(plan_.seed);
    asio::steady_timer timer(io_);
    double at = 0;
    for (std::int64_t i = 0; i < plan_.requests; ++i) {
      timer.expires_at(begin_ + seconds(at));
      co_await timer.async_wait(kAwait);
      asio::co_spawn(io_, ask(), asio::detached);
      at -= std::log1p(-random.uniform()) / plan_.requests_per_second;
    }
  }

  asio::awaitable<void> ask() {
    const std::string body = body_of(plan_, std::ssize(times_));
    RequestTimes& times = times_.emplace_back();
    times.begin = now();
    try {
      Exchange exchange(io_, target_, plan_.timeout_seconds);
      const auto request = request_to(target_, http::verb::post, "/v1/completions", body);
      co_await exchange.send(request);
      if (exchange.status() != 200) {
        const std::string answer = co_await exchange.read_all();
        throw Failure(refusal(exchange.status(), answer));
      }
      co_await listen(exchange, times);
    } catch (const std::exception& error) {
      times.error = error.what();
    }
    times.end = now();
    ++ended_;
  }

  asio::awaitable<void> listen(Exchange& exchange, RequestTimes& times) const {
    std::string text;
    bool is_done = false;
    while (co_await exchange.read(text)) {
      std::size_t begin = 0;
      for (std::size_t end = text.find('\n'); end != std::string::npos;
           begin = end + 1, end = text.find('\n', begin)) {
        is_done = take_line(std::string_view(text).substr(begin, end - begin), times) || is_done;
      }
      text.erase(0, begin);
    }
    if (!is_done) {
      throw Failure("the stream ended without [DONE]");
    }
  }

  // True for the line that ends the stream.
  bool take_line(std::string_view line, RequestTimes& times) const {
    constexpr std::string_view kData = "data:";
    if (!line.starts_with(kData)) {
      return false;
    }
    line.remove_prefix(std::min(line.find_first_not_of(' ', kData.size()), line.size()));
    if (line.starts_with("[DONE]")) {
      return true;
    }
    if (is_plain_piece(line)) {
      times.pieces.push_back(now());
      return false;
    }
    const Json json = base::parse_json(line, "event");
    if (const Json* error = json.find("error"); error != nullptr && !error->is_null()) {
      throw Failure(base::printable(base::write_json(*error)));
    }
    if (const Json* choices = json.find("choices");
        choices != nullptr && choices->is_array() && !choices->array().empty()) {
      times.pieces.push_back(now());
    }
    if (const std::int64_t tokens = integer_at(json, {"usage", "completion_tokens"}); tokens > 0) {
      times.output_tokens = tokens;
      times.cached_tokens = integer_at(json, {"usage", "prompt_tokens_details", "cached_tokens"});
    }
    return false;
  }

  const LoadTarget& target_;
  const LoadPlan& plan_;
  asio::io_context io_{1};
  Clock::time_point begin_ = Clock::now();
  std::vector<RequestTimes> times_;
  std::int64_t ended_ = 0;
};

}  // namespace

LoadTarget LoadTarget::from_url(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  base::check(!url.starts_with("https://"), ErrorCode::kUnsupported,
              "--url: https is not measured; ask the server behind it");
  const auto fail = [&] {
    return "--url: expected http://HOST[:PORT], found " + base::printable(url);
  };
  base::check(url.starts_with(kScheme), ErrorCode::kInvalidArgument, fail);
  std::string rest = url.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  if (slash != std::string::npos) {
    const std::string path = rest.substr(slash);
    base::check(path == "/" || path == "/v1" || path == "/v1/", ErrorCode::kInvalidArgument, fail);
    rest.erase(slash);
  }
  LoadTarget target;
  target.port = "80";
  const std::size_t bracket = rest.find(']');
  const std::size_t colon = rest.find(':', bracket == std::string::npos ? 0 : bracket);
  if (colon != std::string::npos) {
    target.port = rest.substr(colon + 1);
    rest.erase(colon);
  }
  if (bracket != std::string::npos) {
    base::check(rest.starts_with('[') && rest.ends_with(']'), ErrorCode::kInvalidArgument, fail);
    rest = rest.substr(1, rest.size() - 2);
  }
  const bool is_number = !target.port.empty() && target.port.size() <= 5 &&
                         target.port.find_first_not_of("0123456789") == std::string::npos;
  base::check(!rest.empty() && is_number, ErrorCode::kInvalidArgument, fail);
  target.host = rest;
  return target;
}

ServedModelInfo describe_served_model(const LoadTarget& target, double timeout_seconds) {
  asio::io_context io;
  std::string body;
  std::exception_ptr failure;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        Exchange exchange(io, target, timeout_seconds);
        const auto request = request_to(target, http::verb::get, "/v1/models", "");
        co_await exchange.send(request);
        body = co_await exchange.read_all();
        if (exchange.status() != 200) {
          throw Failure("/v1/models: " + refusal(exchange.status(), body));
        }
      },
      [&](const std::exception_ptr& thrown) { failure = thrown; });
  io.run();
  try {
    if (failure) {
      std::rethrow_exception(failure);
    }
  } catch (const Failure& error) {
    throw Error(ErrorCode::kIo, error.what());
  }
  const Json json = base::parse_json(body, "/v1/models");
  const auto models = base::JsonView(json, "/v1/models").require("data").elements();
  base::check(!models.empty(), ErrorCode::kCorruptFile, "/v1/models: expected a model, found none");
  return {.name = models.front().require("id").as_string(),
          .vocab_size = integer_at(models.front().value(), {"meta", "vocab_size"})};
}

std::vector<RequestTimes> run_load(const LoadTarget& target, const LoadPlan& plan,
                                   const std::function<void(std::int64_t)>& progress) {
  return LoadRun(target, plan).run(progress);
}

}  // namespace minimax::apps
