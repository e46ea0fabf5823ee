// SPDX-License-Identifier: Apache-2.0
// minimax imatrix: what errors in the weights of a model count, measured on a text.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "convert/collect_importance.h"
#include "support/exit_code.h"
#include "support/model_options.h"
#include "support/progress.h"
#include "support/signals.h"
#include "support/terminal.h"
#include "support/text_input.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax imatrix ./my-model text.txt my-model.imatrix
  minimax quantize ./my-model ./out --format q4_k --imatrix my-model.imatrix

The text should be like what the model is going to read; some ten thousand tokens suffice.)";

class ImatrixCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command =
        program.add_subcommand("imatrix", "Measure which weights matter, for quantize");
    command->footer(kExamples);
    command->add_option("MODEL", model_.model, "Directory, GGUF file or org/name in the cache")
        ->required();
    command->add_option("TEXT", text_, "The text; -: standard input")->required();
    command->add_option("OUT", out_, "File to write")->required();
    command->add_option("--context", context_, "Tokens that are read together")
        ->type_name("N")
        ->check(whole_number(1, std::int64_t{1} << 30))
        ->capture_default_str();
    add_execution_options(*command, environment(), model_);
    return command;
  }

  int run() override {
    const std::filesystem::path directory = model_directory(model_);
    const std::vector<std::int32_t> tokens = load_tokenizer(directory).encode(read_text(text_));
    const InterruptScope scope;
    Progress progress("Reading the text");
    const convert::ImportanceMatrix matrix =
        convert::collect_importance(directory, tokens,
                                    {.load = to_load_options(model_),
                                     .context = context_,
                                     .on_progress = [&](std::int64_t done, std::int64_t total) {
                                       scope.check();
                                       progress.update(done, total);
                                     }});
    convert::write_importance(matrix, out_);
    progress.finish();
    report(matrix, std::ssize(tokens));
    return kExitSuccess;
  }

 private:
  void report(const convert::ImportanceMatrix& matrix, std::int64_t tokens) const {
    std::int64_t unseen = 0;
    for (const auto& [name, input] : matrix.inputs()) {
      unseen += input.rows == 0 ? 1 : 0;
    }
    write_output(fmt::format("{}: {} inputs, measured on {} tokens\n", out_, matrix.inputs().size(),
                             tokens));
    if (unseen > 0) {
      write_warning(fmt::format(
          "{} inputs were never seen, as no token chose their experts; their columns count all "
          "the same",
          unseen));
    }
  }

  ModelOptions model_;
  std::string text_;
  std::string out_;
  std::int64_t context_ = 512;
};

}  // namespace

std::unique_ptr<Command> make_imatrix_command() { return std::make_unique<ImatrixCommand>(); }

}  // namespace minimax::apps
