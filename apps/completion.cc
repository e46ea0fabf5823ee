// SPDX-License-Identifier: Apache-2.0
// minimax completion: prints a script that lets a shell complete sub-commands and flags. It is
// written from the option table, so it knows what the program knows.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "support/command_line.h"
#include "support/exit_code.h"
#include "support/terminal.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax completion bash > /etc/bash_completion.d/minimax
  minimax completion zsh > "${fpath[1]}/_minimax"
  minimax completion fish > ~/.config/fish/completions/minimax.fish)";

std::vector<const CLI::App*> commands_of(const CLI::App& program) {
  return program.get_subcommands([](const CLI::App*) { return true; });
}

std::string names_of(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands_of(program)) {
    names.push_back(command->get_name());
  }
  return fmt::format("{}", fmt::join(names, " "));
}

std::string bash_script(const CLI::App& program) {
  std::string cases;
  for (const CLI::App* command : commands_of(program)) {
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(),
                         fmt::join(flags_of(*command), " "));
  }
  return fmt::format(R"(_minimax() {{
  local words="{} --help --version"
  case "${{COMP_WORDS[1]}}" in
{}  esac
  if (( COMP_CWORD == 1 )); then
    words="{} --help --version"
  fi
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
  if (( COMP_CWORD > 1 )) && [[ ${{COMP_WORDS[COMP_CWORD]}} != -* ]]; then
    COMPREPLY=($(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}"))
  fi
}}
complete -o filenames -F _minimax minimax
)",
                     names_of(program), cases, names_of(program));
}

// zsh runs the bash function through its own compatibility layer.
std::string zsh_script(const CLI::App& program) {
  return "#compdef minimax\nautoload -U +X bashcompinit && bashcompinit\n" + bash_script(program);
}

std::string fish_script(const CLI::App& program) {
  std::string script;
  for (const CLI::App* command : commands_of(program)) {
    script += fmt::format("complete -c minimax -n __fish_use_subcommand -a {} -d '{}'\n",
                          command->get_name(), command->get_description());
    for (const std::string& flag : flags_of(*command)) {
      script += fmt::format("complete -c minimax -n '__fish_seen_subcommand_from {}' -l {}\n",
                            command->get_name(), flag.substr(2));
    }
  }
  return script;
}

class CompletionCommand : public Command {
 public:
  explicit CompletionCommand(const CLI::App& program) : program_(program) {}

  CLI::App* define(CLI::App& program) override {
    CLI::App* command =
        program.add_subcommand("completion", "Print a completion script for a shell");
    command->footer(kExamples);
    command->add_option("SHELL", shell_, "bash, zsh or fish")
        ->check(one_of({"bash", "zsh", "fish"}))
        ->required();
    return command;
  }

  int run() override {
    if (shell_ == "bash") {
      write_output(bash_script(program_));
    } else if (shell_ == "zsh") {
      write_output(zsh_script(program_));
    } else {
      write_output(fish_script(program_));
    }
    return kExitSuccess;
  }

 private:
  const CLI::App& program_;
  std::string shell_;
};

}  // namespace

std::unique_ptr<Command> make_completion_command(const CLI::App& program) {
  return std::make_unique<CompletionCommand>(program);
}

}  // namespace minimax::apps
