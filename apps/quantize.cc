// SPDX-License-Identifier: Apache-2.0
// minimax quantize: a model in fewer bits.
#include "convert/quantize.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "commands.h"
#include "convert/bit_budget.h"
#include "support/encoding_options.h"
#include "support/exit_code.h"
#include "support/progress.h"
#include "support/quantize_report.h"
#include "support/signals.h"
#include "support/terminal.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax quantize ./my-model ./my-model-int4 --format int4_g32
  minimax quantize ./my-model ./out --format q4_k --keep "*.w2.weight=q6_k" --keep "lm_head.*=q6_k"
  minimax quantize ./my-model ./out --format int4_g32 --dry-run
  minimax quantize ./my-model ./out --format int4_g32 --resume
  minimax quantize ./my-model ./out --format nf4 --layout bitsandbytes
  minimax quantize my-model.gguf my-model-q4_0.gguf --format q4_0 --keep "lm_head.*=q6_k"

Embeddings, the language head, routers and norms stay as they are stored, unless --keep says
otherwise. OUT appears when everything is written; until then there is OUT.partial.
A GGUF file as OUT is what minimax convert --type FORMAT writes: all matrices in that format.
The layout bitsandbytes is what transformers loads, with experts as they are stored;
bitsandbytes-full has the experts in 4 or 8 bits too (formats nf4, fp4, int8_f32).)";

class QuantizeCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override;
  int run() override;

 private:
  convert::PlanOptions plan_options() const;
  void fit_to_bits(const io::Checkpoint& checkpoint, convert::QuantizePlan& plan) const;
  int write_gguf_file() const;
  convert::Layout layout() const {
    return layout_ == "blocks" ? convert::Layout::kBlocks : convert::Layout::kBitsandbytes;
  }
  convert::DoubleQuant double_quant() const {
    return no_double_quant_ ? convert::DoubleQuant::kOff : convert::DoubleQuant::kOn;
  }
  convert::QuantizeResult quantize(const convert::QuantizeSource& model,
                                   const convert::QuantizePlan& plan) const;

  EncodingOptions options_;
  std::string format_ = "int4_g32";
  double target_bits_ = 0;
  std::string layout_ = "blocks";
  bool no_double_quant_ = false;
  convert::ImportanceMatrix importance_;
  std::int64_t shard_mib_ = 1024;
  bool dry_run_ = false;
  bool resume_ = false;
};

CLI::App* QuantizeCommand::define(CLI::App& program) {
  CLI::App* command = program.add_subcommand("quantize", "Write a model in fewer bits");
  command->footer(kExamples);
  add_encoding_options(*command, environment(), "Folder to make, or FILE.gguf", options_);
  CLI::Option* format =
      command->add_option("--format", format_, "Format of projections and experts")
          ->type_name("FORMAT")
          ->check(one_of(format_names()))
          ->capture_default_str();
  command
      ->add_option("--target-bits", target_bits_, "Choose formats for so many bits per parameter")
      ->type_name("B")
      ->check(number(1, 32))
      ->excludes(format);
  command->add_option("--layout", layout_, "How the weights lie in the files; see the examples")
      ->type_name("LAYOUT")
      ->check(one_of({"blocks", "bitsandbytes", "bitsandbytes-full"}))
      ->capture_default_str();
  command->add_flag("--no-double-quant", no_double_quant_,
                    "With the layouts of bitsandbytes: float32 scales");
  command->add_option("--shard-size", shard_mib_, "Largest file")
      ->type_name("MIB")
      ->check(whole_number(1, std::int64_t{1} << 24));
  command->add_flag("--dry-run", dry_run_, "Only show what every tensor would become");
  command->add_flag("--resume", resume_, "Go on where an interrupted run stopped");
  return command;
}

convert::PlanOptions QuantizeCommand::plan_options() const {
  convert::PlanOptions options{.format = parse_format(format_),
                               .keep = parse_keep_rules(options_.keep),
                               .blocks_span_rows = layout_ != "blocks",
                               .requantize = options_.requantize};
  if (layout_ == "bitsandbytes") {
    // transformers keeps experts in tensors that bitsandbytes leaves alone.
    options.keep.insert(options.keep.begin(), {"*.experts.*", std::nullopt});
  }
  return options;
}

void QuantizeCommand::fit_to_bits(const io::Checkpoint& checkpoint,
                                  convert::QuantizePlan& plan) const {
  if (layout_ != "blocks") {
    throw UsageError("--target-bits: expected the layout blocks, found " + layout_);
  }
  const io::CheckpointReader reader(checkpoint);
  cpu::ThreadPool pool(encoding_threads(options_));
  const InterruptScope scope;
  Progress progress("Measuring formats");
  convert::fit_to_bits(reader,
                       {.bits_per_element = target_bits_,
                        .importance = importance_.empty() ? nullptr : &importance_,
                        .on_progress =
                            [&](std::int64_t done, std::int64_t total) {
                              scope.check();
                              progress.update(done, total);
                            }},
                       pool, plan);
}

int QuantizeCommand::write_gguf_file() const {
  if (resume_ || dry_run_ || target_bits_ > 0 || layout_ != "blocks") {
    throw UsageError("a GGUF file is written in one go, from --format, --keep and --imatrix only",
                     "without .gguf, OUT is a folder");
  }
  convert::GgufExportOptions gguf;
  gguf.plan.format = parse_format(format_);
  return write_gguf(options_, std::move(gguf));
}

convert::QuantizeResult QuantizeCommand::quantize(const convert::QuantizeSource& model,
                                                  const convert::QuantizePlan& plan) const {
  const InterruptScope scope;
  Progress progress("Quantizing");
  return convert::quantize(
      model, plan, options_.out,
      {.layout = layout(),
       .double_quant = double_quant(),
       .importance = importance_.empty() ? nullptr : &importance_,
       .unfinished = resume_ ? convert::Unfinished::kResume : convert::Unfinished::kRefuse,
       .threads = encoding_threads(options_),
       .max_file_bytes = shard_mib_ << 20,
       .on_progress = [&](std::int64_t done, std::int64_t total) {
         scope.check();
         progress.update(done, total);
       }});
}

int QuantizeCommand::run() {
  if (std::filesystem::path(options_.out).extension() == ".gguf") {
    return write_gguf_file();
  }
  importance_ = read_importance(options_);
  const convert::QuantizeSource model =
      convert::open_quantize_source(model_directory(options_.model));
  show_warnings(model.warnings);
  convert::QuantizePlan plan =
      convert::plan_quantization(model.checkpoint, model.config, plan_options());
  if (target_bits_ > 0) {
    fit_to_bits(model.checkpoint, plan);
  }
  if (layout_ == "bitsandbytes") {
    convert::unify_types(plan);
  }
  if (dry_run_) {
    const std::vector<std::int64_t> bytes = convert::output_bytes(plan, layout(), double_quant());
    write_output(options_.json ? plan_json(plan, bytes) : plan_text(plan, bytes));
    return kExitSuccess;
  }
  const convert::QuantizeResult result = quantize(model, plan);
  write_output(options_.json ? result_json(plan, result) : result_text(options_.out, plan, result));
  return kExitSuccess;
}

}  // namespace

std::unique_ptr<Command> make_quantize_command() { return std::make_unique<QuantizeCommand>(); }

}  // namespace minimax::apps
