// SPDX-License-Identifier: Apache-2.0
// Ctrl-C, SIGTERM and SIGHUP. Where nothing needs to be finished they end the program at once;
// inside of an InterruptScope the first one only asks to stop, and the second one ends it.
#pragma once

#include <filesystem>

namespace minimax::apps {

/// Installs the handlers and ignores SIGPIPE, so that a closed pipe is an error of write().
void install_signal_handlers();

/// While it lives, the first signal is recorded instead of ending the program. Scopes do not nest.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  bool interrupted() const { return signal() != 0; }
  /// The recorded signal, or 0.
  int signal() const;
  /// Throws: Error{kCancelled} once a signal came.
  void check() const;
};

/// While it lives, SIGHUP ends nothing: it asks a server to read its files again.
class HangUpScope {
 public:
  HangUpScope();
  ~HangUpScope();
  HangUpScope(const HangUpScope&) = delete;
  HangUpScope& operator=(const HangUpScope&) = delete;

  /// Whether SIGHUP came since the last call. Takes what made interrupt_fd() readable.
  bool take() const;
};

/// The signal recorded last, also after its scope ended; 0 for none. Ctrl-C in a generation that
/// already returned still decides the exit code.
int last_signal();

/// Becomes readable when a signal is recorded, for poll() beside a terminal.
int interrupt_fd();

/// While it lives, ending by a signal first gives the terminal back the settings it has now.
class TerminalGuard {
 public:
  TerminalGuard();
  ~TerminalGuard();
  TerminalGuard(const TerminalGuard&) = delete;
  TerminalGuard& operator=(const TerminalGuard&) = delete;
};

/// While it lives, ending by a signal also removes this file. One at a time.
class TemporaryFileGuard {
 public:
  explicit TemporaryFileGuard(const std::filesystem::path& path);
  ~TemporaryFileGuard();
  TemporaryFileGuard(const TemporaryFileGuard&) = delete;
  TemporaryFileGuard& operator=(const TemporaryFileGuard&) = delete;
};

}  // namespace minimax::apps
