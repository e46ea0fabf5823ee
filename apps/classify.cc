// SPDX-License-Identifier: Apache-2.0
// minimax classify and minimax tag: the labels of texts, and of every token of them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "commands.h"
#include "engine/tokenizer.h"
#include "support/exit_code.h"
#include "support/label_scores.h"
#include "support/model_options.h"
#include "support/signals.h"
#include "support/terminal.h"
#include "support/text_records.h"
#include "text/detokenizer.h"

namespace minimax::apps {
namespace {

constexpr const char* kClassifyExamples = R"(Examples:
  minimax classify ./my-classifier --text "A lovely film." --text "Never again."
  minimax classify ./my-classifier --file review.txt --json
  minimax classify ./my-classifier --jsonl reviews.jsonl --json > labels.jsonl

MODEL has the head of MiniMaxForSequenceClassification. A line for each text: the label and its
score; with --json an object {"label", "score", "scores"}. Scores are probabilities, or the values
of a regression.)";

constexpr const char* kTagExamples = R"(Examples:
  minimax tag ./my-tagger --text "Ada lives in London."
  minimax tag ./my-tagger --jsonl sentences.jsonl --json > tags.jsonl

MODEL has the head of MiniMaxForTokenClassification. A line for each token: the label, its score
and the token, and an empty line after each text; with --json an object {"tokens": [{"token",
"label", "score", "start", "end"}]} for each text. start and end count characters; a character of
several tokens belongs to the last of them.)";

// `number` counts the texts from one.
std::vector<std::int32_t> encode_text(const Tokenizer& tokenizer, const std::string& text,
                                      std::size_t number) {
  std::vector<std::int32_t> ids = tokenizer.encode(text, SpecialTokens::kAsText);
  if (ids.empty()) {
    throw UsageError(fmt::format("text {}: expected at least one token, found none", number));
  }
  return ids;
}

std::size_t best_of(const std::vector<double>& scores) {
  return static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin());
}

/// Runs a model over one text after the other.
template <class Model>
class TextCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override {
    CLI::App* command = add_to(program);
    add_model_location(*command, environment(), model_);
    add_text_options(*command, texts_);
    command->add_flag("--json", json_, "Print one JSON object a line");
    add_execution_options(*command, environment(), model_);
    return command;
  }

  int run() override {
    const std::filesystem::path directory = model_directory(model_);
    const Tokenizer tokenizer = load_tokenizer(directory);
    const std::vector<std::string> texts = read_texts(texts_);
    auto model = load_model<Model>(directory, model_);
    const InterruptScope scope;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      scope.check();
      const std::vector<std::int32_t> ids = encode_text(tokenizer, texts[i], i + 1);
      print({model.config(), tokenizer, ids, model.forward(ids).logits.values});
    }
    return kExitSuccess;
  }

 protected:
  struct Result {
    const MiniMaxConfig& config;
    const Tokenizer& tokenizer;
    const std::vector<std::int32_t>& ids;
    const std::vector<float>& logits;
  };

  /// Adds the sub-command with its examples.
  virtual CLI::App* add_to(CLI::App& program) = 0;
  virtual void print(const Result& result) const = 0;
  bool prints_json() const { return json_; }

 private:
  ModelOptions model_;
  TextOptions texts_;
  bool json_ = false;
};

class ClassifyCommand : public TextCommand<MiniMaxForSequenceClassification> {
 protected:
  CLI::App* add_to(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("classify", "Tell the classes of texts");
    command->footer(kClassifyExamples);
    return command;
  }

  void print(const Result& result) const override {
    const MiniMaxConfig& config = result.config;
    const std::vector<double> scores = label_scores(config, result.logits);
    const std::size_t best = best_of(scores);
    if (!prints_json()) {
      write_output(
          fmt::format("{}\t{:.4f}\n", base::printable(config.id2label[best]), scores[best]));
      return;
    }
    base::JsonObject all;
    for (std::size_t label = 0; label < scores.size(); ++label) {
      all.emplace_back(config.id2label[label], scores[label]);
    }
    write_output(base::write_json(base::JsonObject{{"label", config.id2label[best]},
                                                   {"score", scores[best]},
                                                   {"scores", std::move(all)}}) +
                 "\n");
  }
};

std::int64_t characters_of(const std::string& utf8) {
  return std::ranges::count_if(utf8, [](char byte) { return (byte & 0xc0) != 0x80; });
}

class TagCommand : public TextCommand<MiniMaxForTokenClassification> {
 protected:
  CLI::App* add_to(CLI::App& program) override {
    CLI::App* command = program.add_subcommand("tag", "Tell the class of every token");
    command->footer(kTagExamples);
    return command;
  }

  void print(const Result& result) const override {
    const MiniMaxConfig& config = result.config;
    text::Detokenizer detokenizer(result.tokenizer.impl().tokenizer, false);
    const auto columns = static_cast<std::size_t>(config.num_labels());
    base::JsonArray tokens;
    std::string lines;
    std::int64_t start = 0;
    for (std::size_t i = 0; i < result.ids.size(); ++i) {
      const std::string token = detokenizer.push(result.ids[i]);
      const std::int64_t end = start + characters_of(token);
      const std::vector<double> scores =
          softmax(std::span(result.logits).subspan(i * columns, columns));
      const std::size_t best = best_of(scores);
      if (prints_json()) {
        tokens.emplace_back(base::JsonObject{{"token", token},
                                             {"label", config.id2label[best]},
                                             {"score", scores[best]},
                                             {"start", start},
                                             {"end", end}});
      } else {
        lines += fmt::format("{}\t{:.4f}\t{}\n", base::printable(config.id2label[best]),
                             scores[best], base::printable(token));
      }
      start = end;
    }
    write_output(prints_json()
                     ? base::write_json(base::JsonObject{{"tokens", std::move(tokens)}}) + "\n"
                     : lines + "\n");
  }
};

}  // namespace

std::unique_ptr<Command> make_classify_command() { return std::make_unique<ClassifyCommand>(); }

std::unique_ptr<Command> make_tag_command() { return std::make_unique<TagCommand>(); }

}  // namespace minimax::apps
