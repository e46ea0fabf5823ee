// SPDX-License-Identifier: Apache-2.0
// Attention in tiles and arithmetic in half precision. Both are what a model gets without options
// where its checkpoint is bfloat16; here they are asked for. float16 is not offered: activations of
// this family leave its range.
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

void complete(const std::filesystem::path& directory) {
  auto model = minimax::AutoModelForCausalLM::from_pretrained(
      directory, {.dtype = minimax::ComputeType::kBFloat16,
                  .attn_implementation = minimax::AttnImplementation::kFlash});
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(directory);

  const std::string prompt = "My favourite condiment is";
  minimax::GenerationConfig config = model.generation_config();
  config.max_new_tokens = 100;
  config.do_sample = true;
  const minimax::GenerateOutput output = model.generate(tokenizer.encode(prompt), config);
  std::cout << prompt << tokenizer.decode(output.tokens) << '\n';
}

}  // namespace

int main(int argc, char** argv) { return examples::run_example(argc, argv, complete); }
