// SPDX-License-Identifier: Apache-2.0
// Holds a model to a grammar: which tokens may come next, and what follows from the one chosen.
//
//   auto vocabulary = std::make_shared<const Vocabulary>(parts);            // once for a model
//   auto grammar = compile(json_schema_grammar(schema), vocabulary);        // once for a request
//   Matcher matcher(grammar);                                               // for each answer
//   for (;;) {
//     matcher.fill_mask(mask);         // before a token is chosen: a bit for each allowed id
//     ...                              // set the scores of the others to minus infinity
//     matcher.accept(token);           // after it was chosen
//     if (matcher.is_finished()) break;
//   }
//
// A copy of a Matcher is cheap, so a position that may have to be returned to (draft tokens,
// several answers to one prompt) is a copy.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

#include "grammar/automaton.h"
#include "grammar/grammar.h"
#include "grammar/mask_cache.h"
#include "grammar/vocabulary.h"

namespace minimax::grammar {

struct CompileOptions {
  /// What the masks and configurations of this grammar may take; then they are begun anew.
  std::int64_t cache_bytes = std::int64_t{48} << 20;
};

/// A grammar made ready for a vocabulary. Thread safety: const members and the Matchers of it may
/// be used by several threads, one thread for each Matcher; they share what is cached.
class CompiledGrammar {
 public:
  CompiledGrammar(const Grammar& grammar, std::shared_ptr<const Vocabulary> vocabulary,
                  const CompileOptions& options);

  const Vocabulary& vocabulary() const { return *vocabulary_; }
  /// About so much memory, with what is cached now.
  std::int64_t bytes_used() const;

 private:
  friend class Matcher;

  /// Where Matchers find masks and configurations. A full one is left to its Matchers, which move
  /// on to the new one with their next call.
  struct Session {
    Session(const Automaton& automaton, const Vocabulary& vocabulary)
        : cache(automaton, vocabulary) {}

    std::mutex mutex;
    MaskCache cache;
  };

  std::shared_ptr<Session> session() const;
  void replace(const std::shared_ptr<Session>& full) const;

  Automaton automaton_;
  std::shared_ptr<const Vocabulary> vocabulary_;
  CompileOptions options_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<Session> session_;
};

/// Takes less than a second, whatever the grammar is.
/// Throws: Error{kInvalidArgument} as compile_automaton().
std::shared_ptr<const CompiledGrammar> compile(const Grammar& grammar,
                                               std::shared_ptr<const Vocabulary> vocabulary,
                                               const CompileOptions& options = {});

/// One answer in the making. Every call that throws leaves the Matcher as it was.
class Matcher {
 public:
  explicit Matcher(std::shared_ptr<const CompiledGrammar> grammar);

  /// Sets bit `id % 32` of word `id / 32` for the tokens that may come next, and clears all others.
  /// End tokens are among them where the text may end; after the end, only they.
  /// Requires: mask.size() == vocabulary().mask_words().
  /// Throws: Error{kInvalidArgument} for a grammar that is too ambiguous to be followed;
  /// Error{kUnsupported} where no token of the vocabulary can come next.
  void fill_mask(std::span<std::uint32_t> mask);

  /// Goes on behind a token. False, and nothing changes, where it may not come next.
  bool accept(std::int32_t token);

  /// As accept(), for text that need not consist of tokens.
  bool accept_text(std::string_view bytes);

  /// The text so far is complete, though it may go on.
  bool can_end() const;

  /// Nothing but an end token can follow, or one has been accepted.
  bool is_finished() const;

  const Vocabulary& vocabulary() const { return grammar_->vocabulary(); }

 private:
  using Session = CompiledGrammar::Session;

  void move_to_current_session();
  void leave_full_session();

  std::shared_ptr<const CompiledGrammar> grammar_;
  std::shared_ptr<Session> session_;
  ConfigId config_ = 0;
  bool has_ended_ = false;  // by an end token
};

}  // namespace minimax::grammar
