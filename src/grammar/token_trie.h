// SPDX-License-Identifier: Apache-2.0
// All tokens in the order of their bytes, and the tree of their prefixes in the order of a walk in
// depth, so that a walk is a loop over an array and a branch is left by one jump.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::grammar {

class TokenTrie {
 public:
  struct Node {
    std::int32_t end = 0;           // the first node behind the branch
    std::int32_t tokens_begin = 0;  // the tokens of the branch begin here, in sorted order,
    std::int32_t own_end = 0;       // with those that end in this node
    std::uint16_t depth = 0;        // bytes up to here, at least 1
    std::uint8_t byte = 0;
  };

  TokenTrie() = default;
  /// Empty texts are left out. Requires: texts of at most 65,535 bytes.
  explicit TokenTrie(std::span<const std::string> tokens);

  /// In the order of a walk in depth; the root is left out.
  std::span<const Node> nodes() const { return nodes_; }
  /// Behind the last token of the branch.
  std::int32_t tokens_end(const Node& node) const {
    return static_cast<std::size_t>(node.end) < nodes_.size()
               ? nodes_[static_cast<std::size_t>(node.end)].tokens_begin
               : static_cast<std::int32_t>(ids_.size());
  }
  /// The ids in the order of the bytes.
  std::span<const std::int32_t> ids() const { return ids_; }

 private:
  std::vector<Node> nodes_;
  std::vector<std::int32_t> ids_;
};

/// How many bytes two texts have in common at their beginning.
std::size_t common_prefix(std::string_view a, std::string_view b);

}  // namespace minimax::grammar
