// SPDX-License-Identifier: Apache-2.0
// A class for every token of a text.
#include <algorithm>
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

void tag(const std::filesystem::path& directory) {
  auto model = minimax::MiniMaxForTokenClassification::from_pretrained(directory);
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(directory);

  const std::vector<std::int32_t> ids = tokenizer.encode("Paris is the capital of France.");
  const minimax::TokenClassifierOutput output = model.forward(ids);
  auto logits = output.logits.values.begin();
  for (const std::int32_t id : ids) {
    const auto end = logits + model.config().num_labels();
    const auto best = std::max_element(logits, end) - logits;
    std::cout << tokenizer.decode({&id, 1}) << '\t'
              << model.config().id2label[static_cast<std::size_t>(best)] << '\n';
    logits = end;
  }
}

}  // namespace

int main(int argc, char** argv) { return examples::run_example(argc, argv, tag); }
