// SPDX-License-Identifier: Apache-2.0
// Where in a text the answer to a question stands.
#include <algorithm>
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

std::size_t best_from(const std::vector<float>& logits, std::size_t first) {
  const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(first);
  return static_cast<std::size_t>(std::max_element(begin, logits.end()) - logits.begin());
}

void answer(const std::filesystem::path& directory) {
  auto model = minimax::MiniMaxForQuestionAnswering::from_pretrained(directory);
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(directory);

  std::vector<std::int32_t> ids = tokenizer.encode("What goes into mayonnaise?\n");
  const std::size_t question_tokens = ids.size();
  const auto context = tokenizer.encode("Mayonnaise is made of oil, egg yolk and vinegar.");
  ids.insert(ids.end(), context.begin(), context.end());

  const minimax::QuestionAnsweringModelOutput output = model.forward(ids);
  const std::size_t start = best_from(output.start_logits.values, question_tokens);
  const std::size_t end = best_from(output.end_logits.values, start);
  std::cout << "tokens " << start << " to " << end << ": "
            << tokenizer.decode(std::span(ids).subspan(start, end - start + 1)) << '\n';
}

}  // namespace

int main(int argc, char** argv) { return examples::run_example(argc, argv, answer); }
