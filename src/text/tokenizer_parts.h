// SPDX-License-Identifier: Apache-2.0
// What a tokenizer is made of, and the readers that make it from files. Private to tokenizer.cc
// and the readers.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer.h"

namespace minimax::text {

// What a file may hold at most.
inline constexpr std::int64_t kMaxVocabulary = 1'000'000;
inline constexpr std::int64_t kMaxMerges = 2'000'000;
inline constexpr std::int64_t kMaxAddedTokens = 1'000'000;
inline constexpr std::int64_t kMaxAddedBytes = 4 << 20;

/// Added tokens in the order of their file, each content and id once.
struct AddedTokenList {
  std::vector<AddedToken> tokens;
  std::unordered_map<std::string, std::size_t> by_content;  // index
  std::unordered_set<std::int32_t> ids;
  std::int32_t largest_id = -1;
};

struct TokenizerParts {
  Bpe model;
  AddedTokenList added_tokens;
  std::optional<Normalizer> normalizer;
  PreTokenizer pre_tokenizer;
  PostProcessor post_processor;
  Decoder decoder = Decoder::joining_with_spaces();
  SpecialTokenIds special_ids;
  std::vector<std::string> warnings;
};

/// The parts that a tokenizer.json describes.
/// Throws: Error{kCorruptFile, kUnsupported} naming `source` and the JSON pointer.
TokenizerParts read_tokenizer_json(std::string_view json, const std::string& source);

/// The parts of a vocab.json and merges.txt pair: byte level, with the splitting rule of GPT-4o
/// that the MiniMax-01 release uses.
/// Throws: Error{kCorruptFile} naming the source and the JSON pointer or line.
TokenizerParts read_vocab_and_merges(const VocabAndMerges& files);

/// The member "vocab" of a model, or a whole vocab.json.
/// Throws: Error{kCorruptFile} for duplicate, negative and absurd ids, and where it is empty.
TokenTable read_vocabulary(const base::JsonView& json, std::vector<std::string>& warnings);

/// A line of merges.txt, or one merge of a tokenizer.json written as a line; the pair points into
/// it.
/// Throws: Error{kCorruptFile} "`place`: expected two tokens with a space between, found ...".
MergePair parse_merge(std::string_view line, const std::string& place);

/// Adds a token; one without text is ignored with a warning. A content that the vocabulary knows
/// must have the same id there, and neither content nor id may belong to another token.
/// Throws: Error{kCorruptFile} naming `place`.
void add_token(AddedToken token, const std::string& place, TokenizerParts& parts);

/// {"content": ..., "lstrip": ...} with defaults for absent flags.
AddedToken parse_added_token(const base::JsonView& json, std::int32_t id);

/// Applies tokenizer_config.json and special_tokens_map.json where the directory has them: more
/// added tokens, and which ones begin and end a text.
/// Throws: Error{kCorruptFile} naming the file and the JSON pointer.
void apply_tokenizer_config(const std::filesystem::path& directory, TokenizerParts& parts);

/// Requires of a tokenizer that is to be written `as` another file: bytes in the byte alphabet and
/// merges are all that it knows. Throws: Error{kUnsupported}.
void check_byte_level(const TokenizerParts& parts, std::string_view as);

/// What stands behind Tokenizer::to_tokenizer_json(); `added` as below.
std::string write_tokenizer_json(const Tokenizer& tokenizer, const TokenizerParts& parts,
                                 std::span<const AddedToken> added);

/// What stands behind Tokenizer::to_gguf(); `added` are the tokens that `parts` no longer has.
OwnedGgufVocabulary write_gguf(const Tokenizer& tokenizer, const TokenizerParts& parts,
                               std::span<const AddedToken> added, std::int64_t vocab_size);

}  // namespace minimax::text
