// SPDX-License-Identifier: Apache-2.0
// Tokens that are recognised in the text itself, before it is split and merged: special tokens
// and other additions to the vocabulary.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/automaton.h"
#include "text/normalizer.h"

namespace minimax::text {

struct AddedToken {
  std::int32_t id = 0;
  std::string content;
  bool special = false;
  bool lstrip = false;       // takes the spaces before it along
  bool rstrip = false;       // takes the spaces behind it along
  bool single_word = false;  // only where no word character touches it
  bool normalized = false;   // looked for in the normalized text
  std::string written = {};  // what ids are decoded to: the content as it is looked for
};

/// A stretch of text: a token, or what lies between tokens.
struct TextSection {
  std::int64_t begin = 0;  // bytes
  std::int64_t end = 0;
  std::int32_t id = -1;  // of the added token, or -1
};

/// Which bytes of a text special tokens may be made of.
struct AllowedSpecials {
  std::string_view marks;  // one byte per byte of the text, or empty
  bool uniform = true;     // for all bytes, where marks is empty
};

/// Thread safety: const methods may run on several threads.
class AddedTokens {
 public:
  /// Contents of tokens with `normalized` go through `normalizer`, where there is one.
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer* normalizer);

  /// Cuts a raw text at the tokens that are not normalized, or a normalized text at those that
  /// are. From left to right, the longest first. A special token whose bytes are all forbidden is
  /// passed over as text; one of which only a part is forbidden does not exist.
  std::vector<TextSection> split_raw(std::string_view text, const AllowedSpecials& allowed) const;
  std::vector<TextSection> split_normalized(std::string_view text,
                                            const AllowedSpecials& allowed) const;

  /// The token with this id or content, or nullptr.
  const AddedToken* find(std::int32_t id) const;
  const AddedToken* find(std::string_view content) const;

  std::span<const AddedToken> tokens() const { return tokens_; }

 private:
  // The tokens that one of the two texts is searched for.
  struct Group {
    std::optional<Automaton> reversed;  // of the contents backwards; empty where there are none
    std::vector<std::size_t> tokens;    // by pattern number
    std::vector<std::int64_t> lengths;  // by pattern number, bytes
  };
  class Splitter;

  void make_group(bool normalized, Group& group) const;

  std::vector<AddedToken> tokens_;
  std::unordered_map<std::int32_t, std::size_t> by_id_;
  std::unordered_map<std::string, std::size_t> by_content_;
  Group raw_;
  Group normalized_;
};

}  // namespace minimax::text
