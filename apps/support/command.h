// SPDX-License-Identifier: Apache-2.0
// A sub-command of the program: its options and what it does. The list of all of them is in
// commands.h.
#pragma once

#include <memory>

#include "support/cli11_fwd.h"
#include "support/environment.h"

namespace minimax::apps {

/// The values of the options live in the object, so it must outlive the parsing.
class Command {
 public:
  Command() = default;
  virtual ~Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  /// Adds the sub-command with its options to `program`.
  virtual CLI::App* define(CLI::App& program) = 0;
  /// Does the work once the options are parsed. Returns the exit code.
  virtual int run() = 0;

  Environment& environment() { return environment_; }

 private:
  Environment environment_;
};

}  // namespace minimax::apps
