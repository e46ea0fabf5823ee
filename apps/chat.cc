// SPDX-License-Identifier: Apache-2.0
// minimax chat: a conversation on the terminal, or one question with --once.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "commands.h"
#include "support/chat_loop.h"
#include "support/model_options.h"
#include "support/terminal.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax chat --load examples/mayonnaise.json \
    --once "Do you have mayonnaise recipes?"
  minimax chat
  minimax chat --once "What is the capital of France?"
  minimax chat ./my-model --system "Answer in one sentence." --temperature 0
  minimax chat MiniMaxAI/MiniMax-Text-01-hf --verbose
  printf 'Hello.\nTell me a story.\n' | minimax chat

In the chat, /help lists the commands. A line that ends with \ goes on in the next
one; a text in """ may have many lines. Ctrl-C stops a reply, twice it leaves.)";

class ChatCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("chat", "Talk with a model");
    command->footer(kExamples);
    add_model_location(*command, environment(), model_);
    command->add_option("--once", question_, "Answer this question and leave")->type_name("TEXT");
    command->add_option("--system", settings_.system, "System message")->type_name("TEXT");
    command->add_option("--load", conversation_, "Continue the conversation in this JSON file")
        ->type_name("FILE");
    command->add_flag("--verbose", settings_.verbose, "Show tokens/s after every reply");
    add_sampling_options(*command, environment(), settings_.sampling);
    add_execution_options(*command, environment(), model_);
    return command;
  }

  int run() override {
    const std::filesystem::path directory = model_directory(model_);
    const Tokenizer tokenizer = load_tokenizer(directory);
    MiniMaxForCausalLM model = load_model(directory, model_);
    ChatLoop loop(model, tokenizer, settings_);
    if (!conversation_.empty()) {
      loop.load(conversation_);
      if (!settings_.system.empty()) {
        loop.set_system(settings_.system);
      }
    }
    if (question_) {
      return loop.answer(*question_);
    }
    if (::isatty(STDIN_FILENO) == 1) {
      write_message(
          fmt::format("{}: {:.1f} million parameters on {} threads. /help lists the "
                      "commands.\n",
                      directory.filename().string(),
                      static_cast<double>(model.size().total_parameters) / 1e6, model.threads()));
    }
    return loop.run();
  }

 private:
  ModelOptions model_;
  ChatSettings settings_;
  std::optional<std::string> question_;
  std::string conversation_;
};

}  // namespace

std::unique_ptr<Command> make_chat_command() { return std::make_unique<ChatCommand>(); }

}  // namespace minimax::apps
