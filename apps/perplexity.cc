// SPDX-License-Identifier: Apache-2.0
// minimax perplexity: how well a model predicts a text, and how far it is from another model.
#include "engine/perplexity.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "base/file.h"
#include "commands.h"
#include "engine/saved_logits.h"
#include "support/exit_code.h"
#include "support/model_options.h"
#include "support/perplexity_report.h"
#include "support/progress.h"
#include "support/signals.h"
#include "support/terminal.h"
#include "support/text_input.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax perplexity story.txt
  minimax perplexity ./my-model story.txt --context 2048 --json
  minimax perplexity ./my-model --tokens @ids.txt
  minimax perplexity ./my-model story.txt --save-base base.safetensors
  minimax perplexity ./my-model-q4 story.txt --base base.safetensors
  minimax perplexity ./my-model-q4 story.txt --base-model ./my-model

The text is cut into windows of --context tokens, and the second half of each is judged, every token
by what comes before it in its window. With --stride windows overlap, and the last tokens of each
are judged. Both are the definitions of llama-perplexity, as are the errors: standard errors, with
tokens taken as independent. A base adds KL divergence and how often both hold the same token for
the most probable one.)";

constexpr std::int64_t kMost = std::int64_t{1} << 30;

/// A base with whatever stands behind it.
struct Base {
  std::optional<MiniMaxForCausalLM> model = {};
  std::unique_ptr<engine::BaseLogits> logits = {};
};

class PerplexityCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("perplexity", "Judge a model by a text");
    command->footer(kExamples);
    command->add_option(
        "MODEL", first_,
        "Directory of the model, a GGUF file, or org/name in the Hugging Face cache "
        "[MINIMAX_MODEL]");
    command->add_option("FILE", second_, "The text; -: standard input");
    command->add_option("--tokens", tokens_, "Ids separated by commas, or @FILE, instead of a text")
        ->type_name("IDS");
    command->add_option("--context", windows_.context, "Tokens of a window")
        ->type_name("N")
        ->check(whole_number(4, kMost))
        ->capture_default_str();
    command
        ->add_option("--stride", windows_.stride, "Let windows overlap, beginning every N tokens")
        ->type_name("N")
        ->check(whole_number(1, kMost));
    command->add_option("--windows", windows_.most_windows, "Judge so many windows at most")
        ->type_name("N")
        ->check(whole_number(1, kMost));
    command
        ->add_option(
            "--bos", bos_,
            "Whether every window begins with the token that begins sequences; auto: where "
            "the tokenizer puts it before texts")
        ->check(one_of({"auto", "on", "off"}))
        ->capture_default_str();
    add_base_options(*command);
    command->add_flag("--json", json_, "Print one JSON object");
    add_execution_options(*command, environment(), model_);
    return command;
  }

  int run() override;

 private:
  void add_base_options(CLI::App& command) {
    CLI::Option* file =
        command.add_option("--base", base_file_, "Compare with what --save-base wrote")
            ->type_name("FILE.safetensors");
    command.add_option("--base-model", base_model_, "Compare with another model")
        ->type_name("MODEL")
        ->excludes(file);
    command.add_option("--save-base", save_base_, "Write the logits for comparisons")
        ->type_name("FILE.safetensors");
  }

  void place_arguments();
  std::vector<std::int32_t> read_tokens(const std::filesystem::path& directory,
                                        const MiniMaxConfig& config);
  std::unique_ptr<Base> open_base(std::span<const std::int32_t> tokens,
                                  std::int64_t vocab_size) const;
  PerplexityReport judge(MiniMaxForCausalLM& model, std::span<const std::int32_t> tokens) const;

  ModelOptions model_;
  std::string first_;
  std::string second_;
  std::string tokens_;
  std::string text_;
  engine::WindowOptions windows_;
  std::string bos_ = "auto";
  std::string base_file_;
  std::string base_model_;
  std::string save_base_;
  bool json_ = false;
};

// The last argument is the text, unless tokens stand for it.
void PerplexityCommand::place_arguments() {
  if (tokens_.empty() && second_.empty()) {
    std::swap(first_, second_);
  }
  if (tokens_.empty() == second_.empty()) {
    throw UsageError("expected one text: a file, or --tokens");
  }
  text_ = tokens_.empty() ? second_ : "--tokens";
  if (!first_.empty()) {
    model_.model = first_;
  }
}

