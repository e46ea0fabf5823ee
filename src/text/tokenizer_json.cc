// SPDX-License-Identifier: Apache-2.0
// Reading tokenizer.json.
#include <fmt/format.h>

#include "base/check.h"
#include "base/file.h"
#include "text/byte_token.h"
#include "text/pattern_json.h"
#include "text/tokenizer_parts.h"

namespace minimax::text {
namespace {

void check_count(const base::JsonView& json, std::size_t count, std::int64_t max,
                 const char* what) {
  if (static_cast<std::int64_t>(count) > max) {
    json.fail_expected(fmt::format("at most {} {}", max, what));
  }
}

bool is_pair(const base::Json& merge) {
  return merge.is_array() && merge.array().size() == 2 && merge.array()[0].is_string() &&
         merge.array()[1].is_string();
}

MergePair parse_merge_json(const base::JsonView& json) {
  if (json.value().is_string()) {
    return parse_merge(json.value().string(), json.source() + ": " + json.pointer());
  }
  json.fail_expected("a pair of tokens");
}

// Most merges are pairs; the JSON pointer is written out only for the others.
std::vector<MergePair> read_merges(const base::JsonView& json) {
  if (!json.value().is_array()) {
    json.fail_expected("an array");
  }
  const base::JsonArray& array = json.value().array();
  check_count(json, array.size(), kMaxMerges, "merges");
  std::vector<MergePair> merges;
  merges.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    const base::Json& merge = array[i];
    if (is_pair(merge)) {
      merges.push_back({merge.array()[0].string(), merge.array()[1].string()});
    } else if (!merge.is_string() || !merge.string().starts_with("#version")) {
      const std::string pointer = fmt::format("{}/{}", json.pointer(), i);
      merges.push_back(parse_merge_json(base::JsonView(merge, json.source(), pointer)));
    }
  }
  return merges;
}

// Types that this build does not know, told from the one it does.
void check_model_type(const base::JsonView& model) {
  const std::string type = string_or(model, "type", "BPE");
  if (type != "BPE") {
    refuse_type(model, "model");
  }
  const auto dropout = model.get("dropout");
  if (dropout && dropout->as_finite() != 0.0) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{}: {}: merging at random is not supported",
                                                     dropout->source(), dropout->pointer()));
  }
}

// A token such as <0xZZ> promises a byte that it does not name.
void check_byte_tokens(const base::JsonView& vocab) {
  for (const auto& [token, id] : vocab.as_object()) {
    base::check(!looks_like_byte_token(token) || parse_byte_token(token) >= 0,
                ErrorCode::kCorruptFile, [&] {
                  return fmt::format("{}: {}: expected byte tokens from <0x00> to <0xFF>, found {}",
                                     vocab.source(), vocab.pointer(), base::printable(token));
                });
  }
}

Bpe read_model(const base::JsonView& model, bool map_bytes, std::vector<std::string>& warnings) {
  check_model_type(model);
  const base::JsonView vocab = model.require("vocab");
  check_count(vocab, vocab.as_object().size(), kMaxVocabulary, "tokens");
  BpeOptions options{
      .continuing_subword_prefix = string_or(model, "continuing_subword_prefix", ""),
      .end_of_word_suffix = string_or(model, "end_of_word_suffix", ""),
      .fuse_unk = bool_or(model, "fuse_unk", false),
      .byte_fallback = bool_or(model, "byte_fallback", false),
      .ignore_merges = bool_or(model, "ignore_merges", false),
      .map_bytes = map_bytes,
  };
  if (const auto unk = model.get("unk_token")) {
    options.unk_token = unk->as_string();
  }
  if (options.byte_fallback) {
    check_byte_tokens(vocab);
  }
  TokenTable table = read_vocabulary(vocab, warnings);
  return Bpe(std::move(table), read_merges(model.require("merges")), std::move(options),
             model.source() + ": " + model.pointer());
}

void read_added_tokens(const base::JsonView& json, TokenizerParts& parts) {
  const auto tokens = json.elements();
  check_count(json, tokens.size(), kMaxAddedTokens, "added tokens");
  std::int64_t bytes = 0;
  for (const base::JsonView& token : tokens) {
    const auto id = token.require("id").as_integer(0, TokenTable::kMaxId);
    AddedToken parsed = parse_added_token(token, static_cast<std::int32_t>(id));
    bytes += static_cast<std::int64_t>(parsed.content.size());
    if (bytes > kMaxAddedBytes) {
      token.fail_expected(fmt::format("at most {} bytes of added tokens", kMaxAddedBytes));
    }
    add_token(std::move(parsed), token.source() + ": " + token.pointer(), parts);
  }
}

void check_template_ids(const base::JsonView& file, const TokenizerParts& parts) {
  for (const auto* ids : {&parts.post_processor.prefix(), &parts.post_processor.suffix()}) {
    for (const std::int32_t id : *ids) {
      base::check(parts.added_tokens.ids.contains(id) || parts.model.vocabulary().contains(id),
                  ErrorCode::kCorruptFile, [&] {
                    return fmt::format("{}: /post_processor: expected ids of tokens, found {}",
                                       file.source(), id);
                  });
    }
  }
}

}  // namespace

TokenizerParts read_tokenizer_json(std::string_view json, const std::string& source) {
  const base::Json file = base::parse_json(json, source);
  const base::JsonView view(file, source);
  view.as_object();
  PreTokenizer pre_tokenizer;
  if (const auto member = view.get("pre_tokenizer")) {
    pre_tokenizer = PreTokenizer::from_json(*member);
  }
  std::vector<std::string> warnings;
  Bpe model = read_model(view.require("model"), pre_tokenizer.leaves_bytes(), warnings);
  TokenizerParts parts{.model = std::move(model),
                       .added_tokens = {},
                       .normalizer = std::nullopt,
                       .pre_tokenizer = std::move(pre_tokenizer),
                       .post_processor = {},
                       .special_ids = {},
                       .warnings = std::move(warnings)};
  if (const auto member = view.get("normalizer")) {
    parts.normalizer = Normalizer::from_json(*member);
  }
  if (const auto member = view.get("post_processor")) {
    parts.post_processor = PostProcessor::from_json(*member);
  }
  if (const auto member = view.get("decoder")) {
    parts.decoder = Decoder::from_json(*member);
  }
  if (const auto member = view.get("added_tokens")) {
    read_added_tokens(*member, parts);
  }
  check_template_ids(view, parts);
  return parts;
}

}  // namespace minimax::text
