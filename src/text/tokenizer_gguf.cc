// SPDX-License-Identifier: Apache-2.0
// Tokenizers from the metadata of GGUF files, and back.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "text/gguf_splitting.h"
#include "text/gguf_vocabulary.h"
#include "text/tokenizer_parts.h"

namespace minimax::text {
namespace {

class GgufReader {
 public:
  explicit GgufReader(const GgufVocabulary& file) : file_(file) {}

  TokenizerParts read() const {
    check_counts();
    GgufSplitting splitting = find_splitting();
    std::vector<DecoderStep> decoding;
    decoding.emplace_back(ByteLevelDecoding{});
    TokenizerParts parts{
        .model = Bpe(read_tokens(), read_merges(),
                     BpeOptions{.ignore_merges = splitting.ignore_merges, .map_bytes = true},
                     file_.source + ": key \"tokenizer.ggml.merges\""),
        .added_tokens = {},
        .normalizer = std::nullopt,
        .pre_tokenizer = std::move(splitting.pre_tokenizer),
        .post_processor = {},
        .decoder = Decoder(std::move(decoding)),
        .special_ids = {},
        .warnings = {}};
    add_added_tokens(parts);
    add_special_ids(parts);
    parts.post_processor = post_processor(parts, splitting.adds_bos);
    return parts;
  }

 private:
  [[noreturn]] void fail(ErrorCode code, std::string_view key, const std::string& what) const {
    throw Error(code, fmt::format("{}: key \"tokenizer.ggml.{}\": {}", file_.source, key, what));
  }

  void check_at_most(std::string_view key, std::size_t found, std::int64_t limit) const {
    if (static_cast<std::int64_t>(found) > limit) {
      fail(ErrorCode::kCorruptFile, key,
           fmt::format("expected at most {} entries, found {}", limit, found));
    }
  }

  void check_counts() const {
    check_at_most("tokens", file_.tokens.size(), kMaxVocabulary);
    check_at_most("merges", file_.merges.size(), kMaxMerges);
    if (file_.tokens.empty()) {
      fail(ErrorCode::kCorruptFile, "tokens", "expected at least one token, found none");
    }
    if (!file_.types.empty() && file_.types.size() != file_.tokens.size()) {
      fail(ErrorCode::kCorruptFile, "token_type",
           fmt::format("expected one for each of the {} tokens, found {}", file_.tokens.size(),
                       file_.types.size()));
    }
  }

  GgufSplitting find_splitting() const {
    std::optional<GgufSplitting> splitting = find_gguf_splitting(file_.pre);
    if (!splitting) {
      fail(ErrorCode::kUnsupported, "pre",
           fmt::format("expected the name of a splitting rule that is known here, such as gpt-4o, "
                       "gpt-2, smollm, llama-bpe or qwen2, found \"{}\"",
                       base::printable(file_.pre, 100)));
    }
    return std::move(*splitting);
  }

  GgufTokenType type_of(std::size_t id) const {
    if (file_.types.empty()) {
      return GgufTokenType::kNormal;
    }
    const std::int64_t type = file_.types[id];
    if (type < 0 || type > static_cast<std::int64_t>(GgufTokenType::kByte)) {
      fail(ErrorCode::kCorruptFile, "token_type",
           fmt::format("expected 1 to 6, found {} for token {}", type, id));
    }
    return type == 0 ? GgufTokenType::kNormal : static_cast<GgufTokenType>(type);
  }

  TokenTable read_tokens() const {
    TokenTable table;
    table.reserve(std::ssize(file_.tokens));
    for (std::size_t id = 0; id < file_.tokens.size(); ++id) {
      const std::string& token = file_.tokens[id];
      if (type_of(id) == GgufTokenType::kUnused || token.empty()) {
        continue;
      }
      if (table.add(token, static_cast<std::int32_t>(id)) != TokenTable::AddResult::kAdded) {
        fail(ErrorCode::kCorruptFile, "tokens",
             fmt::format("expected every token once, found \"{}\" twice",
                         base::printable(token, 100)));
      }
    }
    return table;
  }

  std::vector<MergePair> read_merges() const {
    std::vector<MergePair> merges;
    merges.reserve(file_.merges.size());
    for (const std::string& line : file_.merges) {
      const std::size_t space = line.find(' ');
      if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
        fail(ErrorCode::kCorruptFile, "merges",
             fmt::format("expected two tokens with a space between, found \"{}\"",
                         base::printable(line, 100)));
      }
      const std::string_view text = line;
      merges.push_back({text.substr(0, space), text.substr(space + 1)});
    }
    return merges;
  }

  void add_added_tokens(TokenizerParts& parts) const {
    std::int64_t bytes = 0;
    for (std::size_t id = 0; id < file_.tokens.size(); ++id) {
      const GgufTokenType type = type_of(id);
      const bool is_special = type == GgufTokenType::kControl || type == GgufTokenType::kUnknown;
      if ((is_special || type == GgufTokenType::kUserDefined) && !file_.tokens[id].empty()) {
        bytes += std::ssize(file_.tokens[id]);
        check_at_most("tokens", static_cast<std::size_t>(bytes), kMaxAddedBytes);
        add(static_cast<std::int32_t>(id), is_special, parts);
      }
    }
  }

