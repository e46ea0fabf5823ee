// SPDX-License-Identifier: Apache-2.0
// Lines that a user types: edited with libedit on a terminal, plain lines from a file or pipe.
#pragma once

#include <memory>
#include <string>

namespace minimax::apps {

class LineReader {
 public:
  enum class Event { kLine, kEnd, kInterrupted };

  LineReader();
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// True where lines are edited on a terminal, so that prompts and hints make sense.
  bool interactive() const { return editor_ != nullptr; }

  /// Reads one line without its end. `prompt` is shown on a terminal only, and `initial` is put
  /// into the line to be edited. kEnd: Ctrl-D or the end of the file. kInterrupted: a signal came.
  /// Requires: an InterruptScope is alive.
  Event read(const std::string& prompt, std::string& line, const std::string& initial = "");

  /// Makes a text reachable with the arrow keys.
  void remember(const std::string& text);

 private:
  struct Editor;

  Event read_plain(std::string& line);

  std::unique_ptr<Editor> editor_;
  std::string pending_;  // read but not yet returned
  bool at_end_ = false;
};

/// Reads lines until a message is whole: a trailing backslash continues it on the next line, and a
/// line that starts with """ opens a text that ends with """.
LineReader::Event read_message(LineReader& reader, const std::string& prompt, std::string& message,
                               const std::string& initial = "");

}  // namespace minimax::apps
