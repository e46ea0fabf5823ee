// SPDX-License-Identifier: Apache-2.0
// The tokens that a model can choose, as bytes, sorted and as a tree of their prefixes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/token_trie.h"

namespace minimax::grammar {

/// What a vocabulary is made of.
struct VocabularyParts {
  /// By token id; empty for ids of no token. Bytes, not the alphabet of byte-level vocabularies: a
  /// token may be part of a character.
  std::vector<std::string> tokens;
  /// Allowed where the text may end, and only there.
  std::vector<std::int32_t> end_tokens;
  /// Never allowed, whatever their bytes are.
  std::vector<std::int32_t> special_tokens;
};

/// Immutable; const members may be called from several threads. Make one for a model and share it
/// among all grammars.
class Vocabulary {
 public:
  /// Throws: Error{kInvalidArgument} for an end or special token outside of the vocabulary, and
  /// for tokens of more than 65,535 bytes.
  explicit Vocabulary(VocabularyParts parts);

  std::int64_t size() const { return static_cast<std::int64_t>(bytes_.size()); }
  /// Empty for ids of no token, end tokens and special ones.
  std::string_view bytes(std::int32_t id) const { return bytes_[static_cast<std::size_t>(id)]; }
  bool is_end(std::int32_t id) const;
  std::span<const std::int32_t> end_tokens() const { return end_tokens_; }
  const TokenTrie& trie() const { return trie_; }
  /// Of the longest token.
  std::int64_t longest() const { return longest_; }
  /// 32-bit words of a mask.
  std::int64_t mask_words() const { return (size() + 31) / 32; }

 private:
  std::vector<std::string> bytes_;
  std::vector<std::int32_t> end_tokens_;  // sorted
  TokenTrie trie_;
  std::int64_t longest_ = 0;
};

}  // namespace minimax::grammar
