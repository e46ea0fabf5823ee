// SPDX-License-Identifier: Apache-2.0
#include "support/signals.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>

#include "minimax/error.h"
#include "support/exit_code.h"

namespace minimax::apps {
namespace {

// What the handler reads. A handler has no other way to reach state than through globals.
volatile std::sig_atomic_t recorded_signal = 0;
volatile std::sig_atomic_t latest_signal = 0;
volatile std::sig_atomic_t in_scope = 0;
volatile std::sig_atomic_t in_hang_up_scope = 0;
volatile std::sig_atomic_t hang_up_came = 0;
volatile std::sig_atomic_t terminal_saved = 0;
termios saved_terminal{};
std::array<int, 2> wake_pipe = {-1, -1};
std::array<char, PATH_MAX> temporary_file{};  // empty where there is none

// Only calls functions that are safe in a signal handler.
void on_signal(int signal) {
  const int saved_errno = errno;
  if (signal == SIGHUP && in_hang_up_scope != 0) {
    hang_up_came = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_pipe[1], "!", 1);
    errno = saved_errno;
    return;
  }
  latest_signal = signal;
  if (in_scope != 0 && recorded_signal == 0) {
    recorded_signal = signal;
    [[maybe_unused]] const ssize_t written = ::write(wake_pipe[1], "!", 1);
    errno = saved_errno;
    return;
  }
  if (terminal_saved != 0) {
    ::tcsetattr(STDIN_FILENO, TCSANOW, &saved_terminal);
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, "\n", 1);
  }
  if (temporary_file[0] != '\0') {
    ::unlink(temporary_file.data());
  }
  ::_exit(kExitSignal + signal);
}

void drain_wake_pipe() {
  std::array<char, 16> bytes{};
  while (::read(wake_pipe[0], bytes.data(), bytes.size()) > 0) {
  }
}

void handle(int signal) {
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: a blocked read must return so that Ctrl-C is seen.
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void install_signal_handlers() {
  if (::pipe2(wake_pipe.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    throw Error(ErrorCode::kIo, "cannot create a pipe for signals");
  }
  handle(SIGINT);
  handle(SIGTERM);
  struct sigaction hang_up{};
  ::sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler != SIG_IGN) {  // nohup
    handle(SIGHUP);
  }
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, nullptr);
}

InterruptScope::InterruptScope() {
  recorded_signal = 0;
  drain_wake_pipe();
  in_scope = 1;
}

InterruptScope::~InterruptScope() { in_scope = 0; }

int InterruptScope::signal() const { return recorded_signal; }

void InterruptScope::check() const {
  if (interrupted()) {
    throw Error(ErrorCode::kCancelled, "interrupted");
  }
}

HangUpScope::HangUpScope() { in_hang_up_scope = 1; }

HangUpScope::~HangUpScope() { in_hang_up_scope = 0; }

bool HangUpScope::take() const {
  drain_wake_pipe();
  const bool came = hang_up_came != 0;
  hang_up_came = 0;
  return came;
}

int last_signal() { return latest_signal; }

int interrupt_fd() { return wake_pipe[0]; }

TerminalGuard::TerminalGuard() {
  terminal_saved = ::tcgetattr(STDIN_FILENO, &saved_terminal) == 0 ? 1 : 0;
}

TerminalGuard::~TerminalGuard() { terminal_saved = 0; }

TemporaryFileGuard::TemporaryFileGuard(const std::filesystem::path& path) {
  const std::string& name = path.native();
  if (name.size() < temporary_file.size()) {
    // The first character goes last, so that a signal between finds either no name or all of it.
    std::copy(name.begin() + 1, name.end(), temporary_file.begin() + 1);
    temporary_file[name.size()] = '\0';
    std::atomic_signal_fence(std::memory_order_seq_cst);
    temporary_file[0] = name[0];
  }
}

TemporaryFileGuard::~TemporaryFileGuard() { temporary_file[0] = '\0'; }

}  // namespace minimax::apps
