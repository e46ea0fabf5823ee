// SPDX-License-Identifier: Apache-2.0
// minimax bench: how fast a model reads prompts and generates, beside what the machine can do.
// Needs no tokenizer.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "commands.h"
#include "cpu/processors.h"
#include "engine/pretrained_model.h"
#include "support/bench_load.h"
#include "support/bench_machine.h"
#include "support/bench_report.h"
#include "support/bench_run.h"
#include "support/bench_serve.h"
#include "support/exit_code.h"
#include "support/model_options.h"
#include "support/progress.h"
#include "support/signals.h"
#include "support/synthetic.h"
#include "support/terminal.h"
#include "support/validators.h"
#include "support/work_estimate.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax bench
  minimax bench ./my-model --prompt-tokens 512 --generate-tokens 64 --depth 0,4096 --threads 8
  minimax bench ./my-model --json > result.json
  minimax bench ./my-model --prompt-tokens 0 --batch 1,8
  minimax bench --synthetic text-01 --layers 40 --format int4_g64 --device cuda --batch 1,8,64
  minimax bench --machine only
  minimax bench ./my-model --device cuda --load
  minimax bench serve --clients 16

pp512 reads 512 tokens from an empty state; tg@512 generates after 512 tokens, tg@512x8 with eight
sequences at once. tokens/s is the median of the repetitions. GB/s counts weights and state that
have to be moved, GFLOP/s the arithmetic of the model; both are compared with what the machine did
right before and after the test. For several sequences the experts that they chose are counted.
Models with random weights (--synthetic) get their depth from random states, at once.)";

constexpr std::int64_t kMaxTokens = std::int64_t{1} << 26;
// The most memory that the process ever held.
std::int64_t peak_memory_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

// What the projections of the model are multiplied in.
PeakType arithmetic_of(const MiniMaxForCausalLM& model) {
  if (model.dtype() != ComputeType::kBFloat16) {
    return PeakType::kFloat32;
  }
  const bool is_quantized = 2 * model.size().quantized_parameters > model.size().total_parameters;
  return is_quantized ? PeakType::kInt8 : PeakType::kBFloat16;
}

class BenchCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("bench", "Measure the speed of a model");
    command->footer(kExamples);
    add_model_location(*command, environment(), model_);
    command->add_option("--prompt-tokens", prompt_tokens_, "Lengths of prompts; 0: none")
        ->delimiter(',')
        ->type_name("N,...")
        ->check(whole_number(0, kMaxTokens))
        ->capture_default_str();
    command->add_option("--generate-tokens", generate_tokens_, "Tokens to generate; 0: none")
        ->type_name("N")
        ->check(whole_number(0, kMaxTokens))
        ->capture_default_str();
    command->add_option("--depth", depths_, "Tokens in the state before generating")
        ->delimiter(',')
        ->type_name("N,...")
        ->check(whole_number(0, kMaxTokens))
        ->capture_default_str();
    command->add_option("--batch", batches_, "Sequences that generate together")
        ->delimiter(',')
        ->type_name("N,...")
        ->check(whole_number(1, 4096))
        ->capture_default_str();
    command->add_option("--repetitions", repetitions_, "Runs of each test after one to warm up")
        ->type_name("N")
        ->check(whole_number(1, 1000))
        ->capture_default_str();
    command
        ->add_option("--machine", machine_,
                     "Measure what the machine can do around every test, not at all (and with no "
                     "memory taken for it), or nothing else")
        ->type_name("around|none|only")
        ->check(one_of({"around", "none", "only"}))
        ->capture_default_str();
    command->add_flag("--profile", profiles_,
                      "Say where the time of a step goes, beside the least that the machine could "
                      "take");
    command->add_flag("--load", loads_,
                      "Measure nothing but how fast the model loads, --repetitions times");
    command->add_flag("--json", json_, "Print one JSON object");
    add_synthetic_options(*command, synthetic_);
    add_execution_options(*command, environment(), model_);
    serve_.define(*command);
    return command;
  }

  int run() override;

 private:
  std::vector<BenchResult> measure(BenchRun& run, MachineMeter* meter) const;
  int threads() const;
  int report_machine() const;
  int report_loading();

  MiniMaxForCausalLM load();
  std::string name() const;

  ModelOptions model_;
  SyntheticOptions synthetic_;
  std::vector<std::int64_t> prompt_tokens_ = {128, 512};
  std::int64_t generate_tokens_ = 32;
  std::vector<std::int64_t> depths_ = {0, 512};
  std::vector<std::int64_t> batches_ = {1};
  std::int64_t repetitions_ = 5;
  std::string machine_ = "around";
  bool profiles_ = false;
  bool loads_ = false;
  bool json_ = false;
  BenchServe serve_;
};

