// SPDX-License-Identifier: Apache-2.0
// Remembers the states behind prompts and answers, so that what begins like them is not read again.
// Lightning layers cannot be run back: only where a snapshot was taken can a sequence go on, so
// that snapshots are few and well placed (see prompt_reader.h).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/state.h"
#include "serving/memory_ledger.h"

namespace minimax::serving {

/// A radix tree over token ids for every salt: prefixes are compared token by token, never by a
/// hash. Its nodes hold forks of states, which share keys and values among themselves and with the
/// sequences that run. Thread safety: one thread.
class PrefixCache {
 public:
  /// `budget_bytes` bounds states, logits and the tree; what is least recently used goes first.
  /// `parking`: where states of lightning layers wait; null: where they are.
  explicit PrefixCache(std::int64_t budget_bytes, const tensor::Memory* parking = nullptr)
      : budget_bytes_(budget_bytes), parking_(parking) {}
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;
  ~PrefixCache() = default;

  struct Match {
    /// Of the longest prefix that is remembered; null: none. Valid until the next call.
    const model::SequenceState* state = nullptr;
    /// What follows the whole prompt, where `state` is that of all of it.
    std::span<const float> logits;
    /// How many of the first tokens some earlier sequence had, too, whether or not there is a
    /// snapshot: where prompts part.
    std::int64_t known_tokens = 0;
  };

  /// The longest prefix of `tokens`: all of them, where the logits behind them are known, or fewer,
  /// then a multiple of `grain`.
  Match find(const std::string& salt, std::span<const std::int32_t> tokens, std::int64_t grain);

  /// Remembers the state behind `tokens` and, where they are a whole prompt, the logits.
  /// Requires: state.length() tokens.
  void insert(const std::string& salt, std::span<const std::int32_t> tokens,
              const model::SequenceState& state, std::span<const float> logits = {});

  /// Counts a state that others hold, and that does not go on before release(), within the budget.
  /// False where there is no room for it.
  bool hold(model::SequenceState& state);
  void release(const model::SequenceState& state);

  std::int64_t budget_bytes() const { return budget_bytes_; }
  std::int64_t bytes() const { return ledger_.bytes() + other_bytes_; }
  std::int64_t snapshots() const { return static_cast<std::int64_t>(by_use_.size()); }

 private:
  struct Node {
    Node* parent = nullptr;
    std::vector<std::int32_t> label;  // the tokens behind those of the parent
    std::map<std::int32_t, std::unique_ptr<Node>> children;  // by the first token of their labels
    std::optional<model::SequenceState> state;
    std::vector<float> logits;
    std::uint64_t last_use = 0;
  };

  Node& node_at(Node& root, std::span<const std::int32_t> tokens);
  Node& add_child(Node& parent, std::span<const std::int32_t> label);
  Node& split(Node& node, std::int64_t length);
  void park(model::SequenceState& state) const;
  void use(Node& node);
  void forget(Node& node);
  void prune(Node* node);
  void shrink();

  std::int64_t budget_bytes_;
  const tensor::Memory* parking_;
  std::map<std::string, Node> roots_;      // by salt
  std::map<std::uint64_t, Node*> by_use_;  // those with a state, least recently used first
  std::uint64_t uses_ = 0;
  MemoryLedger ledger_;
  std::int64_t other_bytes_ = 0;  // of labels, nodes and logits
};

}  // namespace minimax::serving
