// SPDX-License-Identifier: Apache-2.0
#include "support/line_reader.h"

#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <string_view>

#include "minimax/error.h"
#include "support/signals.h"
#include "support/terminal.h"

namespace minimax::apps {
namespace {

constexpr int kHistoryLines = 1000;
constexpr std::string_view kFence = "\"\"\"";
constexpr const char* kMorePrompt = ". ";

enum class Wait { kReadable, kInterrupted };

// Waits for standard input or a signal, whichever comes first. Asking poll() for both closes the
// gap between looking for a signal and starting to read.
Wait wait_for_input() {
  std::array<pollfd, 2> sources = {pollfd{STDIN_FILENO, POLLIN, 0},
                                   pollfd{interrupt_fd(), POLLIN, 0}};
  while (true) {
    const int ready = ::poll(sources.data(), sources.size(), -1);
    if (ready < 0 && errno == EINTR) {
      continue;
    }
    return ready > 0 && sources[1].revents != 0 ? Wait::kInterrupted : Wait::kReadable;
  }
}

// One byte, or 0 at the end, or -1 with errno EINTR where a signal came.
ssize_t read_byte(char& byte) {
  if (wait_for_input() == Wait::kInterrupted) {
    errno = EINTR;
    return -1;
  }
  return ::read(STDIN_FILENO, &byte, 1);
}

// libedit's own reader would retry once after a signal.
int read_character(EditLine* /*editor*/, wchar_t* character) {
  std::mbstate_t state{};
  while (true) {
    char byte = 0;
    const ssize_t got = read_byte(byte);
    if (got <= 0) {
      return static_cast<int>(got);
    }
    const std::size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used != static_cast<std::size_t>(-2)) {
      if (used == static_cast<std::size_t>(-1)) {
        *character = L'?';
      }
      return 1;
    }
  }
}

struct EndEditLine {
  void operator()(EditLine* editor) const { el_end(editor); }
};
struct EndHistory {
  void operator()(History* history) const { history_end(history); }
};

void use_utf8_locale() {
  // libedit reads wide characters; only the class of characters is set, so numbers keep their dot.
  std::setlocale(LC_CTYPE, "");
  wchar_t probe = 0;
  std::mbstate_t state{};
  if (std::mbrtowc(&probe, "\xc3\xa9", 2, &state) != 2) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
}

}  // namespace

struct LineReader::Editor {
  std::unique_ptr<History, EndHistory> history;
  std::unique_ptr<EditLine, EndEditLine> line;
  std::string prompt;
};

namespace {

char* prompt_of(EditLine* editor) {
  void* data = nullptr;
  el_get(editor, EL_CLIENTDATA, &data);
  return static_cast<std::string*>(data)->data();
}

}  // namespace

LineReader::LineReader() {
  if (!describe_terminal(STDERR_FILENO).can_rewrite || ::isatty(STDIN_FILENO) != 1) {
    return;
  }
  use_utf8_locale();
  auto editor = std::make_unique<Editor>();
  editor->history.reset(history_init());
  editor->line.reset(el_init("minimax", stdin, stderr, stderr));
  if (editor->history == nullptr || editor->line == nullptr) {
    return;
  }
  HistEvent event{};
  history(editor->history.get(), &event, H_SETSIZE, kHistoryLines);
  history(editor->history.get(), &event, H_SETUNIQUE, 1);
  EditLine* line = editor->line.get();
  el_set(line, EL_CLIENTDATA, static_cast<void*>(&editor->prompt));
  el_set(line, EL_PROMPT, prompt_of);
  el_set(line, EL_EDITOR, "emacs");
  el_set(line, EL_SIGNAL, 0);
  el_set(line, EL_HIST, history, editor->history.get());
  el_set(line, EL_GETCFN, read_character);
  el_source(line, nullptr);  // the user's ~/.editrc
  editor_ = std::move(editor);
}

LineReader::~LineReader() = default;

LineReader::Event LineReader::read(const std::string& prompt, std::string& line,
                                   const std::string& initial) {
  if (editor_ == nullptr) {
    if (::isatty(STDIN_FILENO) == 1) {  // a terminal too plain for editing
      write_message(prompt);
    }
    return read_plain(line);
  }
  const TerminalGuard guard;
  editor_->prompt = prompt;
  if (!initial.empty()) {
    el_push(editor_->line.get(), initial.c_str());
  }
  // el_gets() shows the prompt first: a Ctrl-D that comes in between would be a NUL in raw mode.
  el_set(editor_->line.get(), EL_PREP_TERM, 1);
  int length = 0;
  errno = 0;
  const char* text = el_gets(editor_->line.get(), &length);
  if (text == nullptr || length <= 0) {
    write_message("\n");
    return length < 0 && errno == EINTR ? Event::kInterrupted : Event::kEnd;
  }
  line.assign(text, static_cast<std::size_t>(length));
  if (line.ends_with('\n')) {
    line.pop_back();
  }
  return Event::kLine;
}

LineReader::Event LineReader::read_plain(std::string& line) {
  std::size_t end = pending_.find('\n');
  while (end == std::string::npos && !at_end_) {
    if (wait_for_input() == Wait::kInterrupted) {
      return Event::kInterrupted;
    }
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno != EINTR) {
      throw Error(ErrorCode::kIo,
                  std::string("standard input: cannot read: ") + std::strerror(errno));
    }
    at_end_ = got == 0;
    pending_.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    end = pending_.find('\n');
  }
  if (end == std::string::npos && pending_.empty()) {
    return Event::kEnd;
  }
  line = pending_.substr(0, end);
  pending_.erase(0, end == std::string::npos ? end : end + 1);
  return Event::kLine;
}

void LineReader::remember(const std::string& text) {
  if (editor_ != nullptr && !text.empty()) {
    HistEvent event{};
    history(editor_->history.get(), &event, H_ENTER, text.c_str());
  }
}

namespace {

// Appends lines to `message` until one ends with the fence, which is left out.
LineReader::Event read_fenced(LineReader& reader, std::string& message) {
  message.erase(0, kFence.size());
  bool is_first = message.empty();  // nothing after the opening fence: no line of its own
  std::string line;
  while (!message.ends_with(kFence)) {
    const LineReader::Event event = reader.read(kMorePrompt, line);
    if (event != LineReader::Event::kLine) {
      return event;
    }
    message += (is_first ? "" : "\n") + line;
    is_first = false;
  }
  message.resize(message.size() - kFence.size());
  if (message.ends_with('\n')) {
    message.pop_back();
  }
  return LineReader::Event::kLine;
}

}  // namespace

LineReader::Event read_message(LineReader& reader, const std::string& prompt, std::string& message,
                               const std::string& initial) {
  LineReader::Event event = reader.read(prompt, message, initial);
  if (event != LineReader::Event::kLine) {
    return event;
  }
  if (message.starts_with(kFence)) {
    event = read_fenced(reader, message);
  } else {
    std::string line;
    while (event == LineReader::Event::kLine && message.ends_with('\\')) {
      message.pop_back();
      event = reader.read(kMorePrompt, line);
      message += "\n" + (event == LineReader::Event::kLine ? line : "");
    }
  }
  // What stands before the end of a file is a message too.
  return event == LineReader::Event::kEnd ? LineReader::Event::kLine : event;
}

}  // namespace minimax::apps
