// SPDX-License-Identifier: Apache-2.0
// The sockets of the server: HTTP/1.1 with or without TLS. One thread for all connections, which
// never does anything long, and a few for reading bodies and tokenizing prompts.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "server/api.h"

namespace minimax::server {

/// What a client may take. A connection that takes more is answered with the status for it where
/// there is one, and closed.
struct HttpLimits {
  std::uint32_t header_bytes = 64U << 10;  ///< 431
  std::uint64_t body_bytes = 32ULL << 20;  ///< 413
  std::size_t output_bytes = 256U << 10;   ///< of a stream that its client does not read
  std::size_t connections = 16384;
  std::chrono::milliseconds header_time{10000};  ///< for a header, and a handshake of TLS
  std::chrono::milliseconds body_time{30000};    ///< for a body, and a second for every KiB
  std::chrono::milliseconds idle_time{75000};    ///< between two requests
  std::chrono::milliseconds write_time{30000};   ///< for one piece of a response
  std::chrono::milliseconds ping_time{15000};    ///< a silent stream is sent a comment
};

struct HttpOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8000;  ///< 0: any free one
  HttpLimits limits;
  std::filesystem::path certificate_file;  ///< PEM, with its chain; empty: no TLS
  std::filesystem::path key_file;          ///< PEM
  int workers = 2;                         ///< threads that read bodies
};

class HttpServer {
 public:
  /// Listens and answers from then on. `api` must outlive the server. Throws: Error{kIo} where the
  /// address cannot be listened at, Error{kCorruptFile, kIo} for a certificate.
  HttpServer(Api& api, HttpOptions options);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  /// As stop().
  ~HttpServer();

  std::uint16_t port() const;

  /// Reads the certificate and key anew, for the connections that follow. Throws as the
  /// constructor; then the old ones stay in force.
  void reload_certificate();

  /// Waits until no request runs in the engine, or the time is over. True where none runs.
  /// Requires: Api::set_draining().
  bool wait_for_jobs(std::chrono::milliseconds time);

  /// Closes all connections and cancels what runs. The engine may still tell how that ended, as
  /// long as the server lives; it asks the engine nothing any more.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace minimax::server
