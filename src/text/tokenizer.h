// SPDX-License-Identifier: Apache-2.0
// Text to token ids and back, as Hugging Face tokenizers does it for byte pair encodings.
// Not for chat templates (chat_template.h), nor for text that arrives token by token
// (detokenizer.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/text_segment.h"

namespace minimax::text {

class DecoderStream;
struct GgufVocabulary;
struct OwnedGgufVocabulary;
struct TokenizerParts;

/// What becomes of bytes that are not UTF-8: U+FFFD as Python's errors="replace" writes it, or
/// an Error.
enum class InvalidUtf8 { kReplace, kRefuse };

struct EncodeOptions {
  bool add_special_tokens = true;  // those of the post-processor, around the text
  bool parse_special = true;       // false: text that spells a special token stays text
  InvalidUtf8 invalid_utf8 = InvalidUtf8::kReplace;
};

/// From tokenizer_config.json or special_tokens_map.json; absent where neither names a token that
/// the tokenizer has.
struct SpecialTokenIds {
  std::optional<std::int32_t> bos;
  std::optional<std::int32_t> eos;
  std::optional<std::int32_t> pad;
  std::optional<std::int32_t> unk;
};

/// The older pair of files, as texts, with their names for messages.
struct VocabAndMerges {
  std::string_view vocab_json;
  std::string_view merges;
  std::string vocab_source = "vocab.json";
  std::string merges_source = "merges.txt";
};

/// Thread safety: const members may be called from several threads.
class Tokenizer {
 public:
  /// Longest text that encode() takes.
  static constexpr std::int64_t kMaxTextBytes = std::int64_t{256} << 20;

  /// Reads tokenizer.json, or else vocab.json with merges.txt, and tokenizer_config.json and
  /// special_tokens_map.json where they are.
  /// Throws: Error{kCorruptFile, kUnsupported, kIo} naming the file and field.
  static Tokenizer from_directory(const std::filesystem::path& directory);

  /// From the text of a tokenizer.json. Throws as above, naming `source`.
  static Tokenizer from_tokenizer_json(std::string_view json, const std::string& source);

  /// Byte level, with the splitting rule of GPT-4o. Throws as above.
  static Tokenizer from_vocab_and_merges(const VocabAndMerges& files);

  /// What the metadata of a GGUF file tells. Throws as above, naming file and key;
  /// Error{kUnsupported} for a splitting rule that is not known.
  static Tokenizer from_gguf(const GgufVocabulary& vocabulary);

  /// What from_gguf() makes the same tokenizer of, up to the warnings that it holds. Ids from
  /// 0 to `vocab_size` - 1; those of no token become unused ones.
  /// Throws: Error{kUnsupported} telling what GGUF cannot express: a splitting rule that
  /// llama.cpp has no name for, a normalizer, other tokens around a text than bos and eos.
  OwnedGgufVocabulary to_gguf(std::int64_t vocab_size) const;

  /// The text of a tokenizer.json that this library and Hugging Face tokenizers make the same
  /// tokenizer of. Which tokens begin and end a text, tokenizer_config.json says.
  /// Throws: Error{kUnsupported} for a normalizer, for models that do not work on bytes alone, and
  /// for tokens that are not UTF-8.
  std::string to_tokenizer_json() const;

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;
  ~Tokenizer();

  /// Throws: Error{kInvalidArgument} for a text that is too long, and for invalid UTF-8 where
  /// that is refused; Error{kUnsupported} where a regular expression of the file takes too many
  /// steps.
  std::vector<std::int32_t> encode(std::string_view text, const EncodeOptions& options = {}) const;

  /// The ids of the text that the segments spell together, where special tokens are recognised
  /// only in segments that allow them. parse_special = false forbids them everywhere. A character
  /// must not be split between segments. Throws as above.
  std::vector<std::int32_t> encode(std::span<const TextSegment> segments,
                                   const EncodeOptions& options = {}) const;

  /// Throws: Error{kInvalidArgument} for an id that no token has.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens = false) const;

  /// The token with this id as the vocabulary spells it (byte-level tokens in the byte alphabet).
  /// Valid as long as the tokenizer. nullopt where no token has the id.
  std::optional<std::string_view> id_to_token(std::int64_t id) const;
  std::optional<std::int32_t> token_to_id(std::string_view token) const;
  bool is_special(std::int64_t id) const;
  /// Whether decoding with skip_special_tokens leaves the token out.
  bool is_skipped(std::int64_t id) const;

  /// The largest id plus one, added tokens included.
  std::int64_t vocab_size() const;
  const SpecialTokenIds& special_ids() const;

  /// Oddities found on loading that did not prevent it.
  const std::vector<std::string>& warnings() const;

  /// A decoder for tokens that arrive one by one. The tokenizer must outlive it.
  DecoderStream decoder_stream() const;

 private:
  struct Impl;
  explicit Tokenizer(TokenizerParts parts);

  std::unique_ptr<const Impl> impl_;
};

}  // namespace minimax::text
