// SPDX-License-Identifier: Apache-2.0
// Any bytes as a GGUF file: its metadata gives a configuration and a tokenizer that encodes and
// decodes, or an Error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
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

constexpr const char* kProbe = "ab 12, \xC3\xA9<s>\n\n  <unk>";

// The text of a tokenizer.json, or nothing where the tokenizer cannot be written as one.
std::optional<std::string> json_of(const minimax::text::Tokenizer& tokenizer) {
  try {
    return tokenizer.to_tokenizer_json();
  } catch (const minimax::Error&) {
    return std::nullopt;
  }
}

// What is written can be read, and does the same.
void check_copy(const minimax::text::Tokenizer& tokenizer, const std::string& json) noexcept {
  const auto copy = minimax::text::Tokenizer::from_tokenizer_json(json, "copy");
  require(copy.encode(kProbe) == tokenizer.encode(kProbe));
}

void use_tokenizer(const minimax::io::GgufMetadata& metadata) {
  const minimax::Tokenizer::Impl impl = minimax::engine::tokenizer_from_gguf(metadata);
  const minimax::text::Tokenizer& tokenizer = impl.tokenizer;
  for (const std::int32_t id : tokenizer.encode(kProbe)) {
    require(id >= 0 && id < tokenizer.vocab_size() && tokenizer.id_to_token(id).has_value());
  }
  if (const std::optional<std::string> json = json_of(tokenizer)) {
    check_copy(tokenizer, *json);
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
