// SPDX-License-Identifier: Apache-2.0
// A model whose weights become 4 bits each while they are loaded, and a text that it continues.
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

void complete(const std::filesystem::path& directory) {
  const minimax::BitsAndBytesConfig quantization{
      .load_in_4bit = true,
      .bnb_4bit_quant_type = minimax::Bnb4BitQuantType::kNf4,
      .bnb_4bit_compute_dtype = minimax::ComputeType::kBFloat16};
  auto model = minimax::AutoModelForCausalLM::from_pretrained(
      directory, {.quantization_config = quantization});
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
