// SPDX-License-Identifier: Apache-2.0
// The library in one page: load a model, render a conversation, generate, print as it comes.
//   generate MODEL_DIRECTORY "a question"
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>

#include "minimax/generation_config.h"
#include "minimax/model.h"
#include "minimax/tokenizer.h"

namespace {

std::string quote_json(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + "\"";
}

void answer(const std::filesystem::path& directory, std::string_view question) {
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(directory);
  auto model = minimax::MiniMaxForCausalLM::from_pretrained(directory);

  const std::string messages = R"([{"role": "user", "content": )" + quote_json(question) + "}]";
  minimax::GenerationConfig config = model.generation_config();
  config.do_sample = false;
  config.max_new_tokens = 64;

  minimax::GenerateOptions options;
  options.tokenizer = &tokenizer;
  options.on_text = [](std::string_view text) { std::cout << text << std::flush; };
  model.generate(tokenizer.encode_chat(messages), config, options);
  std::cout << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: generate MODEL_DIRECTORY \"a question\"\n";
    return 2;
  }
  try {
    answer(argv[1], argv[2]);
  } catch (const std::exception& error) {
    std::cerr << "generate: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
