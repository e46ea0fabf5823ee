// SPDX-License-Identifier: Apache-2.0
// Sliding window attention: softmax layers see the last `sliding_window` tokens and keep no more,
// so that the memory of a sequence stays the same however long it becomes. The window comes from
// config.json.
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

void roll(const std::filesystem::path& directory) {
  auto model = minimax::AutoModelForCausalLM::from_pretrained(directory);
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(directory);
  if (!model.config().sliding_window) {
    std::cout << "this model attends to all tokens\n";
    return;
  }
  std::cout << "window of " << *model.config().sliding_window << " tokens\n";

  minimax::GenerationConfig config = model.generation_config();
  config.ignore_eos = true;
  config.max_new_tokens = 64;
  minimax::State state = model.new_state();
  std::vector<std::int32_t> ids = tokenizer.encode("My favourite condiment is");
  for (int i = 0; i < 4; ++i) {
    const minimax::GenerateOutput output = model.generate(ids, config, {.state = &state});
    std::cout << state.length() << " tokens, " << state.bytes() << " bytes\n";
    ids = {output.tokens.back()};  // chosen, but not read yet
  }
}

}  // namespace

int main(int argc, char** argv) { return examples::run_example(argc, argv, roll); }
