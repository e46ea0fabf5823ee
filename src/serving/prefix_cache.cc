// SPDX-License-Identifier: Apache-2.0
#include "serving/prefix_cache.h"

#include <algorithm>
#include <utility>

namespace minimax::serving {
namespace {

using Tokens = std::span<const std::int32_t>;

std::int64_t common_length(Tokens a, Tokens b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

template <class T>
std::int64_t bytes_of(const std::vector<T>& values) {
  return static_cast<std::int64_t>(values.size() * sizeof(T));
}

Tokens drop(Tokens tokens, std::int64_t count) {
  return tokens.subspan(static_cast<std::size_t>(count));
}

// What a node takes beside its tokens and state, its place in the maps included.
constexpr std::int64_t kNodeBytes = 512;

}  // namespace

PrefixCache::Match PrefixCache::find(const std::string& salt, Tokens tokens, std::int64_t grain) {
  Match match;
  const auto root = roots_.find(salt);
  if (root == roots_.end()) {
    return match;
  }
  Node* node = &root->second;
  Node* best = nullptr;
  const auto size = static_cast<std::int64_t>(tokens.size());
  while (match.known_tokens < size) {
    const Tokens rest = drop(tokens, match.known_tokens);
    const auto child = node->children.find(rest.front());
    if (child == node->children.end()) {
      break;
    }
    node = child->second.get();
    const std::int64_t common = common_length(node->label, rest);
    match.known_tokens += common;
    if (common < std::ssize(node->label)) {
      break;
    }
    const bool fits =
        match.known_tokens == size ? !node->logits.empty() : match.known_tokens % grain == 0;
    best = node->state && fits ? node : best;
  }
  if (best != nullptr) {
    use(*best);
    match.state = &*best->state;
    if (best->state->length() == size) {
      match.logits = best->logits;
    }
  }
  return match;
}

PrefixCache::Node& PrefixCache::add_child(Node& parent, Tokens label) {
  auto child = std::make_unique<Node>();
  child->parent = &parent;
  child->label.assign(label.begin(), label.end());
  other_bytes_ += kNodeBytes + bytes_of(child->label);
  return *(parent.children[label.front()] = std::move(child));
}

// Puts a node between `node` and its parent, which takes over the first `length` tokens.
PrefixCache::Node& PrefixCache::split(Node& node, std::int64_t length) {
  std::unique_ptr<Node>& place = node.parent->children[node.label.front()];
  auto upper = std::make_unique<Node>();
  upper->parent = node.parent;
  upper->label.assign(node.label.begin(), node.label.begin() + length);
  node.label.erase(node.label.begin(), node.label.begin() + length);
  node.parent = upper.get();
  upper->children[node.label.front()] = std::move(place);
  place = std::move(upper);
  other_bytes_ += kNodeBytes;
  return *place;
}

// The node behind exactly `tokens`, made where there is none.
PrefixCache::Node& PrefixCache::node_at(Node& root, Tokens tokens) {
  Node* node = &root;
  while (!tokens.empty()) {
    const auto child = node->children.find(tokens.front());
    if (child == node->children.end()) {
      return add_child(*node, tokens);
    }
    node = child->second.get();
    const std::int64_t common = common_length(node->label, tokens);
    if (common < std::ssize(node->label)) {
      node = &split(*node, common);
    }
    tokens = drop(tokens, common);
  }
  return *node;
}

void PrefixCache::insert(const std::string& salt, Tokens tokens, const model::SequenceState& state,
                         std::span<const float> logits) {
  if (budget_bytes_ <= 0 || tokens.empty()) {
    return;
  }
  Node& node = node_at(roots_[salt], tokens);
  if (!node.state) {
    node.state = state;
    park(*node.state);
    ledger_.add(*node.state);
  }
  if (node.logits.empty()) {
    node.logits.assign(logits.begin(), logits.end());
    other_bytes_ += bytes_of(node.logits);
  }
  use(node);
  shrink();
}

void PrefixCache::use(Node& node) {
  by_use_.erase(node.last_use);
  node.last_use = ++uses_;
  by_use_.emplace(node.last_use, &node);
}

void PrefixCache::forget(Node& node) {
  by_use_.erase(node.last_use);
  node.last_use = 0;
  ledger_.remove(*node.state);
  node.state.reset();
  other_bytes_ -= bytes_of(node.logits);
  node.logits = {};
  prune(&node);
}

// Removes a node that leads nowhere, and those above it that then do.
void PrefixCache::prune(Node* node) {
  while (node->parent != nullptr && !node->state && node->children.empty()) {
    Node* parent = node->parent;
    other_bytes_ -= kNodeBytes + bytes_of(node->label);
    parent->children.erase(node->label.front());
    node = parent;
  }
  if (node->parent == nullptr && node->children.empty()) {
    std::erase_if(roots_, [&](const auto& entry) { return &entry.second == node; });
  }
}

void PrefixCache::shrink() {
  while (bytes() > budget_bytes_ && !by_use_.empty()) {
    forget(*by_use_.begin()->second);
  }
}

void PrefixCache::park(model::SequenceState& state) const {
  if (parking_ != nullptr) {
    state.park(*parking_);
  }
}

bool PrefixCache::hold(model::SequenceState& state) {
  if (state.bytes() > budget_bytes_) {
    return false;
  }
  park(state);
  ledger_.add(state);
  shrink();
  if (bytes() <= budget_bytes_) {
    return true;
  }
  ledger_.remove(state);
  return false;
}

void PrefixCache::release(const model::SequenceState& state) { ledger_.remove(state); }

}  // namespace minimax::serving
