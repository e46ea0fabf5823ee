// SPDX-License-Identifier: Apache-2.0
// minimax inspect: what a model directory holds and what it would take. Reads the configuration
// and the headers of the weights, and the weights themselves only with --check.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "base/file.h"
#include "commands.h"
#include "cpu/processors.h"
#include "io/checkpoint_reader.h"
#include "support/exit_code.h"
#include "support/inspect_report.h"
#include "support/model_options.h"
#include "support/progress.h"
#include "support/signals.h"
#include "support/speed_estimate.h"
#include "support/terminal.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax inspect
  minimax inspect ./my-model --context 100000
  minimax inspect ./my-model --tensors
  minimax inspect ./my-model --check
  minimax inspect ./my-model --speed
  minimax inspect MiniMaxAI/MiniMax-Text-01-hf --json)";

constexpr std::int64_t kDefaultContext = 8192;

// A tensor of nothing but NaN, Inf, zeros or numbers next to zero cannot be meant.
bool is_suspect(const io::ValueCounts& counts) {
  return counts.nan + counts.infinite > 0 ||
         (counts.elements > 0 && counts.zero + counts.subnormal == counts.elements);
}

class InspectCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("inspect", "Show what a model is and needs");
    command->footer(kExamples);
    add_model_location(*command, environment(), model_);
    command->add_option("--context", context_, "Tokens to plan memory for")
        ->type_name("N")
        ->check(whole_number(1, std::int64_t{1} << 40));
    command->add_flag("--tensors", tensors_, "List all tensors");
    command->add_flag("--check", check_,
                      "Read all weights; NaN, Inf and tensors of zeros end with exit code 3");
    command->add_flag("--speed", speed_,
                      "Measure this machine and say what it can hold and how fast it can be");
    command->add_flag("--json", json_, "Print one JSON object");
    add_execution_options(*command, environment(), model_);
    return command;
  }

  int run() override;

 private:
  Inspection inspect() const;
  std::vector<SuspectTensor> check_values(const io::Checkpoint& checkpoint) const;
  SpeedReport measure_speed(const Inspection& inspection) const;
  void print(const Inspection& inspection, const std::vector<SuspectTensor>& suspects) const;

  ModelOptions model_;
  std::int64_t context_ = 0;
  bool tensors_ = false;
  bool check_ = false;
  bool speed_ = false;
  bool json_ = false;
};

Inspection InspectCommand::inspect() const {
  Inspection inspection;
  inspection.directory = model_directory(model_);
  model::ModelSource source = model::open_model(inspection.directory, to_load_options(model_));
  inspection.measure = model::measure_model(source, to_load_options(model_));
  inspection.config = std::move(source.config);
  inspection.checkpoint = std::move(source.checkpoint);
  const std::int64_t context =
      context_ > 0 ? context_
                   : std::min(kDefaultContext, inspection.config.max_position_embeddings);
  inspection.memory =
      plan_memory(inspection.config, inspection.measure, context, to_load_options(model_).device);
  return inspection;
}

std::vector<SuspectTensor> InspectCommand::check_values(const io::Checkpoint& checkpoint) const {
  std::int64_t total = 0;
  for (const io::TensorEntry& entry : checkpoint.tensors) {
    total += entry.bytes;
  }
  const InterruptScope scope;
  const io::CheckpointReader reader(checkpoint);
  Progress progress("Checking weights");
  std::vector<SuspectTensor> suspects;
  std::int64_t done = 0;
  for (const io::TensorEntry& entry : checkpoint.tensors) {
    scope.check();
    progress.update(done, total);
    const io::ValueCounts counts = io::count_values(reader, entry);
    if (is_suspect(counts)) {
      suspects.push_back({entry.name, counts});
    }
    done += entry.bytes;
  }
  return suspects;
}

SpeedReport InspectCommand::measure_speed(const Inspection& inspection) const {
  const LoadOptions options = to_load_options(model_);
  const int threads = options.threads > 0 ? options.threads : cpu::available_processors();
  const MemoryPlan& memory = inspection.memory;
  SpeedReport report{
      .machine = measure_roof(threads, options.isa, inspection.checkpoint.files.front().path),
      .expectations = {}};
  for (const SizedModel& model : sized_models(inspection.config, inspection.measure)) {
    report.expectations.push_back(expect_speed(model, report.machine, memory.context_tokens,
                                               memory.total() - memory.weights));
  }
  return report;
}

void InspectCommand::print(const Inspection& inspection,
                           const std::vector<SuspectTensor>& suspects) const {
  if (json_) {
    base::Json json = to_json(inspection);
    if (tensors_) {
      json.object().emplace_back("tensors", tensors_json(inspection.checkpoint));
    }
    if (check_) {
      json.object().emplace_back("suspect_tensors", suspects_json(suspects));
    }
    if (speed_) {
      json.object().emplace_back("speed", to_json(measure_speed(inspection)));
    }
    write_output(base::write_json(json, base::JsonStyle::kIndented) + "\n");
    return;
  }
  write_output(to_text(inspection));
  if (tensors_) {
    write_output("\n" + tensor_table(inspection.checkpoint));
  }
  if (check_ && suspects.empty()) {
    write_output(fmt::format("\nAll {} tensors hold finite values that are not all zero.\n",
                             inspection.checkpoint.tensors.size()));
  }
  if (speed_) {
    write_output("\n" + to_text(measure_speed(inspection)));
  }
}

int InspectCommand::run() {
  const Inspection inspection = inspect();
  for (const std::string& warning : inspection.config.warnings) {
    write_warning(warning);
  }
  for (const std::string& warning : inspection.checkpoint.warnings) {
    write_warning(warning);
  }
  const std::vector<SuspectTensor> suspects =
      check_ ? check_values(inspection.checkpoint) : std::vector<SuspectTensor>();
  print(inspection, suspects);
  for (const SuspectTensor& suspect : suspects) {
    write_warning(fmt::format("{}: of {} values {} are NaN, {} infinite, {} zero, {} subnormal",
                              suspect.name, suspect.counts.elements, suspect.counts.nan,
                              suspect.counts.infinite, suspect.counts.zero,
                              suspect.counts.subnormal));
  }
  return suspects.empty() ? kExitSuccess : kExitBadFile;
}

}  // namespace

std::unique_ptr<Command> make_inspect_command() { return std::make_unique<InspectCommand>(); }

}  // namespace minimax::apps