std::vector<std::int32_t> PerplexityCommand::read_tokens(const std::filesystem::path& directory,
                                                         const MiniMaxConfig& config) {
  std::vector<std::int32_t> ids;
  bool begins_texts = false;
  if (tokens_.empty()) {
    const Tokenizer tokenizer = load_tokenizer(directory);
    ids = tokenizer.encode(read_text(second_));
    const std::vector<std::int32_t> probe = tokenizer.encode("a");
    begins_texts = config.bos_token_id && !probe.empty() && probe.front() == *config.bos_token_id;
  } else {
    ids = read_token_ids(tokens_, "--tokens");
  }
  if (bos_ == "on" && !config.bos_token_id) {
    throw UsageError("--bos on: expected a model with a bos_token_id, found none");
  }
  if (bos_ == "on" || (bos_ == "auto" && begins_texts)) {
    windows_.bos = static_cast<std::int32_t>(*config.bos_token_id);
  }
  return ids;
}

// Null where none is wanted.
std::unique_ptr<Base> PerplexityCommand::open_base(std::span<const std::int32_t> tokens,
                                                   std::int64_t vocab_size) const {
  auto base = std::make_unique<Base>();
  if (!base_file_.empty()) {
    base->logits = std::make_unique<engine::LogitsFile>(base_file_, tokens, windows_, vocab_size);
  } else if (!base_model_.empty()) {
    ModelOptions options = model_;
    options.model = base_model_;
    base->model = load_model(model_directory(options), options);
    const std::int64_t found = base->model->config().vocab_size;
    if (found != vocab_size) {
      throw UsageError(fmt::format("--base-model: expected a vocabulary of {} tokens, found {}",
                                   vocab_size, found));
    }
    base->logits = std::make_unique<engine::ModelLogits>(*base->model);
  } else {
    base.reset();
  }
  return base;
}

PerplexityReport PerplexityCommand::judge(MiniMaxForCausalLM& model,
                                          std::span<const std::int32_t> tokens) const {
  const std::int64_t vocab_size = model.config().vocab_size;
  const std::unique_ptr<Base> base = open_base(tokens, vocab_size);
  std::optional<engine::LogitsFileWriter> writer;
  std::optional<TemporaryFileGuard> guard;
  if (!save_base_.empty()) {
    writer.emplace(save_base_, tokens, windows_, vocab_size);
    guard.emplace(writer->temporary_path());
  }
  const InterruptScope scope;
  Progress progress("Judging");
  PerplexityReport report;
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<engine::TokenScore> scores = engine::score_text(
      {.model = model,
       .text = tokens,
       .windows = windows_,
       .base = base != nullptr ? base->logits.get() : nullptr,
       .on_logits = writer ? std::function<void(std::span<const float>)>(
                                 [&](std::span<const float> logits) { writer->append(logits); })
                           : nullptr,
       .on_window = [&](std::int64_t done, std::int64_t total) {
         scope.check();
         progress.update(done, total);
         report.windows = total;
       }});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  if (writer) {
    writer->commit();
  }
  report.seconds = seconds.count();
  report.judged_tokens = static_cast<std::int64_t>(scores.size());
  report.nll = engine::mean_nll(scores);
  if (base != nullptr) {
    report.base = base_file_.empty() ? base_model_ : base_file_;
    report.divergence = engine::compare(scores);
  }
  return report;
}

int PerplexityCommand::run() {
  place_arguments();
  const std::filesystem::path directory = model_directory(model_);
  const std::vector<std::int32_t> tokens =
      read_tokens(directory, MiniMaxConfig::from_pretrained(directory));
  MiniMaxForCausalLM model = load_model(directory, model_);
  PerplexityReport report = judge(model, tokens);
  report.model = base::printable(directory.string());
  report.text = base::printable(text_);
  report.text_tokens = static_cast<std::int64_t>(tokens.size());
  report.options = windows_;
  write_output(json_ ? base::write_json(to_json(report), base::JsonStyle::kIndented) + "\n"
                     : to_text(report));
  return kExitSuccess;
}

}  // namespace

std::unique_ptr<Command> make_perplexity_command() { return std::make_unique<PerplexityCommand>(); }

}  // namespace minimax::apps
