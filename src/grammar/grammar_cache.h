// SPDX-License-Identifier: Apache-2.0
// Compiled grammars that were used lately, so that requests with one schema share its masks.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "grammar/matcher.h"

namespace minimax::grammar {

/// Keeps as many grammars as fit in a number of bytes, the masks that they have cached included;
/// those used longest ago go first. What a request still uses lives on without being kept.
/// Thread safety: all members may be called from several threads.
class GrammarCache {
 public:
  GrammarCache(std::shared_ptr<const Vocabulary> vocabulary, std::int64_t max_bytes,
               const CompileOptions& options = {});

  /// The grammar for `key`, which tells kind and text: "gbnf:root ::= ...". `make` is called where
  /// it is not kept, outside of any lock; what it throws is passed on, and nothing is kept.
  std::shared_ptr<const CompiledGrammar> get(const std::string& key,
                                             const std::function<Grammar()>& make);

  std::int64_t size() const;
  /// About so many bytes are kept.
  std::int64_t bytes_used() const;

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const CompiledGrammar> grammar;
    std::int64_t bytes = 0;  // when it was last measured
  };

  std::shared_ptr<const CompiledGrammar> find(const std::string& key);
  void measure_used();
  void drop_oldest();

  std::shared_ptr<const Vocabulary> vocabulary_;
  std::int64_t max_bytes_ = 0;
  CompileOptions options_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // those used last come first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;  // keys of entries_
  std::int64_t bytes_ = 0;
};

}  // namespace minimax::grammar
