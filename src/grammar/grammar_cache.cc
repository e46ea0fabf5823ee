// SPDX-License-Identifier: Apache-2.0
#include "grammar/grammar_cache.h"

#include <utility>

namespace minimax::grammar {
namespace {

constexpr std::int64_t kEntryBytes = 512;  // of lists and tables, about
// Grammars grow while they are used; so many of those used last are measured again and again.
constexpr int kMeasured = 16;

}  // namespace

GrammarCache::GrammarCache(std::shared_ptr<const Vocabulary> vocabulary, std::int64_t max_bytes,
                           const CompileOptions& options)
    : vocabulary_(std::move(vocabulary)), max_bytes_(max_bytes), options_(options) {}

std::shared_ptr<const CompiledGrammar> GrammarCache::get(const std::string& key,
                                                         const std::function<Grammar()>& make) {
  if (std::shared_ptr<const CompiledGrammar> kept = find(key); kept != nullptr) {
    return kept;
  }
  std::shared_ptr<const CompiledGrammar> made = compile(make(), vocabulary_, options_);
  const std::scoped_lock lock(mutex_);
  if (const auto it = by_key_.find(key); it != by_key_.end()) {
    return it->second->grammar;  // another thread was faster
  }
  entries_.push_front({.key = key, .grammar = made});
  by_key_[entries_.front().key] = entries_.begin();
  measure_used();
  drop_oldest();
  return made;
}

std::shared_ptr<const CompiledGrammar> GrammarCache::find(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) {
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, it->second);
  std::shared_ptr<const CompiledGrammar> grammar = it->second->grammar;
  measure_used();
  drop_oldest();
  return grammar;
}

void GrammarCache::measure_used() {
  int count = 0;
  for (Entry& entry : entries_) {
    if (count++ == kMeasured) {
      return;
    }
    bytes_ -= entry.bytes;
    entry.bytes =
        kEntryBytes + static_cast<std::int64_t>(entry.key.size()) + entry.grammar->bytes_used();
    bytes_ += entry.bytes;
  }
}

void GrammarCache::drop_oldest() {
  while (bytes_ > max_bytes_ && !entries_.empty()) {
    bytes_ -= entries_.back().bytes;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

std::int64_t GrammarCache::size() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::int64_t>(entries_.size());
}

std::int64_t GrammarCache::bytes_used() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

}  // namespace minimax::grammar
