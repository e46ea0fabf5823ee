// SPDX-License-Identifier: Apache-2.0
// One connection of a client, on top of Boost.Beast, whose headers are heavy: only
// http_connection.cc includes them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <set>

#include "server/api.h"
#include "server/event_hub.h"
#include "server/http_server.h"

namespace minimax::server {

/// What the server wants of its connections while they live.
class Connection {
 public:
  using Clock = std::chrono::steady_clock;

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  /// Called a few times a second: closes what takes too long.
  virtual void tick(Clock::time_point now) = 0;
  virtual void close() = 0;
  /// Cancels the job that runs and tells its client.
  virtual void cancel_job() = 0;
};

/// What connections share. All members outlive them.
struct ConnectionContext {
  Api& api;
  EventHub& hub;
  const HttpLimits& limits;
  boost::asio::thread_pool& workers;
  std::set<Connection*>& connections;
};

/// Serves the connection until it ends, on the thread of `io`. `tls` may be null, and needs to
/// live during the call only.
void serve_connection(boost::asio::io_context& io, boost::asio::ip::tcp::socket socket,
                      boost::asio::ssl::context* tls, ConnectionContext& context);

}  // namespace minimax::server
