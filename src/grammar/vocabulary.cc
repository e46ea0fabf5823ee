// SPDX-License-Identifier: Apache-2.0
#include "grammar/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace minimax::grammar {
namespace {

constexpr std::size_t kMaxTokenBytes = 65'535;

void check_ids(std::span<const std::int32_t> ids, std::size_t size, const char* what) {
  for (const std::int32_t id : ids) {
    base::check(id >= 0 && static_cast<std::size_t>(id) < size, ErrorCode::kInvalidArgument, [&] {
      return fmt::format("vocabulary: {}: expected an id from 0 to {}, found {}", what,
                         static_cast<std::int64_t>(size) - 1, id);
    });
  }
}

}  // namespace

Vocabulary::Vocabulary(VocabularyParts parts)
    : bytes_(std::move(parts.tokens)), end_tokens_(std::move(parts.end_tokens)) {
  check_ids(end_tokens_, bytes_.size(), "end token");
  check_ids(parts.special_tokens, bytes_.size(), "special token");
  std::sort(end_tokens_.begin(), end_tokens_.end());
  end_tokens_.erase(std::unique(end_tokens_.begin(), end_tokens_.end()), end_tokens_.end());
  for (const auto& ids : {end_tokens_, parts.special_tokens}) {
    for (const std::int32_t id : ids) {
      bytes_[static_cast<std::size_t>(id)].clear();
    }
  }
  for (const std::string& token : bytes_) {
    base::check(token.size() <= kMaxTokenBytes, ErrorCode::kInvalidArgument,
                "vocabulary: expected tokens of at most 65535 bytes");
    longest_ = std::max(longest_, static_cast<std::int64_t>(token.size()));
  }
  trie_ = TokenTrie(bytes_);
}

bool Vocabulary::is_end(std::int32_t id) const {
  return std::binary_search(end_tokens_.begin(), end_tokens_.end(), id);
}

}  // namespace minimax::grammar
