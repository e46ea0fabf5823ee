// SPDX-License-Identifier: Apache-2.0
// A text continued to a length, and the loss of the model on that text.
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

void complete(const std::filesystem::path& directory) {
  auto model = minimax::MiniMaxForCausalLM::from_pretrained(directory);
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(directory);

  std::vector<std::int32_t> ids = tokenizer.encode("Hey, are you conscious? Can you talk to me?");
  minimax::GenerationConfig config = model.generation_config();
  config.max_new_tokens.reset();
  config.max_length = 30;  // the prompt included
  const minimax::GenerateOutput output = model.generate(ids, config);
  ids.insert(ids.end(), output.tokens.begin(), output.tokens.end());
  std::cout << tokenizer.batch_decode({ids}, true)[0] << '\n';

  std::cout << "loss " << *model.forward(ids, {.labels = ids}).loss << '\n';
}

}  // namespace

int main(int argc, char** argv) { return examples::run_example(argc, argv, complete); }
