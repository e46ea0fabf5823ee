// SPDX-License-Identifier: Apache-2.0
// The vocabulary: token text to id and back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::text {

/// Ids may leave gaps; texts and ids are unique.
class TokenTable {
 public:
  static constexpr std::int64_t kMaxId = (1 << 22) - 1;

  enum class AddResult { kAdded, kDuplicateText, kDuplicateId };

  void reserve(std::int64_t tokens);

  /// Requires: 0 <= id <= kMaxId.
  AddResult add(std::string_view text, std::int32_t id);

  /// The id of `text`, or -1.
  std::int32_t find(std::string_view text) const;

  /// Whether some token has this id; any value may be asked for.
  bool contains(std::int64_t id) const;

  /// The text of a token. Requires: contains(id). Valid until the next add().
  std::string_view text(std::int64_t id) const;

  std::int64_t count() const { return count_; }
  /// The largest id plus one.
  std::int64_t size() const { return static_cast<std::int64_t>(spans_.size()); }

 private:
  struct Span {
    std::int64_t begin = 0;
    std::int64_t length = -1;  // -1: no token has this id
  };

  std::size_t slot_of(std::string_view text) const;
  void rehash(std::size_t slots);

  std::string bytes_;                // the texts, one after another
  std::vector<Span> spans_;          // by id
  std::vector<std::int32_t> slots_;  // ids, -1 where free; linear probing
  std::int64_t count_ = 0;
};

}  // namespace minimax::text
