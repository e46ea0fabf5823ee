// SPDX-License-Identifier: Apache-2.0
// The program `minimax`: finds the sub-command, runs it, and turns every failure into a message
// and an exit code.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <new>
#include <system_error>
#include <vector>

#include "base/file.h"
#include "commands.h"
#include "minimax/version.h"
#include "support/command_line.h"
#include "support/exit_code.h"
#include "support/signals.h"
#include "support/terminal.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax chat
  minimax generate --prompt "Once upon a time" --max-new-tokens 64
  minimax inspect ./my-model --context 100000
  minimax COMMAND --help

MODEL is a directory, or org/name in the local Hugging Face cache; without one, the small
demonstration model is used. Flags win over the environment variables named in the help.
Exit codes: 0 success, 1 defect of this program, 2 usage, 3 bad model or data file,
4 not enough memory or no such device, 5 reading or writing failed, 130 Ctrl-C, 143 SIGTERM.)";

int report(int exit_code, std::string_view message, std::string_view hint = "") {
  const Terminal terminal = describe_terminal(2);
  write_message(fmt::format("minimax: {} {}\n", styled(terminal, Style::kRed, "error:"),
                            base::printable(message, 4000)));
  if (!hint.empty()) {
    write_message(fmt::format("minimax: {}\n", base::printable(hint, 4000)));
  }
  return exit_code;
}

int run_command(int argc, char** argv) {
  CLI::App program("Runs MiniMax language models.", "minimax");
  program.footer(kExamples);
  program.set_version_flag("--version", fmt::format("minimax {}", kVersion));
  program.require_subcommand(0, 1);
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_chat_command());
  commands.push_back(make_generate_command());
  commands.push_back(make_serve_command());
  commands.push_back(make_classify_command());
  commands.push_back(make_tag_command());
  commands.push_back(make_answer_command());
  commands.push_back(make_tokenize_command());
  commands.push_back(make_detokenize_command());
  commands.push_back(make_apply_template_command());
  commands.push_back(make_inspect_command());
  commands.push_back(make_logits_command());
  commands.push_back(make_perplexity_command());
  commands.push_back(make_quantize_command());
  commands.push_back(make_convert_command());
  commands.push_back(make_verify_command());
  commands.push_back(make_imatrix_command());
  commands.push_back(make_bench_command());
  commands.push_back(make_completion_command(program));
  return parse_and_run(program, commands, argc, argv);
}

int run_program(int argc, char** argv) {
  try {
    open_missing_standard_streams();
    install_signal_handlers();
    return run_command(argc, argv);
  } catch (const OutputClosed&) {
    return kExitSuccess;
  } catch (const UsageError& error) {
    return report(kExitUsage, error.what(), error.hint());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled && last_signal() != 0) {
      return kExitSignal + last_signal();
    }
    return report(exit_code_of(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return report(kExitResources, "out of memory");
  } catch (const std::system_error& error) {
    // A thread that could not be started, or a file system that refused.
    const bool lacks_resources = error.code() == std::errc::resource_unavailable_try_again ||
                                 error.code() == std::errc::not_enough_memory;
    return report(lacks_resources ? kExitResources : kExitIo, error.what());
  } catch (const std::exception& error) {
    return report(kExitInternal, fmt::format("internal error: {}", error.what()));
  }
}

}  // namespace
}  // namespace minimax::apps

int main(int argc, char** argv) { return minimax::apps::run_program(argc, argv); }
