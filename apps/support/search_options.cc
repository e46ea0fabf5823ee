// SPDX-License-Identifier: Apache-2.0
#include "support/search_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <limits>

#include "base/file.h"
#include "support/exit_code.h"
#include "support/model_location.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

EarlyStopping early_stopping_of(const std::string& word) {
  if (word == "never") {
    return EarlyStopping::kNever;
  }
  return word == "true" ? EarlyStopping::kTrue : EarlyStopping::kFalse;
}

template <class T>
void apply(const std::optional<T>& option, T& field) {
  field = option.value_or(field);
}

void check_vocabulary(const std::string& draft, const Tokenizer& found, const Tokenizer& expected) {
  if (found.vocab_size() != expected.vocab_size()) {
    throw UsageError(
        fmt::format("--draft {}: expected the vocabulary of the model, {} tokens, "
                    "found {}",
                    draft, expected.vocab_size(), found.vocab_size()));
  }
  for (std::int64_t id = 0; id < expected.vocab_size(); ++id) {
    const std::int32_t ids[] = {static_cast<std::int32_t>(id)};
    if (found.decode(ids) != expected.decode(ids)) {
      throw UsageError(fmt::format(
          "--draft {}: expected the vocabulary of the model, where token "
          "{} is \"{}\", found \"{}\"",
          draft, id, base::printable(expected.decode(ids)), base::printable(found.decode(ids))));
    }
  }
}

}  // namespace

void add_search_options(CLI::App& command, Environment& environment, SearchOptions& options) {
  const std::string group = "Search";
  const auto add = [&](const char* flag, auto& option, const char* help, CLI::Validator check) {
    CLI::Option* added = command.add_option(flag, option, help)->check(std::move(check));
    added->type_name("N")->group(group);
    environment.bind(added);
  };
  add("--num-beams", options.num_beams, "Follow the N best beginnings of an answer",
      whole_number(1, kMost));
  add("--length-penalty", options.length_penalty, "Above 0: beams may be longer; below 0: shorter",
      number(-1000, 1000));
  add("--num-return-sequences", options.num_return_sequences,
      "Print so many answers, the best ones of beams", whole_number(1, kMost));
  add("--max-time", options.max_time, "Begin no token after so many seconds", number(0, 1e9));
  add("--prompt-lookup-num-tokens", options.prompt_lookup_num_tokens,
      "Verify N tokens at once that followed the last ones before; 0: one by one",
      whole_number(0, kMost));
  add("--max-matching-ngram-size", options.max_matching_ngram_size, "Look for up to N last tokens",
      whole_number(1, kMost));
  add("--num-assistant-tokens", options.num_assistant_tokens, "Verify N tokens of --draft at once",
      whole_number(1, kMost));
  command
      .add_option("--early-stopping", options.early_stopping,
                  "End with num-beams answers (true), when better ones are unlikely (false) or "
                  "cannot come (never)")
      ->check(one_of({"true", "false", "never"}))
      ->type_name("WORD")
      ->group(group);
  command
      .add_option("--draft", options.draft,
                  "A smaller model with the same vocabulary that proposes tokens: the answer is "
                  "that of MODEL, in fewer passes of it")
      ->type_name("MODEL")
      ->group(group);
}

GenerationConfig with_search(const SearchOptions& options, GenerationConfig config) {
  apply(options.num_beams, config.num_beams);
  apply(options.num_return_sequences, config.num_return_sequences);
  apply(options.length_penalty, config.length_penalty);
  apply(options.prompt_lookup_num_tokens, config.prompt_lookup_num_tokens);
  apply(options.max_matching_ngram_size, config.max_matching_ngram_size);
  apply(options.num_assistant_tokens, config.num_assistant_tokens);
  config.max_time = options.max_time ? options.max_time : config.max_time;
  if (options.early_stopping) {
    config.early_stopping = early_stopping_of(*options.early_stopping);
  }
  return config;
}

std::optional<MiniMaxForCausalLM> load_draft(const SearchOptions& options,
                                             const ModelOptions& model,
                                             const Tokenizer& tokenizer) {
  if (!options.draft) {
    return std::nullopt;
  }
  const std::filesystem::path directory = resolve_model(*options.draft);
  check_vocabulary(*options.draft, AutoTokenizer::from_pretrained(directory), tokenizer);
  return load_model(directory, model);
}

}  // namespace minimax::apps
