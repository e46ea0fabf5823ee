// SPDX-License-Identifier: Apache-2.0
#include "support/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/file.h"
#include "support/exit_code.h"
#include "support/help_formatter.h"
#include "support/suggest.h"
#include "support/terminal.h"

namespace minimax::apps {
namespace {

CLI::App* chosen_command(const CLI::App& program) {
  const std::vector<CLI::App*> chosen = program.get_subcommands();
  return chosen.empty() ? nullptr : chosen.front();
}

std::vector<std::string> command_names(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::string help_hint(const CLI::App* command) {
  return command == nullptr ? "see minimax --help"
                            : fmt::format("see minimax {} --help", command->get_name());
}

// The first argument that nothing takes, with what it may have been meant to be.
UsageError unexpected_argument(const CLI::App& program, const std::string& argument) {
  const CLI::App* command = chosen_command(program);
  std::vector<std::string> known;
  const char* kind = "argument";
  if (argument.starts_with('-')) {
    kind = "flag";
    known = flags_of(command == nullptr ? program : *command);
  } else if (command == nullptr) {
    kind = "command";
    known = command_names(program);
  }
  const std::string nearest = nearest_word(argument.substr(0, argument.find('=')), known);
  return UsageError(
      fmt::format("unknown {} {}", kind, base::printable(argument)),
      nearest.empty() ? help_hint(command) : fmt::format("did you mean {}?", nearest));
}

UsageError explain(const CLI::App& program, const CLI::ParseError& error) {
  const std::vector<std::string> unexpected = program.remaining(true);
  for (const std::string& argument : unexpected) {
    if (argument != "--") {
      return unexpected_argument(program, argument);
    }
  }
  return UsageError(error.what(), help_hint(chosen_command(program)));
}

}  // namespace

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      flags.push_back("--" + name);
    }
  }
  return flags;
}

int parse_and_run(CLI::App& program, const std::vector<std::unique_ptr<Command>>& commands,
                  int argc, const char* const* argv) {
  program.formatter(std::make_shared<HelpFormatter>());
  std::vector<CLI::App*> apps;
  apps.reserve(commands.size());
  for (const std::unique_ptr<Command>& command : commands) {
    apps.push_back(command->define(program));
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    write_output(program.help());
    return kExitSuccess;
  } catch (const CLI::CallForVersion& version) {
    write_output(std::string(version.what()) + "\n");
    return kExitSuccess;
  } catch (const CLI::ParseError& error) {
    throw explain(program, error);
  }
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (apps[i]->parsed()) {
      commands[i]->environment().apply();
      return commands[i]->run();
    }
  }
  write_message(program.help());
  return kExitUsage;
}

}  // namespace minimax::apps
