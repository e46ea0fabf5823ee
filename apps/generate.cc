// SPDX-License-Identifier: Apache-2.0
// minimax generate: continues a text, or replies to a conversation from a file.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>

#include "base/json.h"
#include "commands.h"
#include "support/conversation_file.h"
#include "support/exit_code.h"
#include "support/model_options.h"
#include "support/progress.h"
#include "support/sampling_options.h"
#include "support/search_options.h"
#include "support/signals.h"
#include "support/terminal.h"
#include "support/text_input.h"
#include "support/timings.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax generate --prompt "Once upon a time" --max-new-tokens 64
  minimax generate --messages conversation.json --temperature 0 --json
  echo '[{"role": "user", "content": "Hello"}]' | minimax generate --messages - --stream
  minimax generate ./my-model --prompt-file story.txt --stop "The end" --stop "###"
  minimax generate --prompt "Once upon" --temperature 0 --num-beams 4 --num-return-sequences 2

--json prints {"text", "tokens", "prompt_tokens", "finish_reason", "timings"}: tokens are the
generated ids, prompt_tokens is a count, finish_reason is stop, length, time or cancelled. Answers
of beams have "sequences_score", too. With --num-return-sequences above 1 it prints a JSON array
of these; without --json, a line "---" stands between the answers.)";

class GenerateCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("generate", "Continue a text or a conversation");
    command->footer(kExamples);
    add_model_location(*command, environment(), model_);
    const std::string input = "Input (one of these is needed)";
    CLI::Option* prompt =
        command
            ->add_option("--prompt", prompt_,
                         "Text that is continued as it stands; special tokens are recognised")
            ->type_name("TEXT")
            ->group(input);
    CLI::Option* file =
        command
            ->add_option("--prompt-file", prompt_file_, "The same from a file; -: standard input")
            ->type_name("FILE")
            ->group(input)
            ->excludes(prompt);
    command
        ->add_option("--messages", messages_file_,
                     "JSON array of {role, content} for the chat template; -: standard input")
        ->type_name("FILE")
        ->group(input)
        ->excludes(prompt)
        ->excludes(file);
    CLI::Option* json = command->add_flag("--json", json_, "Print one JSON object");
    command->add_flag("--stream", stream_, "Print text as soon as it is certain")->excludes(json);
    command->add_flag("--verbose", verbose_, "Show tokens/s on standard error");
    add_sampling_options(*command, environment(), sampling_);
    add_search_options(*command, environment(), search_);
    add_execution_options(*command, environment(), model_);
    return command;
  }

  int run() override;

 private:
  std::vector<std::int32_t> read_input(const Tokenizer& tokenizer,
                                       const MiniMaxConfig& config) const;
  GenerationConfig generation_config(const MiniMaxForCausalLM& model,
                                     const Tokenizer& tokenizer) const;
  void print(const std::vector<GenerateOutput>& outputs, double load_seconds) const;
  base::Json to_json(const GenerateOutput& output, double load_seconds) const;

  ModelOptions model_;
  SamplingOptions sampling_;
  SearchOptions search_;
  bool has_beams_ = false;
  std::optional<std::string> prompt_;
  std::optional<std::string> prompt_file_;
  std::optional<std::string> messages_file_;
  bool json_ = false;
  bool stream_ = false;
  bool verbose_ = false;
};

std::vector<std::int32_t> GenerateCommand::read_input(const Tokenizer& tokenizer,
                                                      const MiniMaxConfig& config) const {
  if (!prompt_ && !prompt_file_ && !messages_file_) {
    throw UsageError("expected --prompt, --prompt-file or --messages, found none of them",
                     "see minimax generate --help");
  }
  if (messages_file_) {
    return encode(tokenizer, read_conversation(*messages_file_), {});
  }
  std::vector<std::int32_t> ids = tokenizer.encode(prompt_ ? *prompt_ : read_text(*prompt_file_));
  if (ids.empty() && config.bos_token_id) {
    ids.push_back(*config.bos_token_id);
  }
  if (ids.empty()) {
    throw UsageError("--prompt: expected some text, as the model has no token to begin with");
  }
  return ids;
}

GenerationConfig GenerateCommand::generation_config(const MiniMaxForCausalLM& model,
                                                    const Tokenizer& tokenizer) const {
  GenerationConfig config =
      with_search(search_, to_generation_config(sampling_, model.generation_config()));
  add_words(sampling_, tokenizer, config);
  if (stream_ && (config.num_beams > 1 || config.num_return_sequences > 1)) {
    throw UsageError("--stream: expected one answer without beams, which are known only at the end",
                     "leave --stream out, or add --num-beams 1 --num-return-sequences 1");
  }
  return config;
}

base::Json GenerateCommand::to_json(const GenerateOutput& output, double load_seconds) const {
  base::JsonArray tokens;
  for (const std::int32_t token : output.tokens) {
    tokens.emplace_back(token);
  }
  base::JsonObject object{{"text", output.text},
                          {"tokens", std::move(tokens)},
                          {"prompt_tokens", output.prompt_tokens},
                          {"finish_reason", finish_reason_name(output.finish_reason)},
                          {"timings", timings_json(output, load_seconds)}};
  if (has_beams_) {
    object.emplace_back("sequences_score", double{output.sequences_score});
  }
  return object;
}

void GenerateCommand::print(const std::vector<GenerateOutput>& outputs, double load_seconds) const {
  base::JsonArray array;
  for (const GenerateOutput& output : outputs) {
    if (json_) {
      array.push_back(to_json(output, load_seconds));
      continue;
    }
    if (&output != &outputs.front()) {
      write_output("---\n");
    }
    if (!stream_) {
      write_model_text(output.text);
    }
    write_output("\n");
  }
  if (json_) {
    write_output(base::write_json(outputs.size() == 1 ? array.front() : base::Json(array)) + "\n");
  }
}

int GenerateCommand::run() {
  const auto begin = std::chrono::steady_clock::now();
  const std::filesystem::path directory = model_directory(model_);
  const Tokenizer tokenizer = load_tokenizer(directory);
  const std::vector<std::int32_t> prompt =
      read_input(tokenizer, MiniMaxConfig::from_pretrained(directory));
  MiniMaxForCausalLM model = load_model(directory, model_);
  std::optional<MiniMaxForCausalLM> draft = load_draft(search_, model_, tokenizer);
  const std::chrono::duration<double> load_time = std::chrono::steady_clock::now() - begin;
  const GenerationConfig config = generation_config(model, tokenizer);
  has_beams_ = config.num_beams > 1;

  const InterruptScope scope;
  Progress progress("Reading the prompt");
  GenerateOptions options;
  options.tokenizer = &tokenizer;
  options.assistant_model = draft ? &*draft : nullptr;
  options.cancelled = [&] { return scope.interrupted(); };
  options.on_prompt_progress = [&](std::int64_t done, std::int64_t total) {
    progress.update(done, total);
  };
  if (stream_) {
    options.on_text = [&](std::string_view text) {
      progress.finish();
      write_model_text(text);
    };
  }
  const std::vector<GenerateOutput> outputs = model.generate(ModelInputs(prompt), config, options);
  progress.finish();
  print(outputs, load_time.count());
  if (verbose_) {
    write_message(describe_timings(outputs.front()) + "\n");
  }
  return scope.interrupted() ? kExitSignal + scope.signal() : kExitSuccess;
}

}  // namespace

std::unique_ptr<Command> make_generate_command() { return std::make_unique<GenerateCommand>(); }

}  // namespace minimax::apps
