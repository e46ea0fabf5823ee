// SPDX-License-Identifier: Apache-2.0
// The class of a text. Where the checkpoint has no such head, its weights are random and a warning
// says so.
#include <algorithm>
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

void classify(const std::filesystem::path& directory) {
  auto model = minimax::MiniMaxForSequenceClassification::from_pretrained(directory);
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(directory);
  for (const std::string& warning : model.warnings()) {
    std::cerr << "warning: " << warning << '\n';
  }

  const std::vector<std::int32_t> ids = tokenizer.encode("This mayonnaise is wonderful.");
  const std::vector<std::int32_t> labels = {1};
  const minimax::SequenceClassifierOutputWithPast output = model.forward(ids, {.labels = labels});
  const std::vector<float>& logits = output.logits.values;
  const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
  std::cout << model.config().id2label[static_cast<std::size_t>(best)] << ", loss " << *output.loss
            << '\n';
}

}  // namespace

int main(int argc, char** argv) { return examples::run_example(argc, argv, classify); }
