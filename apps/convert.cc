// SPDX-License-Identifier: Apache-2.0
// minimax convert: a model as a GGUF file for llama.cpp.
#include <CLI/CLI.hpp>
#include <utility>

#include "commands.h"
#include "support/encoding_options.h"
#include "support/quantize_report.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax convert ./my-model my-model.gguf
  minimax convert ./my-model my-model-q4_0.gguf --type q4_0 --keep "lm_head.*=q8_0"
  minimax convert ./my-model my-model.gguf --type f16 --overwrite

Norms and routers are written as f32, everything else in --type, or as it is stored. Rows that do
not divide into the blocks of a type get another one, as with llama.cpp. OUT appears when everything
is written.)";

class ConvertCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override;
  int run() override;

 private:
  EncodingOptions options_;
  std::string type_;
  bool overwrite_ = false;
  bool no_tokenizer_ = false;
};

std::vector<std::string> gguf_types() {
  std::vector<std::string> names;
  for (const quant::FormatInfo& format : quant::formats()) {
    if (format.gguf_id) {
      names.emplace_back(format.name);
    }
  }
  return names;
}

CLI::App* ConvertCommand::define(CLI::App& program) {
  CLI::App* command = program.add_subcommand("convert", "Write a model as GGUF for llama.cpp");
  command->footer(kExamples);
  add_encoding_options(*command, environment(), "File to write", options_);
  command->add_option("--type", type_, "Type of all matrices; default: as they are stored")
      ->type_name("TYPE")
      ->check(one_of(gguf_types()));
  command->add_flag("--overwrite", overwrite_, "Replace OUT where it exists");
  command->add_flag("--no-tokenizer", no_tokenizer_, "Write the weights without a tokenizer");
  return command;
}

int ConvertCommand::run() {
  convert::GgufExportOptions gguf;
  if (!type_.empty()) {
    gguf.plan.format = parse_format(type_);
  }
  gguf.existing = overwrite_ ? convert::ExistingFile::kReplace : convert::ExistingFile::kRefuse;
  gguf.tokenizer = no_tokenizer_ ? convert::TokenizerUse::kLeaveOut : convert::TokenizerUse::kWrite;
  return write_gguf(options_, std::move(gguf));
}

}  // namespace

std::unique_ptr<Command> make_convert_command() { return std::make_unique<ConvertCommand>(); }

}  // namespace minimax::apps
