// SPDX-License-Identifier: Apache-2.0
#include "support/terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "minimax/error.h"
#include "support/exit_code.h"

namespace minimax::apps {
namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

// False with errno set where the text could not be written as a whole.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

const char* escape_sequence(Style style) {
  switch (style) {
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kRed:
      return "\x1b[31m";
    case Style::kYellow:
      return "\x1b[33m";
  }
  return "";
}

}  // namespace

Terminal describe_terminal(int fd) {
  Terminal terminal;
  terminal.interactive = ::isatty(fd) == 1;
  const char* type = std::getenv("TERM");
  const bool dumb = type == nullptr || std::strcmp(type, "dumb") == 0;
  terminal.can_rewrite = terminal.interactive && !dumb;
  terminal.colour = terminal.can_rewrite && !is_set("NO_COLOR");
  winsize size{};
  if (terminal.interactive && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.columns = size.ws_col;
  }
  return terminal;
}

std::string styled(const Terminal& terminal, Style style, std::string_view text) {
  if (!terminal.colour) {
    return std::string(text);
  }
  return fmt::format("{}{}\x1b[0m", escape_sequence(style), text);
}

void open_missing_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
      // The lowest free number is taken, which is this one. Read-only, so that writing fails.
      [[maybe_unused]] const int opened = ::open("/dev/null", O_RDONLY);
    }
  }
}

void write_output(std::string_view text) {
  if (write_all(STDOUT_FILENO, text)) {
    return;
  }
  if (errno == EPIPE) {
    throw OutputClosed();
  }
  throw Error(ErrorCode::kIo,
              fmt::format("standard output: cannot write: {}", std::strerror(errno)));
}

void write_model_text(std::string_view text) {
  if (::isatty(STDOUT_FILENO) != 1) {
    write_output(text);
    return;
  }
  write_output(without_controls(text));
}

std::string without_controls(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if (byte == 0xc2 && next >= 0x80 && next <= 0x9f) {  // U+0080 to U+009F
      ++i;
    } else if ((byte >= 0x20 && byte != 0x7f) || byte == '\n' || byte == '\t') {
      shown += text[i];
    }
  }
  return shown;
}

void write_message(std::string_view text) {
  [[maybe_unused]] const bool written = write_all(STDERR_FILENO, text);
}

void write_warning(std::string_view text) {
  const Terminal terminal = describe_terminal(STDERR_FILENO);
  write_message(fmt::format("minimax: {} {}\n", styled(terminal, Style::kYellow, "warning:"),
                            base::printable(text, 1000)));
}

}  // namespace minimax::apps
