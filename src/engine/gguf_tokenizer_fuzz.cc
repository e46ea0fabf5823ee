// SPDX-License-Identifier: Apache-2.0
// Any bytes as a GGUF file: its metadata gives a configuration and a tokenizer that encodes and
// decodes, or an Error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/gguf_generation.h"
#include "engine/gguf_tokenizer.h"
#include "io/gguf.h"
#include "minimax/error.h"
#include "model/gguf_config.h"
#include "text/gguf_vocabulary.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

template <class Action>
void attempt(const Action& action) {
  try {
    action();
  } catch (const minimax::Error& error) {
    require(error.what()[0] != '\0');
  }
}

void use_tokenizer(const minimax::io::GgufMetadata& metadata) {
  const minimax::Tokenizer::Impl impl = minimax::engine::tokenizer_from_gguf(metadata);
  const minimax::text::Tokenizer& tokenizer = impl.tokenizer;
  for (const std::int32_t id : tokenizer.encode("ab 12, \xC3\xA9<s>\n\n  <unk>")) {
    require(id >= 0 && id < tokenizer.vocab_size() && tokenizer.id_to_token(id).has_value());
  }
  attempt([&] { static_cast<void>(tokenizer.to_gguf(tokenizer.vocab_size())); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  attempt([&] {
    const minimax::io::GgufModel model =
        minimax::io::parse_gguf({reinterpret_cast<const char*>(data), size}, "fuzz");
    attempt([&] { static_cast<void>(minimax::model::config_from_gguf(model).resolved()); });
    attempt([&] { static_cast<void>(minimax::engine::generation_json_from_gguf(model.metadata)); });
    attempt([&] { use_tokenizer(model.metadata); });
  });
  return 0;
}
