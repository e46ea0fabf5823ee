// SPDX-License-Identifier: Apache-2.0
// From arguments to the sub-command that runs, with helpful messages for what cannot be read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/cli11_fwd.h"
#include "support/command.h"

namespace minimax::apps {

/// Defines all commands, parses the arguments, applies environment variables and runs the chosen
/// command. --help and --version print to standard output. Returns the exit code.
/// Throws: UsageError, and what the command throws.
int parse_and_run(CLI::App& program, const std::vector<std::unique_ptr<Command>>& commands,
                  int argc, const char* const* argv);

/// The long flags of a command, with their dashes.
std::vector<std::string> flags_of(const CLI::App& command);

}  // namespace minimax::apps
