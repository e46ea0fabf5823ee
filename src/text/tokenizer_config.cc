// SPDX-License-Identifier: Apache-2.0
// Reading tokenizer_config.json and special_tokens_map.json beside a tokenizer.
#include <fmt/format.h>

#include <charconv>

#include "base/check.h"
#include "base/file.h"
#include "text/tokenizer_parts.h"

namespace minimax::text {
namespace {

std::int32_t find_token(const std::string& content, const TokenizerParts& parts) {
  const auto added = parts.added_tokens.by_content.find(content);
  return added != parts.added_tokens.by_content.end() ? parts.added_tokens.tokens[added->second].id
                                                      : parts.model.vocabulary().find(content);
}

// A token of the vocabulary that a file calls special becomes an added one.
void make_special(const std::string& content, const std::string& place, TokenizerParts& parts) {
  const auto added = parts.added_tokens.by_content.find(content);
  if (added != parts.added_tokens.by_content.end()) {
    parts.added_tokens.tokens[added->second].special = true;
    return;
  }
  add_token({.id = parts.model.vocabulary().find(content), .content = content, .special = true},
            place, parts);
}

std::int32_t parse_id(const std::string& text, const base::JsonView& json) {
  std::int32_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0 ||
      id > TokenTable::kMaxId) {
    json.fail_expected("ids as keys");
  }
  return id;
}

// {"200019": {"content": "...", "special": true}}. What the tokenizer's own file says about the
// same token is replaced.
void apply_added_tokens(const base::JsonView& json, TokenizerParts& parts) {
  for (const auto& [key, value] : json.as_object()) {
    const base::JsonView view(value, json.source(), json.pointer() + "/" + base::printable(key));
    AddedToken token = parse_added_token(view, parse_id(key, json));
    const std::string place = view.source() + ": " + view.pointer();
    const auto known = parts.added_tokens.by_content.find(token.content);
    if (known == parts.added_tokens.by_content.end()) {
      add_token(std::move(token), place, parts);
      continue;
    }
    AddedToken& old = parts.added_tokens.tokens[known->second];
    base::check(old.id == token.id, ErrorCode::kCorruptFile, [&] {
      return fmt::format("{}: expected the id {} as in the tokenizer, found {}", place, old.id,
                         token.id);
    });
    old = std::move(token);
  }
}

// "<eos>", or {"content": "<eos>", ...}.
const std::string& token_content(const base::JsonView& json) {
  return json.value().is_object() ? json.require("content").as_string() : json.as_string();
}

void apply_special(const base::JsonView& json, std::optional<std::int32_t>* id,
                   TokenizerParts& parts) {
  const std::string& content = token_content(json);
  const std::string place = json.source() + ": " + json.pointer();
  const std::int32_t found = find_token(content, parts);
  if (found < 0) {
    parts.warnings.push_back(
        fmt::format("{}: the tokenizer has no token \"{}\"", place, base::printable(content)));
    return;
  }
  make_special(content, place, parts);
  if (id != nullptr && !id->has_value()) {
    *id = found;
  }
}

void apply_special_tokens(const base::JsonView& json, TokenizerParts& parts) {
  struct Named {
    const char* key;
    std::optional<std::int32_t>* id;
  };
  SpecialTokenIds& ids = parts.special_ids;
  for (const Named& named : {Named{"bos_token", &ids.bos}, Named{"eos_token", &ids.eos},
                             Named{"pad_token", &ids.pad}, Named{"unk_token", &ids.unk}}) {
    if (const auto member = json.get(named.key)) {
      apply_special(*member, named.id, parts);
    }
  }
  if (const auto more = json.get("additional_special_tokens")) {
    for (const base::JsonView& token : more->elements()) {
      apply_special(token, nullptr, parts);
    }
  }
}

}  // namespace

void apply_tokenizer_config(const std::filesystem::path& directory, TokenizerParts& parts) {
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const std::filesystem::path path = directory / name;
    if (!std::filesystem::exists(path)) {
      continue;
    }
    const base::Json file = base::read_json_file(path.string());
    const base::JsonView view(file, path.string());
    view.as_object();
    if (const auto added = view.get("added_tokens_decoder")) {
      apply_added_tokens(*added, parts);
    }
    apply_special_tokens(view, parts);
  }
}

}  // namespace minimax::text
