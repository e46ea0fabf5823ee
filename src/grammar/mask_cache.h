// SPDX-License-Identifier: Apache-2.0
// Which tokens may follow in a configuration. Most tokens are decided by a state of the automaton
// alone, whoever called its rule: they are found once for each state. The others, which go on
// behind the end of the rule, are tried in each configuration; its result is kept, too.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grammar/configurations.h"
#include "grammar/token_trie.h"
#include "grammar/vocabulary.h"

namespace minimax::grammar {

/// A set of token ids: a list where it is small, otherwise one bit for each.
class TokenSet {
 public:
  TokenSet() = default;
  TokenSet(std::vector<std::int32_t> ids, std::int64_t vocabulary_size);

  void add_to(std::span<std::uint32_t> mask) const;
  bool is_empty() const { return ids_.empty() && bits_.empty(); }
  std::int64_t bytes_used() const;

 private:
  std::vector<std::int32_t> ids_;
  std::vector<std::uint32_t> bits_;
};

/// Positions among the sorted tokens.
struct TokenRange {
  std::int32_t begin = 0;
  std::int32_t end = 0;
};

/// Thread safety: none. Automaton and vocabulary must outlive it.
class MaskCache {
 public:
  MaskCache(const Automaton& automaton, const Vocabulary& vocabulary);

  /// Sets the bits of exactly the tokens that may follow, without end tokens.
  /// Throws: Error{kInvalidArgument} as Configurations::next().
  void fill(ConfigId id, std::span<std::uint32_t> mask);

  Configurations& configurations() { return configurations_; }
  const Configurations& configurations() const { return configurations_; }
  std::int64_t bytes_used() const { return bytes_ + configurations_.bytes_used(); }

 private:
  /// What a state decides about all tokens.
  struct StateTokens {
    TokenSet allowed;
    std::vector<TokenRange> open;  // the callers decide
  };

  TokenSet find(ConfigId id);
  const StateTokens& tokens_of(StateId state, std::int32_t count);
  StateTokens walk(ConfigId start);
  void try_tokens(ConfigId start, std::span<const TokenRange> ranges,
                  std::vector<std::int32_t>& allowed);
  std::size_t advance(std::string_view token, std::size_t known);
  std::uint64_t key_of(StateId state, std::int32_t count) const;

  const Vocabulary& vocabulary_;
  Configurations configurations_;
  std::unordered_map<std::uint64_t, StateTokens> by_state_;
  std::unordered_map<ConfigId, TokenSet> by_config_;
  std::vector<ConfigId> path_;  // scratch: the configuration behind each byte
  std::int64_t bytes_ = 0;
};

}  // namespace minimax::grammar
