// SPDX-License-Identifier: Apache-2.0
// Any bytes as config.json: accepted configurations hold what the rest of the library relies on.
#include <cstdlib>

#include "minimax/error.h"
#include "model/config.h"
#include "model/decay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using minimax::MiniMaxConfig;
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const MiniMaxConfig config = minimax::model::parse_config(text, "config.json");
    const bool consistent =
        static_cast<std::int64_t>(config.layer_types.size()) == config.num_hidden_layers &&
        config.num_experts_per_tok <= config.num_local_experts &&
        config.num_attention_heads % config.num_key_value_heads == 0 &&
        config.rotary_dim % 2 == 0 && 0 < config.rotary_dim && config.rotary_dim <= config.head_dim;
    if (!consistent) {
      std::abort();
    }
    for (const float rate : minimax::model::decay_rates(config, config.num_hidden_layers - 1)) {
      if (!(rate >= 0.0f)) {
        std::abort();
      }
    }
  } catch (const minimax::Error&) {
  }
  return 0;
}
