// SPDX-License-Identifier: Apache-2.0
// minimax convert: a model as a GGUF file for llama.cpp.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "commands.h"
#include "convert/gguf_export.h"
#include "cpu/processors.h"
#include "support/exit_code.h"
#include "support/model_options.h"
#include "support/progress.h"
#include "support/quantize_report.h"
#include "support/signals.h"
#include "support/terminal.h"
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
  convert::GgufExportResult convert_model() const;

  ModelOptions model_;
  std::string out_;
  std::string type_;
  std::vector<std::string> keep_;
  std::string imatrix_;
  bool overwrite_ = false;
  bool no_tokenizer_ = false;
  bool requantize_ = false;
  bool json_ = false;
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
  command->add_option("MODEL", model_.model, "Directory, GGUF file or org/name in the cache")
      ->required();
  command->add_option("OUT", out_, "File to write")->required();
  command->add_option("--type", type_, "Type of all matrices; default: as they are stored")
      ->type_name("TYPE")
      ->check(one_of(gguf_types()));
  command
      ->add_option("--keep", keep_, "Another type, or \"stored\", for tensors that match PATTERN")
      ->type_name("PATTERN=TYPE");
  command->add_option("--imatrix", imatrix_, "What errors count, from minimax imatrix")
      ->type_name("FILE");
  command->add_flag("--overwrite", overwrite_, "Replace OUT where it exists");
  command->add_flag("--no-tokenizer", no_tokenizer_, "Write the weights without a tokenizer");
  command->add_flag("--requantize", requantize_, "Accept a model that is quantized already");
  command->add_flag("--json", json_, "Print one JSON object");
  environment().bind(
      command->add_option("--threads", model_.threads, "Threads; 0: one per processor")
          ->type_name("N")
          ->check(whole_number(0, 4095)));
  return command;
}

convert::GgufExportResult ConvertCommand::convert_model() const {
  convert::GgufExportOptions options;
  if (!type_.empty()) {
    options.plan.format = parse_format(type_);
  }
  options.plan.keep = parse_keep_rules(keep_);
  options.plan.requantize = requantize_;
  convert::ImportanceMatrix importance;
  if (!imatrix_.empty()) {
    importance = convert::read_importance(imatrix_);
    options.importance = &importance;
  }
  options.existing = overwrite_ ? convert::ExistingFile::kReplace : convert::ExistingFile::kRefuse;
  options.tokenizer =
      no_tokenizer_ ? convert::TokenizerUse::kLeaveOut : convert::TokenizerUse::kWrite;
  options.threads = model_.threads > 0 ? model_.threads : cpu::available_processors();
  const InterruptScope scope;
  Progress progress("Converting");
  options.on_progress = [&](std::int64_t done, std::int64_t total) {
    scope.check();
    progress.update(done, total);
  };
  return convert::export_gguf(model_directory(model_), out_, options);
}

int ConvertCommand::run() {
  const convert::GgufExportResult result = convert_model();
  show_warnings(result.warnings);
  if (json_) {
    const base::Json json = base::JsonObject{
        {"file", out_}, {"tensors", result.tensors}, {"weight_bytes", result.bytes}};
    write_output(base::write_json(json, base::JsonStyle::kIndented) + "\n");
  } else {
    write_output(fmt::format("{}: {} tensors, {}\n", base::printable(out_), result.tensors,
                             base::format_bytes(result.bytes)));
  }
  return kExitSuccess;
}

}  // namespace

std::unique_ptr<Command> make_convert_command() { return std::make_unique<ConvertCommand>(); }

}  // namespace minimax::apps
