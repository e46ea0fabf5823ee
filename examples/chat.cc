// SPDX-License-Identifier: Apache-2.0
// A conversation: the chat template makes the prompt, generate() the reply.
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

constexpr const char* kMessages = R"([
  {"role": "user", "content": "What is your favourite condiment?"},
  {"role": "assistant", "content": "Well, I'm quite partial to a good squeeze of fresh lemon juice. It adds just the right amount of zesty flavour to whatever I'm cooking up in the kitchen!"},
  {"role": "user", "content": "Do you have mayonnaise recipes?"}
])";

void chat(const std::filesystem::path& directory) {
  auto model = minimax::AutoModelForCausalLM::from_pretrained(directory);
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(directory);

  const std::vector<std::int32_t> model_inputs = tokenizer.encode_chat(kMessages);

  minimax::GenerationConfig config = model.generation_config();
  config.max_new_tokens = 100;
  config.do_sample = true;
  const minimax::GenerateOutput output = model.generate(model_inputs, config);
  std::cout << tokenizer.batch_decode({output.tokens})[0] << '\n';
}

}  // namespace

int main(int argc, char** argv) { return examples::run_example(argc, argv, chat); }
