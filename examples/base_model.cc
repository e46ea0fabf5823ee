// SPDX-License-Identifier: Apache-2.0
// The layers without a head: what they make of a text, for an embedding or a head of your own.
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

void show(const std::filesystem::path& directory) {
  const auto configuration = minimax::AutoConfig::from_pretrained(directory);
  auto model = minimax::MiniMaxModel::from_pretrained(directory);
  const minimax::Tokenizer tokenizer = minimax::AutoTokenizer::from_pretrained(directory);

  const std::vector<std::int32_t> ids = tokenizer.encode("My favourite condiment is");
  const minimax::MoeModelOutputWithPast output =
      model.forward(ids, {.output_hidden_states = true, .output_router_logits = true});
  std::cout << configuration.num_hidden_layers << " layers, " << output.hidden_states.size()
            << " hidden states\n";
  for (const std::int64_t extent : output.last_hidden_state.shape) {
    std::cout << extent << ' ';
  }
  std::cout << "\nrouted among " << output.router_logits[0].shape[1] << " experts\n";
}

}  // namespace

int main(int argc, char** argv) { return examples::run_example(argc, argv, show); }
