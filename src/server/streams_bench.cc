// SPDX-License-Identifier: Apache-2.0
// Measures what docs/serving.md says of many streams at once: streams_bench [STREAMS [SECONDS]],
// with the demonstration model, server and clients in one process, so that they share a clock: the
// text of every event is the time at which the engine told it. Built with
// -DMINIMAX_BUILD_BENCHMARKS=ON.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "minimax/model.h"
#include "server/http_server.h"
#include "serving/service.h"

namespace minimax::server {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

double milliseconds_since(std::int64_t begin_ns) {
  return static_cast<double>(now_ns() - begin_ns) * 1e-6;
}

void print(const char* what, std::vector<double> times) {
  if (times.empty()) {
    fmt::print("{}: nothing was measured\n", what);
    return;
  }
  std::ranges::sort(times);
  const auto at = [&](double part) {
    return times[static_cast<std::size_t>(part * static_cast<double>(times.size() - 1))];
  };
  fmt::print("{}: {} times, median {:.2f} ms, p99 {:.2f} ms, longest {:.2f} ms\n", what,
             times.size(), at(0.5), at(0.99), at(1.0));
}

// Instead of what the model wrote, every event says when it was told.
Backend stamping(serving::Service& service) {
  return {.submit =
              [&](serving::Request request, const serving::Sink& sink) {
                return service.submit(std::move(request), [sink](serving::Event event) {
                  event.text = fmt::format("@{} ", now_ns());
                  sink(std::move(event));
                });
              },
          .cancel = [&](serving::RequestId id) { service.cancel(id); },
          .status = [&] { return service.status(); }};
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw Error(ErrorCode::kIo, "cannot connect");
  }
  return fd;
}

void send_request(int fd, std::string_view line, std::string_view body) {
  const std::string text = fmt::format(
      "{} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      line, body.size(), body);
  ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

/// Reads all streams in one thread and notes how long every stamp was on its way.
class Readers {
 public:
  Readers(std::uint16_t port, int streams) : epoll_(::epoll_create1(0)) {
    constexpr std::string_view kBody =
        R"({"prompt":"Once","stream":true,"ignore_eos":true,"max_tokens":100000})";
    for (int i = 0; i < streams; ++i) {
      const int fd = connect_to(port);
      send_request(fd, "POST /v1/completions", kBody);
      epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
      fds_.push_back(fd);
    }
  }
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;
  ~Readers() {
    std::ranges::for_each(fds_, ::close);
    ::close(epoll_);
  }

  void read_for(double seconds, std::vector<double>* times) {
    const std::int64_t begin = now_ns();
    std::vector<epoll_event> events(256);
    while (milliseconds_since(begin) < 1e3 * seconds) {
      const int count =
          ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), /*ms=*/100);
      for (int i = 0; i < count; ++i) {
        read(events[static_cast<std::size_t>(i)].data.fd, times);
      }
    }
  }

  std::int64_t lost() const { return lost_; }

 private:
  void read(int fd, std::vector<double>* times) {
    const ssize_t count = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (count <= 0) {
      ++lost_;
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
      return;
    }
    const std::string_view text(buffer_.data(), static_cast<std::size_t>(count));
    for (std::size_t at = text.find("\"@"); at != std::string_view::npos;
         at = text.find("\"@", at + 2)) {
      std::int64_t stamp = 0;
      std::from_chars(text.data() + at + 2, text.data() + text.size(), stamp);
      if (times != nullptr && stamp > 0) {
        times->push_back(milliseconds_since(stamp));
      }
    }
  }

  int epoll_;
  std::vector<int> fds_;
  std::vector<char> buffer_ = std::vector<char>(1 << 16);
  std::int64_t lost_ = 0;
};

// Asks ten times a second until it is told to stop.
std::vector<double> ask_for_health(std::uint16_t port, const std::atomic<bool>& is_over) {
  std::vector<double> times;
  std::vector<char> buffer(1 << 12);
  const int fd = connect_to(port);
  while (!is_over) {
    const std::int64_t begin = now_ns();
    send_request(fd, "GET /health", "");
    if (::recv(fd, buffer.data(), buffer.size(), 0) <= 0) {
      break;
    }
    times.push_back(milliseconds_since(begin));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ::close(fd);
  return times;
}

ServedModel served(const MiniMaxForCausalLM& model, const Tokenizer& tokenizer,
                   const serving::Service& service) {
  ServedModel served;
  served.names = {"model"};
  served.tokenizer = &tokenizer;
  served.config = model.config();
  served.defaults = model.generation_config();
  served.context_tokens = service.status().context_tokens;
  return served;
}

void measure(int streams, double seconds) {
  const std::filesystem::path path = MINIMAX_SOURCE_DIR "/models/tiny-minimax";
  MiniMaxForCausalLM model = MiniMaxForCausalLM::from_pretrained(path);
  const Tokenizer tokenizer = AutoTokenizer::from_pretrained(path);
  std::optional<serving::Service> engine;
  engine.emplace(
      model, tokenizer,
      serving::ServiceOptions{.max_running = streams, .max_waiting = streams, .snapshot_bytes = 0});
  serving::Service& service = *engine;
  Api api({});
  HttpOptions options;
  options.port = 0;
  HttpServer http(api, options);
  api.set_ready({.model = served(model, tokenizer, service), .backend = stamping(service)});
  Readers readers(http.port(), streams);
  readers.read_for(seconds / 2, nullptr);
  std::atomic<bool> is_over = false;
  std::vector<double> health;
  std::vector<double> events;
  std::thread asker([&] { health = ask_for_health(http.port(), is_over); });
  const std::int64_t steps = service.status().counters.steps;
  readers.read_for(seconds, &events);
  is_over = true;
  asker.join();
  const serving::ServiceStatus status = service.status();
  fmt::print("{} streams ran, {} were lost; {:.1f} tokens/s each\n", status.running, readers.lost(),
             static_cast<double>(status.counters.steps - steps) / seconds);
  print("from the engine to a client", std::move(events));
  print("/health", std::move(health));
  http.stop();
  engine.reset();  // it may tell the server how things ended as long as that lives
}

}  // namespace
}  // namespace minimax::server

int main(int argc, char** argv) {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  minimax::server::measure(argc > 1 ? std::stoi(argv[1]) : 1000,
                           argc > 2 ? std::stod(argv[2]) : 10.0);
  return 0;
}
