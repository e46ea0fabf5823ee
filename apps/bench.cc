// SPDX-License-Identifier: Apache-2.0
// minimax bench: how fast a model reads prompts and generates, beside what the machine can do.
// Needs no tokenizer.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <limits>
#include <span>
#include <utility>

#include "base/file.h"
#include "base/random.h"
#include "commands.h"
#include "support/bench_machine.h"
#include "support/bench_report.h"
#include "support/exit_code.h"
#include "support/model_options.h"
#include "support/progress.h"
#include "support/signals.h"
#include "support/terminal.h"
#include "support/validators.h"
#include "support/work_estimate.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax bench
  minimax bench ./my-model --prompt-tokens 512 --generate-tokens 64 --depth 0,4096 --threads 8
  minimax bench ./my-model --json > result.json

pp512 reads 512 tokens from an empty state; tg@512 generates after 512 tokens. tokens/s is the
median of the repetitions. GB/s counts weights and state that have to be moved, GFLOP/s the
arithmetic of the model; both are compared with what the machine did right before and after the
test.)";

constexpr std::int64_t kMaxTokens = std::int64_t{1} << 26;
constexpr std::uint64_t kSeed = 1;

// Random tokens, the same in every run, over the vocabulary without its last three ids.
std::vector<std::int32_t> random_tokens(std::int64_t count, std::int64_t vocab_size) {
  std::vector<std::int32_t> ids;
  ids.reserve(static_cast<std::size_t>(count));
  base::SplitMix64 random(kSeed);
  const auto limit = static_cast<std::uint64_t>(std::max<std::int64_t>(vocab_size - 3, 1));
  for (std::int64_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<std::int32_t>(random.next() % limit));
  }
  return ids;
}

template <class Work>
double seconds_of(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
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
    command->add_option("--repetitions", repetitions_, "Runs of each test after one to warm up")
        ->type_name("N")
        ->check(whole_number(1, 1000))
        ->capture_default_str();
    command->add_flag("--json", json_, "Print one JSON object");
    add_execution_options(*command, environment(), model_);
    return command;
  }

  int run() override;

 private:
  /// What the tests share while they run.
  struct Setting {
    MiniMaxForCausalLM& model;
    const WorkModel& work;
    const InterruptScope& scope;
    MachineMeter& meter;
  };

  BenchResult measure_prompt(const Setting& setting, std::int64_t tokens) const;
  BenchResult measure_generation(const Setting& setting, std::int64_t depth) const;
  std::vector<BenchResult> measure(const Setting& setting) const;

  ModelOptions model_;
  std::vector<std::int64_t> prompt_tokens_ = {128, 512};
  std::int64_t generate_tokens_ = 32;
  std::vector<std::int64_t> depths_ = {0, 512};
  std::int64_t repetitions_ = 5;
  bool json_ = false;
};

BenchResult BenchCommand::measure_prompt(const Setting& setting, std::int64_t tokens) const {
  const std::vector<std::int32_t> ids = random_tokens(tokens, setting.model.config().vocab_size);
  const Work work = prefill_work(setting.work, tokens);
  BenchResult result;
  result.test = fmt::format("pp{}", tokens);
  result.tokens = tokens;
  result.bytes = work.bytes;
  result.flops = work.flops;
  for (std::int64_t i = 0; i <= repetitions_; ++i) {
    setting.scope.check();
    State state = setting.model.new_state();
    const double seconds = seconds_of(
        [&] { setting.model.forward(ids, {.past_key_values = {&state, 1}, .logits_to_keep = 1}); });
    if (i > 0) {
      result.seconds.push_back(seconds);
    }
  }
  return result;
}

BenchResult BenchCommand::measure_generation(const Setting& setting, std::int64_t depth) const {
  const std::vector<std::int32_t> ids =
      random_tokens(depth + generate_tokens_, setting.model.config().vocab_size);
  const auto all = std::span(ids);
  State deep = setting.model.new_state();
  if (depth > 0) {
    setting.model.forward(all.first(static_cast<std::size_t>(depth)),
                          {.past_key_values = {&deep, 1}, .logits_to_keep = 1});
  }
  BenchResult result;
  result.test = fmt::format("tg@{}", depth);
  result.tokens = generate_tokens_;
  for (std::int64_t i = 0; i < generate_tokens_; ++i) {
    const Work work = decode_work(setting.work, depth + i);
    result.bytes += work.bytes;
    result.flops += work.flops;
  }
  for (std::int64_t i = 0; i <= repetitions_; ++i) {
    State state = deep;
    const double seconds = seconds_of([&] {
      for (std::size_t at = static_cast<std::size_t>(depth); at < ids.size(); ++at) {
        setting.scope.check();
        setting.model.forward(all.subspan(at, 1), {.past_key_values = {&state, 1}});
      }
    });
    if (i > 0) {
      result.seconds.push_back(seconds);
    }
  }
  return result;
}

std::vector<BenchResult> BenchCommand::measure(const Setting& setting) const {
  Progress progress("Measuring");
  const auto total = static_cast<std::int64_t>(prompt_tokens_.size() + depths_.size());
  std::vector<BenchResult> results;
  const auto add = [&](BenchResult result) {
    result.roof = setting.meter.measure();
    results.push_back(std::move(result));
  };
  setting.meter.measure();
  std::int64_t done = 0;
  for (const std::int64_t tokens : prompt_tokens_) {
    progress.update(done++, total);
    if (tokens > 0) {
      add(measure_prompt(setting, tokens));
    }
  }
  for (const std::int64_t depth : depths_) {
    progress.update(done++, total);
    if (generate_tokens_ > 0) {
      add(measure_generation(setting, depth));
    }
  }
  return results;
}

int BenchCommand::run() {
  const std::filesystem::path directory = model_directory(model_);
  MiniMaxForCausalLM model = load_model(directory, model_);
  const WorkModel work{model.config(), model::measure_model(directory, to_load_options(model_))};
  const InterruptScope scope;
  MachineMeter meter(model.threads(), to_load_options(model_).isa, model.dtype());
  std::vector<BenchResult> results = measure({model, work, scope, meter});
  const BenchReport report{.model = base::printable(directory.string()),
                           .machine = meter.figures(),
                           .results = std::move(results)};
  write_output(json_ ? base::write_json(to_json(report), base::JsonStyle::kIndented) + "\n"
                     : to_text(report));
  return kExitSuccess;
}

}  // namespace

std::unique_ptr<Command> make_bench_command() { return std::make_unique<BenchCommand>(); }

}  // namespace minimax::apps