std::vector<BenchResult> BenchCommand::measure(BenchRun& run, MachineMeter* meter) const {
  std::vector<std::function<BenchResult()>> tests;
  for (const std::int64_t tokens : prompt_tokens_) {
    if (tokens > 0) {
      tests.emplace_back([&run, tokens] { return run.prompt(tokens); });
    }
  }
  for (const std::int64_t sequences : batches_) {
    for (const std::int64_t depth : depths_) {
      if (generate_tokens_ > 0) {
        tests.emplace_back([this, &run, depth, sequences] {
          return run.generation(
              {.depth = depth, .tokens = generate_tokens_, .sequences = sequences});
        });
      }
    }
  }
  Progress progress("Measuring");
  std::vector<BenchResult> results;
  if (meter != nullptr) {
    meter->measure();
  }
  for (const auto& test : tests) {
    progress.update(static_cast<std::int64_t>(results.size()),
                    static_cast<std::int64_t>(tests.size()));
    results.push_back(test());
    if (meter != nullptr) {
      results.back().roof = meter->measure();
    }
  }
  return results;
}

int BenchCommand::threads() const {
  return model_.threads > 0 ? model_.threads : cpu::available_processors();
}

int BenchCommand::report_machine() const {
  MachineMeter meter(to_load_options(model_), threads());
  meter.measure();
  write_output(json_ ? base::write_json(to_json(meter.figures()), base::JsonStyle::kIndented) + "\n"
                     : to_text(meter.figures()));
  return kExitSuccess;
}

int BenchCommand::report_loading() {
  const MachineMeter meter(to_load_options(model_), threads());
  std::optional<MiniMaxForCausalLM> model;
  LoadTimes times = time_loading(
      repetitions_, [&] { return model.emplace(load()).size().weight_bytes; },
      [&] { model.reset(); });
  times.model = name();
  times.upload_gb_per_second = meter.upload_gb_per_second();
  write_output(json_ ? base::write_json(to_json(times), base::JsonStyle::kIndented) + "\n"
                     : to_text(times));
  return kExitSuccess;
}

MiniMaxForCausalLM BenchCommand::load() {
  if (!synthetic_.is_chosen()) {
    return load_model(model_directory(model_), model_);
  }
  base::check(model_.model.empty(), ErrorCode::kInvalidArgument,
              "--synthetic: expected no MODEL beside it");
  LoadOptions options = to_load_options(model_);
  options.random_format = synthetic_.format;
  MiniMaxForCausalLM model =
      MiniMaxForCausalLM::from_config(synthetic_config(synthetic_), options, 1);
  show_warnings(model.warnings());
  return model;
}

std::string BenchCommand::name() const {
  if (!synthetic_.is_chosen()) {
    return base::printable(model_directory(model_).string());
  }
  std::string text = fmt::format("random {}", base::printable(synthetic_.name));
  if (synthetic_.layers > 0) {
    text += fmt::format(", {} layers", synthetic_.layers);
  }
  for (const std::string& change : synthetic_.overrides) {
    text += ", " + base::printable(change);
  }
  return text + ", " + synthetic_.format;
}

int BenchCommand::run() {
  if (serve_.is_chosen()) {
    return serve_.run();
  }
  if (machine_ == "only") {
    return report_machine();
  }
  if (loads_) {
    return report_loading();
  }
  MachineMeter meter(to_load_options(model_), threads());  // starts the GPU, where there is one
  const auto begin = std::chrono::steady_clock::now();
  MiniMaxForCausalLM model = load();
  const std::chrono::duration<double> load_seconds = std::chrono::steady_clock::now() - begin;
  const WorkModel work{model.config(), model::measure_of(model.impl().model)};
  const InterruptScope scope;
  BenchRun run(model, work, scope,
               {.repetitions = repetitions_,
                .depth = synthetic_.is_chosen() ? Depth::kImagined : Depth::kRead,
                .profiles = profiles_});
  std::vector<BenchResult> results = measure(run, machine_ == "around" ? &meter : nullptr);
  const BenchReport report{
      .model = name(),
      .arithmetic = arithmetic_of(model),
      .weight_bytes = model.size().weight_bytes,
      .state_bytes = run.most_state_bytes(),
      .load_seconds = load_seconds.count(),
      .upload_gb_per_second = synthetic_.is_chosen() ? 0.0 : meter.upload_gb_per_second(),
      .peak_memory_bytes = peak_memory_bytes(),
      .machine = meter.figures(),
      .results = std::move(results)};
  write_output(json_ ? base::write_json(to_json(report), base::JsonStyle::kIndented) + "\n"
                     : to_text(report));
  return kExitSuccess;
}

}  // namespace

std::unique_ptr<Command> make_bench_command() { return std::make_unique<BenchCommand>(); }

}  // namespace minimax::apps
