// SPDX-License-Identifier: Apache-2.0
// Standard output and error: what the terminal at their end can do, and writing to them.
// Results go to standard output, everything else to standard error.
#pragma once

#include <string>
#include <string_view>

namespace minimax::apps {

struct Terminal {
  bool interactive = false;  // a terminal, not a file or pipe
  bool colour = false;       // and one that shows colours, and NO_COLOR is not set
  bool can_rewrite = false;  // and one that understands carriage returns and clearing a line
  int columns = 80;
};

/// The terminal behind STDOUT_FILENO or STDERR_FILENO, as it is now.
Terminal describe_terminal(int fd);

enum class Style { kBold, kDim, kRed, kYellow };

/// `text` in that style, or as it is where the terminal shows no colour.
std::string styled(const Terminal& terminal, Style style, std::string_view text);

/// Opens /dev/null in place of standard streams that the caller closed, so that no file of ours
/// gets their number. Writing to a closed standard output stays an error.
void open_missing_standard_streams();

/// Writes a result to standard output.
/// Throws: OutputClosed where the reader went away, Error{kIo} for other failures.
void write_output(std::string_view text);

/// As write_output for text that a model wrote: control characters are left out where standard
/// output is a terminal, so that no text can reprogram it.
void write_model_text(std::string_view text);

/// `text` (UTF-8) without control characters other than line ends and tabulators.
std::string without_controls(std::string_view text);

/// Writes a message to standard error; failures are ignored, as there is nowhere to report them.
void write_message(std::string_view text);

/// "minimax: warning: ..." on standard error, with control characters escaped.
void write_warning(std::string_view text);

}  // namespace minimax::apps