  void add(std::int32_t id, bool is_special, TokenizerParts& parts) const {
    const std::string& content = file_.tokens[static_cast<std::size_t>(id)];
    add_token({.id = id, .content = content, .special = is_special},
              file_.source + ": key \"tokenizer.ggml.tokens\"", parts);
  }

  // A token with a part to play is special, whatever its type.
  std::optional<std::int32_t> special(std::optional<std::int32_t> id, TokenizerParts& parts) const {
    if (!id) {
      return std::nullopt;
    }
    if (!parts.model.vocabulary().contains(*id)) {
      parts.warnings.push_back(
          fmt::format("{}: the special token {} is not in the vocabulary", file_.source, *id));
      return std::nullopt;
    }
    AddedTokenList& added = parts.added_tokens;
    if (!added.ids.contains(*id)) {
      add(*id, true, parts);
    } else {
      std::ranges::find(added.tokens, *id, &AddedToken::id)->special = true;
    }
    return id;
  }

  void add_special_ids(TokenizerParts& parts) const {
    parts.special_ids = {.bos = special(file_.ids.bos, parts),
                         .eos = special(file_.ids.eos, parts),
                         .pad = special(file_.ids.pad, parts),
                         .unk = special(file_.ids.unk, parts)};
    for (const std::int32_t id : file_.more_special_ids) {
      special(id, parts);
    }
  }

  std::vector<std::int32_t> around(bool is_added, std::optional<std::int32_t> id,
                                   std::string_view key) const {
    if (!is_added) {
      return {};
    }
    if (!id) {
      fail(ErrorCode::kCorruptFile, key, "expected a token to add, found none with that part");
    }
    return {*id};
  }

  PostProcessor post_processor(const TokenizerParts& parts, bool adds_bos) const {
    // A rule that adds the token by default can do so only where there is one.
    const bool by_default = adds_bos && parts.special_ids.bos.has_value();
    return {around(file_.add_bos.value_or(by_default), parts.special_ids.bos, "add_bos_token"),
            around(file_.add_eos.value_or(false), parts.special_ids.eos, "add_eos_token")};
  }

  const GgufVocabulary& file_;
};

class GgufWriter {
 public:
  GgufWriter(const Tokenizer& tokenizer, const TokenizerParts& parts,
             std::span<const AddedToken> added)
      : tokenizer_(tokenizer), parts_(parts), added_(added) {}

  OwnedGgufVocabulary write(std::int64_t vocab_size) const {
    check_byte_level(parts_, "GGUF");
    OwnedGgufVocabulary file;
    file.pre = gguf_splitting_name(parts_.pre_tokenizer, parts_.model.options().ignore_merges);
    if (file.pre.empty()) {
      fail("its splitting rule has no name in llama.cpp that is known here");
    }
    file.ids = tokenizer_.special_ids();
    write_tokens(vocab_size, file);
    for (const MergePair& pair : parts_.model.merges()) {
      file.merges.push_back(fmt::format("{} {}", pair.left, pair.right));
    }
    file.add_bos = is_around(parts_.post_processor.prefix(), file.ids.bos);
    file.add_eos = is_around(parts_.post_processor.suffix(), file.ids.eos);
    return file;
  }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw Error(ErrorCode::kUnsupported, "the tokenizer cannot be written as GGUF: " + what);
  }

  // Whether that token stands there; nothing else may.
  static bool is_around(const std::vector<std::int32_t>& ids, std::optional<std::int32_t> id) {
    if (ids.empty()) {
      return false;
    }
    if (ids.size() > 1 || ids.front() != id) {
      fail("it puts other tokens around a text than bos before and eos behind it");
    }
    return true;
  }

  void write_tokens(std::int64_t vocab_size, OwnedGgufVocabulary& file) const {
    const std::int64_t own = tokenizer_.vocab_size();
    if (own > vocab_size) {
      fail(fmt::format("it has {} ids, the model {}", own, vocab_size));
    }
    for (std::int64_t id = 0; id < vocab_size; ++id) {
      const std::optional<std::string_view> token = tokenizer_.id_to_token(id);
      file.tokens.push_back(token ? std::string(*token) : fmt::format("[PAD{}]", id));
      file.types.push_back(
          static_cast<std::int32_t>(token ? GgufTokenType::kNormal : GgufTokenType::kUnused));
    }
    for (const AddedToken& token : added_) {
      file.types[static_cast<std::size_t>(token.id)] = static_cast<std::int32_t>(
          token.special ? GgufTokenType::kControl : GgufTokenType::kUserDefined);
      if (token.lstrip || token.rstrip || token.single_word) {
        file.warnings.push_back(
            fmt::format("the token \"{}\" loses its flags lstrip, rstrip and single_word, which "
                        "GGUF does not have",
                        base::printable(token.content, 100)));
      }
    }
  }

  const Tokenizer& tokenizer_;
  const TokenizerParts& parts_;
  std::span<const AddedToken> added_;
};

}  // namespace

Tokenizer Tokenizer::from_gguf(const GgufVocabulary& vocabulary) {
  return Tokenizer(GgufReader(vocabulary).read());
}

OwnedGgufVocabulary write_gguf(const Tokenizer& tokenizer, const TokenizerParts& parts,
                               std::span<const AddedToken> added, std::int64_t vocab_size) {
  return GgufWriter(tokenizer, parts, added).write(vocab_size);
}

}  // namespace minimax::text
