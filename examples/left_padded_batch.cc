// SPDX-License-Identifier: Apache-2.0
// Several texts of different lengths at once. Padding is cut off before anything is computed: every
// row is continued as if it were alone.
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

void complete(const std::filesystem::path& directory) {
  auto model = minimax::AutoModelForCausalLM::from_pretrained(directory);
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(directory);

  const std::vector<std::string> prompts = {"My favourite condiment is", "Once upon a time",
                                            "Paris is the capital of"};
  const minimax::BatchEncoding batch = tokenizer.encode_batch(
      prompts, minimax::PaddingSide::kLeft, model.config().pad_token_id.value_or(0));
  minimax::GenerationConfig config = model.generation_config();
  config.do_sample = false;
  config.max_new_tokens = 20;
  const std::vector<minimax::GenerateOutput> outputs = model.generate(batch.inputs(), config);
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    std::cout << prompts[row] << tokenizer.decode(outputs[row].tokens, true) << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) { return examples::run_example(argc, argv, complete); }
