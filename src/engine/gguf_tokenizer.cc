// SPDX-License-Identifier: Apache-2.0
#include "engine/gguf_tokenizer.h"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/file.h"
#include "text/gguf_vocabulary.h"
#include "text/token_table.h"

namespace minimax::engine {
namespace {

using io::GgufMetadata;

constexpr std::string_view kTemplateKey = "tokenizer.chat_template";

std::string tokenizer_key(std::string_view name) { return fmt::format("tokenizer.ggml.{}", name); }

[[noreturn]] void fail(ErrorCode code, const GgufMetadata& metadata, std::string_view key,
                       const std::string& what) {
  throw Error(code, fmt::format("{}: key \"{}\": {}", metadata.source(), key, what));
}

void check_kind(const GgufMetadata& metadata) {
  const std::string key = tokenizer_key("model");
  const std::string* kind = metadata.string(key);
  if (kind == nullptr || *kind == "none" || *kind == "no_vocab") {
    fail(ErrorCode::kUnsupported, metadata, key,
         "this file has no tokenizer: it can be run on token ids, but not on text");
  }
  if (*kind != "gpt2") {
    fail(ErrorCode::kUnsupported, metadata, key,
         fmt::format("expected \"gpt2\", found \"{}\"", base::printable(*kind, 100)));
  }
}

template <class Values>
const Values& required(const GgufMetadata& metadata, const std::string& key, const Values* values) {
  if (values == nullptr) {
    fail(ErrorCode::kCorruptFile, metadata, key, "expected an array of string, found no such key");
  }
  return *values;
}

std::optional<std::int32_t> token_id(const GgufMetadata& metadata, std::string_view name) {
  const std::string key = tokenizer_key(fmt::format("{}_token_id", name));
  const std::optional<std::int64_t> id = metadata.integer(key);
  if (!id) {
    return std::nullopt;
  }
  if (*id < 0 || *id > text::TokenTable::kMaxId) {
    fail(ErrorCode::kCorruptFile, metadata, key,
         fmt::format("expected 0 to {}, found {}", text::TokenTable::kMaxId, *id));
  }
  return static_cast<std::int32_t>(*id);
}

text::Tokenizer read_tokenizer(const GgufMetadata& metadata) {
  check_kind(metadata);
  const std::string tokens_key = tokenizer_key("tokens");
  const std::string merges_key = tokenizer_key("merges");
  const std::string* pre = metadata.string(tokenizer_key("pre"));
  const std::vector<std::int64_t> types =
      metadata.integers(tokenizer_key("token_type")).value_or(std::vector<std::int64_t>());
  text::GgufVocabulary vocabulary{
      .source = metadata.source(),
      .tokens = required(metadata, tokens_key, metadata.strings(tokens_key)),
      .types = types,
      .merges = required(metadata, merges_key, metadata.strings(merges_key)),
      .pre = pre == nullptr ? "" : *pre,
      .ids = {.bos = token_id(metadata, "bos"),
              .eos = token_id(metadata, "eos"),
              .pad = token_id(metadata, "padding"),
              .unk = token_id(metadata, "unknown")},
      .add_bos = metadata.boolean(tokenizer_key("add_bos_token")),
      .add_eos = metadata.boolean(tokenizer_key("add_eos_token"))};
  for (const std::string_view name : {"eot", "eom"}) {
    if (const std::optional<std::int32_t> id = token_id(metadata, name)) {
      vocabulary.more_special_ids.push_back(*id);
    }
  }
  return text::Tokenizer::from_gguf(vocabulary);
}

}  // namespace

text::TemplateFiles templates_from_gguf(const GgufMetadata& metadata,
                                        const text::Tokenizer& tokenizer) {
  text::TemplateFiles files;
  for (const auto& [key, value] : metadata.values()) {
    std::string_view name = key;
    if (!name.starts_with(kTemplateKey)) {
      continue;
    }
    name.remove_prefix(kTemplateKey.size());
    if (name.empty() || name.starts_with('.')) {
      files.templates.push_back({name.empty() ? "default" : std::string(name.substr(1)),
                                 fmt::format("{}: key \"{}\"", metadata.source(), key),
                                 *metadata.string(key)});
    }
  }
  const text::SpecialTokenIds& ids = tokenizer.special_ids();
  for (const auto& [name, id] :
       {std::pair("bos_token", ids.bos), std::pair("eos_token", ids.eos),
        std::pair("unk_token", ids.unk), std::pair("pad_token", ids.pad)}) {
    if (id) {
      files.special_tokens.emplace_back(name, std::string(*tokenizer.id_to_token(*id)));
    }
  }
  return files;
}

Tokenizer::Impl tokenizer_from_gguf(const GgufMetadata& metadata) {
  text::Tokenizer tokenizer = read_tokenizer(metadata);
  text::ChatTemplate chat_template = text::ChatTemplate::from_templates(
      templates_from_gguf(metadata, tokenizer), metadata.source());
  return {
      .tokenizer = std::move(tokenizer), .chat_template = std::move(chat_template), .warnings = {}};
}

}  // namespace minimax::engine
