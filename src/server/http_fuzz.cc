// SPDX-License-Identifier: Apache-2.0
// Bytes that a client sends to the server in two pieces: whatever they are, they are answered in
// HTTP or not at all, and never with a defect of the server.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/http_server.h"
#include "server/test_api.h"

namespace {

using minimax::server::HttpOptions;
using minimax::server::HttpServer;
using minimax::server::TestApi;

HttpOptions hasty() {
  HttpOptions options;
  options.port = 0;
  options.limits.header_bytes = 4096;
  options.limits.body_bytes = 10000;
  return options;
}

class Server {
 public:
  Server() : http_(test_.api(), hasty()) {
    test_.engine().answer_with({"Hel", "lo"}, minimax::FinishReason::kEndOfSequence);
  }
  std::uint16_t port() const { return http_.port(); }

 private:
  TestApi test_;
  HttpServer http_;
};

// From another address every time: a port stays taken for a while after its connection has ended.
int connect_to(std::uint16_t port) {
  static std::uint32_t connections = 0;
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + connections++ % 60000);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0 ||
      ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::abort();
  }
  return fd;
}

std::string read_all(int fd) {
  std::string text;
  char bytes[4096];
  ssize_t count = 0;
  while ((count = ::recv(fd, bytes, sizeof bytes, 0)) > 0) {
    text.append(bytes, static_cast<std::size_t>(count));
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Server server;
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t first = bytes.empty() ? 0 : data[0] % bytes.size();
  const int fd = connect_to(server.port());
  for (const std::string_view piece : {bytes.substr(0, first), bytes.substr(first)}) {
    ::send(fd, piece.data(), piece.size(), MSG_NOSIGNAL);
  }
  ::shutdown(fd, SHUT_WR);
  const std::string answer = read_all(fd);
  ::close(fd);
  const std::string_view begin = std::string_view(answer).substr(0, 12);  // HTTP/1.1 200
  if (!begin.empty() && (!begin.starts_with("HTTP/1.") || begin.ends_with(" 500"))) {
    std::abort();
  }
  return 0;
}
