// SPDX-License-Identifier: Apache-2.0
// Reading vocabularies, merges and added tokens, in whichever file they stand.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/file.h"
#include "text/pattern_json.h"
#include "text/splitters.h"
#include "text/tokenizer_parts.h"

namespace minimax::text {
namespace {

[[noreturn]] void fail(const std::string& place, const std::string& what) {
  throw Error(ErrorCode::kCorruptFile, fmt::format("{}: {}", place, what));
}

// Ids far beyond the number of tokens would let a small file ask for a large table.
std::int64_t largest_sensible_id(std::int64_t tokens) {
  return std::min(TokenTable::kMaxId, 4 * tokens + 65536);
}

std::vector<MergePair> read_merge_lines(std::string_view text, const std::string& source) {
  std::vector<MergePair> merges;
  for (std::int64_t line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (!line.starts_with("#version")) {
      merges.push_back(parse_merge(line, fmt::format("{}: line {}", source, line_number)));
    }
  }
  return merges;
}

}  // namespace

TokenTable read_vocabulary(const base::JsonView& json, std::vector<std::string>& warnings) {
  const base::JsonObject& members = json.as_object();
  if (members.empty()) {
    json.fail_expected("at least one token");
  }
  TokenTable table;
  const auto count = static_cast<std::int64_t>(members.size());
  table.reserve(count);
  for (const auto& [token, id] : members) {
    // The view with its pointer is made only for the complaint.
    if (!id.is_integer() || id.integer() < 0 || id.integer() > largest_sensible_id(count)) {
      base::JsonView(id, json.source(), json.pointer() + "/" + base::printable(token))
          .as_integer(0, largest_sensible_id(count));
    }
    if (table.add(token, static_cast<std::int32_t>(id.integer())) !=
        TokenTable::AddResult::kAdded) {
      fail(json.source(), fmt::format("{}/{}: expected an id of its own, found {} twice",
                                      json.pointer(), base::printable(token), id.integer()));
    }
  }
  if (table.count() != table.size()) {
    warnings.push_back(fmt::format("{}: {}: {} ids below {} belong to no token", json.source(),
                                   json.pointer(), table.size() - table.count(), table.size()));
  }
  return table;
}

MergePair parse_merge(std::string_view line, const std::string& place) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
    fail(place, fmt::format("expected two tokens with a space between, found \"{}\"",
                            base::printable(line)));
  }
  return {line.substr(0, space), line.substr(space + 1)};
}

AddedToken parse_added_token(const base::JsonView& json, std::int32_t id) {
  AddedToken token{.id = id, .content = json.require("content").as_string()};
  token.special = bool_or(json, "special", false);
  token.lstrip = bool_or(json, "lstrip", false);
  token.rstrip = bool_or(json, "rstrip", false);
  token.single_word = bool_or(json, "single_word", false);
  token.normalized = bool_or(json, "normalized", !token.special);
  return token;
}

void add_token(AddedToken token, const std::string& place, TokenizerParts& parts) {
  if (token.content.empty()) {
    parts.warnings.push_back(place + ": an added token without text is ignored");
    return;
  }
  const TokenTable& vocabulary = parts.model.vocabulary();
  const std::int32_t known = vocabulary.find(token.content);
  if (known >= 0 ? known != token.id : vocabulary.contains(token.id)) {
    fail(place, fmt::format("expected an id that agrees with the vocabulary, found {} for \"{}\"",
                            token.id, base::printable(token.content)));
  }
  AddedTokenList& list = parts.added_tokens;
  if (list.ids.contains(token.id) || list.by_content.contains(token.content)) {
    fail(place, fmt::format("expected a token and an id of their own, found {} \"{}\" twice",
                            token.id, base::printable(token.content)));
  }
  // Hugging Face tokenizers number added tokens from the end of the vocabulary on, whatever the
  // file says.
  const std::int64_t usual_id =
      std::max<std::int64_t>(vocabulary.count(), std::int64_t{list.largest_id} + 1);
  if (known < 0 && token.id != usual_id) {
    parts.warnings.push_back(fmt::format("{}: the added token \"{}\" has the id {}, not {}", place,
                                         base::printable(token.content), token.id, usual_id));
  }
  list.ids.insert(token.id);
  list.by_content.emplace(token.content, list.tokens.size());
  list.largest_id = std::max(list.largest_id, token.id);
  list.tokens.push_back(std::move(token));
}

TokenizerParts read_vocab_and_merges(const VocabAndMerges& files) {
  const base::Json vocab = base::parse_json(files.vocab_json, files.vocab_source);
  std::vector<std::string> warnings;
  TokenTable table = read_vocabulary(base::JsonView(vocab, files.vocab_source), warnings);
  std::vector<PreTokenizerStage> stages;
  stages.emplace_back(
      SplitStage{.pattern = Pattern::regex(kO200kPattern, "the splitting rule of GPT-4o")});
  stages.emplace_back(ByteLevelStage{.add_prefix_space = false, .use_regex = false});
  std::vector<DecoderStep> decoding;
  decoding.emplace_back(ByteLevelDecoding{});
  return TokenizerParts{
      .model = Bpe(std::move(table), read_merge_lines(files.merges, files.merges_source),
                   BpeOptions{.map_bytes = true}, files.merges_source),
      .added_tokens = {},
      .normalizer = std::nullopt,
      .pre_tokenizer = PreTokenizer(std::move(stages)),
      .post_processor = {},
      .decoder = Decoder(std::move(decoding)),
      .special_ids = {},
      .warnings = std::move(warnings)};
}

}  // namespace minimax::text
