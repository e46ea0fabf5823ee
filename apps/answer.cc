// SPDX-License-Identifier: Apache-2.0
// minimax answer: the part of a text that answers a question.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "base/file.h"
#include "base/json.h"
#include "commands.h"
#include "support/exit_code.h"
#include "support/label_scores.h"
#include "support/model_options.h"
#include "support/signals.h"
#include "support/terminal.h"
#include "support/text_input.h"
#include "support/text_records.h"
#include "support/validators.h"

namespace minimax::apps {
namespace {

constexpr const char* kExamples = R"(Examples:
  minimax answer ./my-reader --question "Where does Ada live?" --context "Ada lives in London."
  minimax answer ./my-reader --question "Who wrote it?" --context-file book.txt --json
  minimax answer ./my-reader --jsonl questions.jsonl --json > answers.jsonl

MODEL has the head of MiniMaxForQuestionAnswering, and reads the question followed by the context.
The answer is a part of the context of at most --max-answer-tokens tokens, its score the
probability of its begin times that of its end. A line for each question: the answer and its
score; with --json an object {"answer", "score", "start_token", "end_token"}, tokens counted in the
context.)";

struct Question {
  std::string question;
  std::string context;
};

class AnswerCommand : public Command {
 public:
  CLI::App* define(CLI::App& program) override;
  int run() override;

 private:
  std::vector<Question> read_questions() const;
  void print(const Tokenizer& tokenizer, std::span<const std::int32_t> context,
             const AnswerSpan& span) const;

  ModelOptions model_;
  std::optional<std::string> question_;
  std::optional<std::string> context_;
  std::optional<std::string> context_file_;
  std::optional<std::string> json_lines_;
  std::int64_t max_answer_tokens_ = 15;
  std::int64_t top_k_ = 1;
  bool json_ = false;
};

CLI::App* AnswerCommand::define(CLI::App& program) {
  CLI::App* command = program.add_subcommand("answer", "Find the answer to a question in a text");
  command->footer(kExamples);
  add_model_location(*command, environment(), model_);
  const std::string input = "Input (a question with a context, or JSON lines)";
  CLI::Option* question =
      command->add_option("--question", question_, "The question")->type_name("TEXT")->group(input);
  CLI::Option* context = command->add_option("--context", context_, "The text with the answer")
                             ->type_name("TEXT")
                             ->needs(question)
                             ->group(input);
  command->add_option("--context-file", context_file_, "The same from a file; -: standard input")
      ->type_name("FILE")
      ->needs(question)
      ->excludes(context)
      ->group(input);
  command
      ->add_option("--jsonl", json_lines_,
                   "A file with {\"question\": ..., \"context\": ...} on each line")
      ->type_name("FILE")
      ->excludes(question)
      ->group(input);
  command->add_option("--max-answer-tokens", max_answer_tokens_, "The longest answer")
      ->type_name("N")
      ->check(whole_number(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--top-k", top_k_, "Answers to each question, the best first")
      ->type_name("K")
      ->check(whole_number(1, 1 << 20))
      ->capture_default_str();
  command->add_flag("--json", json_, "Print one JSON object a line");
  add_execution_options(*command, environment(), model_);
  return command;
}

std::vector<Question> AnswerCommand::read_questions() const {
  if (!json_lines_) {
    if (!question_ || (!context_ && !context_file_)) {
      throw UsageError("expected --question with --context or --context-file, or --jsonl",
                       "see minimax answer --help");
    }
    return {{*question_, context_ ? *context_ : read_text(*context_file_)}};
  }
  std::vector<Question> questions;
  const std::vector<base::Json> records = read_json_lines(*json_lines_);
  for (std::size_t i = 0; i < records.size(); ++i) {
    questions.push_back({text_member(records[i], *json_lines_, i, "question"),
                         text_member(records[i], *json_lines_, i, "context")});
  }
  return questions;
}

void AnswerCommand::print(const Tokenizer& tokenizer, std::span<const std::int32_t> context,
                          const AnswerSpan& span) const {
  const std::string answer = tokenizer.decode(context.subspan(span.begin, span.end - span.begin));
  if (json_) {
    write_output(
        base::write_json(base::JsonObject{{"answer", answer},
                                          {"score", span.score},
                                          {"start_token", static_cast<std::int64_t>(span.begin)},
                                          {"end_token", static_cast<std::int64_t>(span.end)}}) +
        "\n");
  } else {
    write_output(fmt::format("{}\t{:.4f}\n", base::printable(answer), span.score));
  }
}

int AnswerCommand::run() {
  const std::vector<Question> questions = read_questions();
  const std::filesystem::path directory = model_directory(model_);
  const Tokenizer tokenizer = load_tokenizer(directory);
  auto model = load_model<MiniMaxForQuestionAnswering>(directory, model_);
  const InterruptScope scope;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    scope.check();
    const Question& one = questions[i];
    std::vector<std::int32_t> ids = tokenizer.encode(one.question, SpecialTokens::kAsText);
    const std::size_t begin = ids.size();
    const std::vector<std::int32_t> context = tokenizer.encode(one.context, SpecialTokens::kAsText);
    if (context.empty()) {
      throw UsageError(
          fmt::format("question {}: context: expected at least one token, found none", i + 1));
    }
    ids.insert(ids.end(), context.begin(), context.end());
    const QuestionAnsweringModelOutput output = model.forward(ids);
    for (const AnswerSpan& span : best_spans(std::span(output.start_logits.values).subspan(begin),
                                             std::span(output.end_logits.values).subspan(begin),
                                             static_cast<std::size_t>(max_answer_tokens_),
                                             static_cast<std::size_t>(top_k_))) {
      print(tokenizer, context, span);
    }
  }
  return kExitSuccess;
}

}  // namespace

std::unique_ptr<Command> make_answer_command() { return std::make_unique<AnswerCommand>(); }

}  // namespace minimax::apps
