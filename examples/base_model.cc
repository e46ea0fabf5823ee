// SPDX-License-Identifier: Apache-2.0
// The layers without a head: what they make of a text, for an embedding or a head of your own.
#include <iostream>

#include "minimax/model.h"
#include "minimax/tokenizer.h"
#include "run_example.h"

namespace {

// A model that was never trained, from a configuration alone.
void show_untrained() {
  minimax::MiniMaxConfig configuration;
  configuration.hidden_size = 64;
  configuration.intermediate_size = 32;
  configuration.num_hidden_layers = 2;
  configuration.num_attention_heads = 4;
  configuration.num_key_value_heads = 2;
  auto model = minimax::MiniMaxModel::from_config(configuration);
  std::cout << model.size().total_parameters << " random parameters\n";
}

void show(const std::filesystem::path& directory) {
  show_untrained();
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
