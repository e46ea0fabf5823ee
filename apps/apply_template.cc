// SPDX-License-Identifier: Apache-2.0
// minimax apply-template: shows what a conversation looks like to the model.
#include <CLI/CLI.hpp>

#include "base/json.h"
#include "commands.h"
#include "support/conversation_file.h"
#include "support/exit_code.h"
#include "support/model_options.h"
#include "support/terminal.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax apply-template --messages conversation.json
  echo '[{"role": "user", "content": "Hello"}]' | minimax apply-template --messages -
  minimax apply-template ./my-model --messages conversation.json --tools tools.json
  minimax apply-template --messages conversation.json --json --no-generation-prompt

The rendered text is printed as it is, without a line end of its own. --json prints
{"text", "ids"}: text of the conversation that spells a special token stays text in the ids.)";

class ApplyTemplateCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command =
        program.add_subcommand("apply-template", "Put a conversation through the chat template");
    command->footer(kExamples);
    add_model_location(*command, environment(), model_);
    command
        ->add_option("--messages", messages_file_,
                     "JSON array of {role, content}; -: standard "
                     "input")
        ->type_name("FILE")
        ->required();
    command->add_option("--tools", tools_file_, "JSON array of tool descriptions")
        ->type_name("FILE");
    command->add_flag("--no-generation-prompt", no_generation_prompt_,
                      "Leave out the words that open the reply");
    command->add_flag("--json", json_, "Print one JSON object");
    return command;
  }

  int run() override {
    const Tokenizer tokenizer = load_tokenizer(model_directory(model_));
    const ConversationFile file = read_conversation(messages_file_, tools_file_);
    Tokenizer::ChatTemplateOptions options;
    options.add_generation_prompt = !no_generation_prompt_;
    const std::string text = render(tokenizer, file, options);
    if (!json_) {
      write_model_text(text);
      return kExitSuccess;
    }
    base::JsonArray ids;
    for (const std::int32_t id : encode(tokenizer, file, options)) {
      ids.emplace_back(id);
    }
    write_output(base::write_json(base::JsonObject{{"text", text}, {"ids", std::move(ids)}}) +
                 "\n");
    return kExitSuccess;
  }

 private:
  ModelOptions model_;
  std::string messages_file_;
  std::string tools_file_;
  bool no_generation_prompt_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_apply_template_command() {
  return std::make_unique<ApplyTemplateCommand>();
}

}  // namespace minimax::apps
