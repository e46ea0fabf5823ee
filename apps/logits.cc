// SPDX-License-Identifier: Apache-2.0
// minimax logits: what the model says about every token of a sequence, for comparisons with other
// implementations. Needs no tokenizer.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <span>

#include "commands.h"
#include "io/safetensors_writer.h"
#include "support/exit_code.h"
#include "support/model_options.h"
#include "support/progress.h"
#include "support/signals.h"
#include "support/text_input.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax logits --tokens 2,17,43 --output logits.safetensors
  minimax logits ./my-model --tokens @ids.txt --chunk 64 --output logits.safetensors
  minimax logits --tokens @- --device reference --hidden-states --output all.safetensors

The file holds `logits`, F32 [tokens, vocabulary], raw; with --hidden-states also
`hidden_states.0` (the embeddings) to `hidden_states.L` (after the final norm).)";

class LogitsCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("logits", "Write the logits of a token sequence");
    command->footer(kExamples);
    add_model_location(*command, environment(), model_);
    command
        ->add_option("--tokens", tokens_, "Ids separated by commas, or @FILE; @-: standard input")
        ->type_name("IDS")
        ->required();
    command->add_option("--output", output_, "File to write")
        ->type_name("FILE.safetensors")
        ->required();
    command->add_option("--chunk", chunk_, "Tokens read at a time; default: as memory allows")
        ->type_name("N")
        ->check(whole_number(1, std::numeric_limits<std::int32_t>::max()));
    command->add_flag("--hidden-states", hidden_states_, "Also write the output of every layer");
    model_.dtype = "float32";
    add_execution_options(*command, environment(), model_);
    return command;
  }

  int run() override;

 private:
  std::vector<io::TensorPlan> plan(const MiniMaxConfig& config, std::int64_t tokens) const;
  std::int64_t chunk_for(const MiniMaxConfig& config) const;

  ModelOptions model_;
  std::string tokens_;
  std::string output_;
  std::int64_t chunk_ = 0;
  bool hidden_states_ = false;
};

std::vector<io::TensorPlan> LogitsCommand::plan(const MiniMaxConfig& config,
                                                std::int64_t tokens) const {
  std::vector<io::TensorPlan> tensors = {
      {"logits", tensor::DType::kF32, tensor::Shape{tokens, config.vocab_size}}};
  for (std::int64_t i = 0; hidden_states_ && i <= config.num_hidden_layers; ++i) {
    tensors.push_back({fmt::format("hidden_states.{}", i), tensor::DType::kF32,
                       tensor::Shape{tokens, config.hidden_size}});
  }
  return tensors;
}

// Keeps the rows of one chunk within some tens of megabytes.
std::int64_t LogitsCommand::chunk_for(const MiniMaxConfig& config) const {
  if (chunk_ > 0) {
    return chunk_;
  }
  constexpr std::int64_t kChunkValues = std::int64_t{8} << 20;
  const std::int64_t row_values =
      config.vocab_size +
      (hidden_states_ ? config.hidden_size * (config.num_hidden_layers + 1) : 0);
  return std::clamp<std::int64_t>(kChunkValues / row_values, 16, 512);
}

int LogitsCommand::run() {
  const std::vector<std::int32_t> ids = read_token_ids(tokens_, "--tokens");
  if (ids.empty()) {
    throw UsageError("--tokens: expected at least one token id, found none");
  }
  MiniMaxForCausalLM model = load_model(model_directory(model_), model_);
  const auto tokens = static_cast<std::int64_t>(ids.size());
  const std::int64_t chunk = chunk_for(model.config());

  const InterruptScope scope;
  io::SafetensorsWriter writer(output_, plan(model.config(), tokens));
  const TemporaryFileGuard guard(writer.temporary_path());
  Progress progress("Computing logits");
  State state = model.new_state();
  for (std::int64_t begin = 0; begin < tokens; begin += chunk) {
    scope.check();
    progress.update(begin, tokens);
    const std::int64_t count = std::min(chunk, tokens - begin);
    const MoeCausalLMOutputWithPast out = model.forward(
        std::span(ids).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)),
        {.past_key_values = {&state, 1}, .output_hidden_states = hidden_states_});
    writer.append(0, std::as_bytes(std::span(out.logits.values)));
    for (std::size_t i = 0; i < out.hidden_states.size(); ++i) {
      writer.append(i + 1, std::as_bytes(std::span(out.hidden_states[i].values)));
    }
  }
  scope.check();
  writer.commit();
  return kExitSuccess;
}

}  // namespace

std::unique_ptr<Command> make_logits_command() { return std::make_unique<LogitsCommand>(); }

}  // namespace minimax::apps
