// SPDX-License-Identifier: Apache-2.0
// minimax tokenize and minimax detokenize: text to token ids and back.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "base/json.h"
#include "commands.h"
#include "support/environment.h"
#include "support/exit_code.h"
#include "support/model_location.h"
#include "support/model_options.h"
#include "support/terminal.h"
#include "support/text_input.h"

namespace minimax::apps {
namespace {

constexpr const char* kModelHelp =
    "Directory of the model, or org/name in the Hugging Face cache [MINIMAX_MODEL]";

constexpr const char* kTokenizeExamples = R"(Examples:
  minimax tokenize "Hello world"
  minimax tokenize ./my-model --file story.txt --json
  minimax tokenize --text ./this-is-text --no-special
  printf 'Hello' | minimax tokenize

The text is taken as it stands, a line end at its end included. A lone argument is the text
unless it is a directory or contains a slash and no space.)";

constexpr const char* kDetokenizeExamples = R"(Examples:
  minimax detokenize 12 345 67
  minimax detokenize ./my-model --file ids.json
  minimax tokenize --json "Hello world" | minimax detokenize

Ids are separated by spaces or commas, or a JSON array, or {"ids": [...]}. The text is printed
as it is; a line end is added on a terminal only.)";

Tokenizer tokenizer_of(const std::string& model) {
  ModelOptions options;
  options.model = model.empty() ? environment_value("MINIMAX_MODEL") : model;
  return load_tokenizer(model_directory(options));
}

bool is_token_list(const std::string& argument) {
  return argument.find_first_not_of("0123456789,[]{}\": \t\nids") == std::string::npos;
}

base::JsonArray to_json(const std::vector<std::int32_t>& ids) {
  return base::JsonArray(ids.begin(), ids.end());
}

class TokenizeCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("tokenize", "Turn text into token ids");
    command->footer(kTokenizeExamples);
    command->add_option("MODEL", first_, kModelHelp);
    command->add_option("TEXT", second_, "The text; default: standard input");
    CLI::Option* text = command->add_option("--text", text_, "The text")->type_name("TEXT");
    command->add_option("--file", file_, "File with the text; -: standard input")
        ->type_name("FILE")
        ->excludes(text);
    command->add_flag("--no-special", no_special_, "Keep text that spells special tokens as text");
    command->add_flag("--json", json_, "Print {\"ids\": [...]}");
    return command;
  }

  int run() override {
    // A lone argument is the model where the text comes from elsewhere, or where it looks like one.
    const bool elsewhere = text_.has_value() || file_.has_value();
    if (!second_ && first_ && !elsewhere && !looks_like_model(*first_)) {
      std::swap(first_, second_);
    }
    if (elsewhere && second_) {
      throw UsageError("expected one text, found a second one in an argument");
    }
    if (!second_) {
      second_ = text_ ? *text_ : read_text(file_.value_or("-"));
    }
    print(tokenizer_of(first_.value_or(""))
              .encode(*second_, no_special_ ? SpecialTokens::kAsText : SpecialTokens::kParse));
    return kExitSuccess;
  }

 private:
  void print(const std::vector<std::int32_t>& ids) const {
    write_output(json_ ? base::write_json(base::JsonObject{{"ids", to_json(ids)}}) + "\n"
                       : fmt::format("{}\n", fmt::join(ids, " ")));
  }

  std::optional<std::string> first_;
  std::optional<std::string> second_;
  std::optional<std::string> text_;
  std::optional<std::string> file_;
  bool no_special_ = false;
  bool json_ = false;
};

class DetokenizeCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("detokenize", "Turn token ids into text");
    command->footer(kDetokenizeExamples);
    command->add_option("MODEL", first_, kModelHelp);
    command->add_option("IDS", rest_, "Token ids; default: standard input");
    command->add_option("--file", file_, "File with the ids; -: standard input")->type_name("FILE");
    command->add_flag("--no-special", no_special_, "Leave out special tokens");
    command->add_flag("--json", json_, "Print {\"text\": ...}");
    return command;
  }

  int run() override {
    if (first_ && is_token_list(*first_)) {
      rest_.insert(rest_.begin(), *first_);
      first_.reset();
    }
    if (file_ && !rest_.empty()) {
      throw UsageError("expected ids in arguments or in --file, found both");
    }
    const std::vector<std::int32_t> ids =
        rest_.empty()
            ? parse_token_ids(read_text(file_.value_or("-")), file_.value_or("standard input"))
            : read_token_ids(fmt::format("{}", fmt::join(rest_, " ")), "IDS");
    print(tokenizer_of(first_.value_or("")).decode(ids, no_special_));
    return kExitSuccess;
  }

 private:
  void print(const std::string& text) const {
    if (json_) {
      write_output(base::write_json(base::JsonObject{{"text", text}}) + "\n");
      return;
    }
    write_model_text(text);
    if (describe_terminal(STDOUT_FILENO).interactive) {
      write_output("\n");
    }
  }

  std::optional<std::string> first_;
  std::vector<std::string> rest_;
  std::optional<std::string> file_;
  bool no_special_ = false;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<Command> make_tokenize_command() { return std::make_unique<TokenizeCommand>(); }

std::unique_ptr<Command> make_detokenize_command() { return std::make_unique<DetokenizeCommand>(); }

}  // namespace minimax::apps
