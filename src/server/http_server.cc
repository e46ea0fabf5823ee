// SPDX-License-Identifier: Apache-2.0
#include "server/http_server.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <set>
#include <thread>
#include <tuple>
#include <utility>

#include "base/file.h"
#include "server/event_hub.h"
#include "server/http_connection.h"

namespace minimax::server {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kTick{100};
constexpr std::size_t kMaxCertificateBytes = 1U << 20;

std::unique_ptr<asio::ssl::context> read_certificate(const HttpOptions& options) {
  if (options.certificate_file.empty()) {
    return nullptr;
  }
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
  context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_tlsv1 |
                       asio::ssl::context::no_tlsv1_1 | SSL_OP_NO_RENEGOTIATION);
  const std::string chain = base::read_file(options.certificate_file, kMaxCertificateBytes);
  const std::string key = base::read_file(options.key_file, kMaxCertificateBytes);
  const auto check = [](const boost::system::error_code& error, const std::filesystem::path& file) {
    if (error) {
      throw Error(ErrorCode::kCorruptFile,
                  fmt::format("{}: {}", base::printable(file.string()), error.message()));
    }
  };
  boost::system::error_code error;
  std::ignore = context->use_certificate_chain(asio::buffer(chain), error);
  check(error, options.certificate_file);
  std::ignore = context->use_private_key(asio::buffer(key), asio::ssl::context::pem, error);
  check(error, options.key_file);
  if (::SSL_CTX_check_private_key(context->native_handle()) != 1) {
    throw Error(ErrorCode::kCorruptFile,
                fmt::format("{}: is not the key of the certificate in {}",
                            base::printable(options.key_file.string()),
                            base::printable(options.certificate_file.string())));
  }
  return context;
}

Tcp::endpoint resolve(asio::io_context& io, const HttpOptions& options) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (!error) {
    return {address, options.port};
  }
  Tcp::resolver resolver(io);
  const auto found = resolver.resolve(options.address, std::to_string(options.port), error);
  if (error || found.empty()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("host: expected an address, found {}",
                                                         base::printable(options.address)));
  }
  return found.begin()->endpoint();
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(Api& api, HttpOptions options)
      : options_(std::move(options)),
        tls_(read_certificate(options_)),
        workers_(static_cast<std::size_t>(options_.workers)),
        hub_([this] { asio::post(io_, [this] { hub_.deliver(); }); }),
        context_{api, hub_, options_.limits, workers_, connections_},
        acceptor_(io_) {
    listen();
    asio::co_spawn(io_, accept(), asio::detached);
    asio::co_spawn(io_, watch_time(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() { stop(); }

  void stop() {
    if (!thread_.joinable()) {
      return;
    }
    std::size_t left = 0;
    do {
      run_on_thread([&] {
        boost::system::error_code ignored;
        std::ignore = acceptor_.close(ignored);
        for (Connection* connection : connections_) {
          connection->close();
        }
        left = connections_.size();
      });
      if (left > 0) {
        std::this_thread::sleep_for(kTick / 20);  // they end on the thread of the sockets
      }
    } while (left > 0);
    io_.stop();
    thread_.join();
    workers_.join();
  }

  std::uint16_t port() const { return port_; }

  void reload_certificate() {
    std::unique_ptr<asio::ssl::context> fresh = read_certificate(options_);
    // Connections that exist hold what they need of the old one.
    run_on_thread([&] { tls_.swap(fresh); });
  }

  bool wait_for_jobs(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    for (;;) {
      std::size_t jobs = 0;
      run_on_thread([&] { jobs = hub_.open_count(); });
      if (jobs == 0) {
        return true;
      }
      if (std::chrono::steady_clock::now() > end) {
        run_on_thread([&] { cancel_jobs(); });
        std::this_thread::sleep_for(kTick);
        return false;
      }
      std::this_thread::sleep_for(kTick / 5);
    }
  }

 private:
  void listen();
  asio::awaitable<void> accept();
  asio::awaitable<void> watch_time();

  void cancel_jobs() {
    for (Connection* connection : connections_) {
      connection->cancel_job();
    }
  }

  template <class F>
  void run_on_thread(F action) {
    asio::post(io_, asio::use_future(action)).get();
  }

  HttpOptions options_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::set<Connection*> connections_;  // outlives the coroutines in io_
  asio::io_context io_{1};
  asio::thread_pool workers_;
  EventHub hub_;
  ConnectionContext context_;
  Tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

void HttpServer::Impl::listen() {
  const Tcp::endpoint endpoint = resolve(io_, options_);
  try {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(Tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(asio::socket_base::max_listen_connections);
    port_ = acceptor_.local_endpoint().port();
  } catch (const boost::system::system_error& error) {
    throw Error(ErrorCode::kIo, fmt::format("cannot listen at {} port {}: {}", options_.address,
                                            options_.port, error.code().message()));
  }
}

asio::awaitable<void> HttpServer::Impl::accept() {
  asio::steady_timer pause(io_);
  while (acceptor_.is_open()) {
    auto [error, socket] = co_await acceptor_.async_accept(kAwait);
    if (error) {
      // Out of descriptors, most likely: others end, and then there is room again.
      pause.expires_after(kTick);
      co_await pause.async_wait(kAwait);
    } else if (connections_.size() < options_.limits.connections) {
      serve_connection(io_, std::move(socket), tls_.get(), context_);
    }
  }
}

asio::awaitable<void> HttpServer::Impl::watch_time() {
  asio::steady_timer timer(io_);
  while (true) {
    timer.expires_after(kTick);
    co_await timer.async_wait(kAwait);
    const auto now = Connection::Clock::now();
    for (Connection* connection : connections_) {
      connection->tick(now);
    }
  }
}

HttpServer::HttpServer(Api& api, HttpOptions options)
    : impl_(std::make_unique<Impl>(api, std::move(options))) {}
HttpServer::~HttpServer() = default;

void HttpServer::stop() { impl_->stop(); }
std::uint16_t HttpServer::port() const { return impl_->port(); }
void HttpServer::reload_certificate() { impl_->reload_certificate(); }
bool HttpServer::wait_for_jobs(std::chrono::milliseconds time) {
  return impl_->wait_for_jobs(time);
}

}  // namespace minimax::server
