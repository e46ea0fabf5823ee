// SPDX-License-Identifier: Apache-2.0
#include "engine/gguf_generation.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace minimax::engine {

base::Json generation_json_from_gguf(const io::GgufMetadata& metadata) {
  base::JsonObject json;
  if (const std::optional<double> temperature = metadata.real("general.sampling.temp")) {
    json.emplace_back("temperature", *temperature);
    json.emplace_back("do_sample", *temperature > 0);
  }
  for (const auto& [key, field] :
       {std::pair("general.sampling.top_p", "top_p"), std::pair("general.sampling.min_p", "min_p"),
        std::pair("general.sampling.penalty_repeat", "repetition_penalty")}) {
    if (const std::optional<double> value = metadata.real(key)) {
      json.emplace_back(field, *value);
    }
  }
  if (const std::optional<std::int64_t> top_k = metadata.integer("general.sampling.top_k")) {
    json.emplace_back("top_k", *top_k);
  }
  if (const auto ids = metadata.integers("tokenizer.ggml.suppress_tokens"); ids && !ids->empty()) {
    json.emplace_back("suppress_tokens", base::JsonArray(ids->begin(), ids->end()));
  }
  return json;
}

}  // namespace minimax::engine
