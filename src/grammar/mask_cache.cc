// SPDX-License-Identifier: Apache-2.0
#include "grammar/mask_cache.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace minimax::grammar {
namespace {

// What one mask may cost; less than a second.
constexpr std::int64_t kWorkOfMask = 200'000'000;
// More places than these are walked together.
constexpr std::size_t kMaxFramesByState = 8;
constexpr std::int64_t kEntryBytes = 64;  // of a table, about

void set_bit(std::span<std::uint32_t> mask, std::int32_t id) {
  mask[static_cast<std::size_t>(id) / 32] |= 1U << (static_cast<unsigned>(id) % 32);
}

void append_range(std::int32_t begin, std::int32_t end, std::vector<TokenRange>& ranges) {
  if (begin == end) {
    return;
  }
  if (!ranges.empty() && ranges.back().end == begin) {
    ranges.back().end = end;
  } else {
    ranges.push_back({begin, end});
  }
}

// All tokens of any of the ranges, each once.
std::vector<TokenRange> united(std::vector<TokenRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const TokenRange& a, const TokenRange& b) { return a.begin < b.begin; });
  std::vector<TokenRange> result;
  for (const TokenRange& range : ranges) {
    if (!result.empty() && range.begin <= result.back().end) {
      result.back().end = std::max(result.back().end, range.end);
    } else {
      result.push_back(range);
    }
  }
  return result;
}

}  // namespace

TokenSet::TokenSet(std::vector<std::int32_t> ids, std::int64_t vocabulary_size) {
  if (static_cast<std::int64_t>(ids.size()) * 32 <= vocabulary_size) {
    ids_ = std::move(ids);
    return;
  }
  bits_.resize(static_cast<std::size_t>((vocabulary_size + 31) / 32));
  for (const std::int32_t id : ids) {
    set_bit(bits_, id);
  }
}

void TokenSet::add_to(std::span<std::uint32_t> mask) const {
  for (const std::int32_t id : ids_) {
    set_bit(mask, id);
  }
  for (std::size_t i = 0; i < bits_.size(); ++i) {
    mask[i] |= bits_[i];
  }
}

std::int64_t TokenSet::bytes_used() const {
  return static_cast<std::int64_t>((ids_.capacity() + bits_.capacity()) * 4);
}

MaskCache::MaskCache(const Automaton& automaton, const Vocabulary& vocabulary)
    : vocabulary_(vocabulary), configurations_(automaton) {}

void MaskCache::fill(ConfigId id, std::span<std::uint32_t> mask) {
  std::fill(mask.begin(), mask.end(), 0U);
  auto it = by_config_.find(id);
  if (it == by_config_.end()) {
    configurations_.set_budget(kWorkOfMask);
    it = by_config_.emplace(id, find(id)).first;
    bytes_ += kEntryBytes + it->second.bytes_used();
  }
  it->second.add_to(mask);
}

TokenSet MaskCache::find(ConfigId id) {
  const std::span<const Frame> frames = configurations_.frames(id);
  std::vector<std::int32_t> allowed;
  if (frames.size() > kMaxFramesByState) {
    const StateTokens tokens = walk(id);  // nothing is open: the callers are known
    return tokens.allowed;
  }
  std::vector<std::uint32_t> mask(static_cast<std::size_t>(vocabulary_.mask_words()));
  std::vector<TokenRange> open;
  for (const Frame& frame : frames) {
    if (frame.state == Automaton::kEndState) {
      continue;
    }
    const StateTokens& tokens = tokens_of(frame.state, frame.count);
    tokens.allowed.add_to(mask);
    open.insert(open.end(), tokens.open.begin(), tokens.open.end());
  }
  try_tokens(id, united(std::move(open)), allowed);
  for (const std::int32_t token : allowed) {
    set_bit(mask, token);
  }
  allowed.clear();
  for (std::size_t word = 0; word < mask.size(); ++word) {
    for (std::uint32_t bits = mask[word]; bits != 0; bits &= bits - 1) {
      allowed.push_back(static_cast<std::int32_t>(word * 32) + std::countr_zero(bits));
    }
  }
  return TokenSet(std::move(allowed), vocabulary_.size());
}

const MaskCache::StateTokens& MaskCache::tokens_of(StateId state, std::int32_t count) {
  const std::uint64_t key = key_of(state, count);
  auto it = by_state_.find(key);
  if (it == by_state_.end()) {
    it = by_state_.emplace(key, walk(configurations_.start_inside(state, count))).first;
    bytes_ += kEntryBytes + it->second.allowed.bytes_used() +
              static_cast<std::int64_t>(it->second.open.capacity() * sizeof(TokenRange));
  }
  return it->second;
}

// Counts that are as far from both bounds as a token can reach are one.
std::uint64_t MaskCache::key_of(StateId state, std::int32_t count) const {
  const Automaton& automaton = configurations_.automaton();
  const State& place = automaton.state(state);
  std::int64_t to_min = 0;
  std::int64_t to_max = 0;
  if (place.counter >= 0) {
    const Counter& counter = automaton.counter(place);
    const std::int64_t reach = vocabulary_.longest() + 1;
    to_min = std::clamp<std::int64_t>(counter.min - count, 0, reach);
    to_max = counter.max == kUnlimited ? 0 : std::min<std::int64_t>(counter.max - count, reach);
  }
  return (static_cast<std::uint64_t>(state) << 40) | (static_cast<std::uint64_t>(to_min) << 20) |
         static_cast<std::uint64_t>(to_max);
}

MaskCache::StateTokens MaskCache::walk(ConfigId start) {
  const TokenTrie& trie = vocabulary_.trie();
  const std::span<const TokenTrie::Node> nodes = trie.nodes();
  std::vector<std::int32_t> allowed;
  StateTokens result;
  path_.assign(static_cast<std::size_t>(vocabulary_.longest()) + 1, start);
  constexpr int kNowhere = std::numeric_limits<int>::max();
  int escape_depth = kNowhere;  // where on the path the rule ended first
  for (std::size_t i = 0; i < nodes.size();) {
    const TokenTrie::Node& node = nodes[i];
    if (node.depth <= escape_depth) {
      escape_depth = kNowhere;
    }
    const ConfigId id = configurations_.next(path_[node.depth - 1U], node.byte);
    if (id == Configurations::kDead) {
      if (escape_depth < node.depth) {
        append_range(node.tokens_begin, trie.tokens_end(node), result.open);
      }
      i = static_cast<std::size_t>(node.end);
      continue;
    }
    for (std::int32_t token = node.tokens_begin; token < node.own_end; ++token) {
      allowed.push_back(trie.ids()[static_cast<std::size_t>(token)]);
    }
    if (escape_depth == kNowhere && configurations_.escaped(id)) {
      escape_depth = node.depth;
    }
    path_[node.depth] = id;
    ++i;
  }
  result.allowed = TokenSet(std::move(allowed), vocabulary_.size());
  return result;
}

// How many bytes are possible, of which the first `known` are on the path.
std::size_t MaskCache::advance(std::string_view token, std::size_t known) {
  std::size_t depth = known;
  while (depth < token.size()) {
    const auto byte = static_cast<std::uint8_t>(token[depth]);
    const ConfigId next = configurations_.next(path_[depth], byte);
    if (next == Configurations::kDead) {
      break;
    }
    path_[++depth] = next;
  }
  return depth;
}

void MaskCache::try_tokens(ConfigId start, std::span<const TokenRange> ranges,
                           std::vector<std::int32_t>& allowed) {
  const std::span<const std::int32_t> ids = vocabulary_.trie().ids();
  path_.assign(static_cast<std::size_t>(vocabulary_.longest()) + 1, start);
  std::string_view before;
  std::size_t alive = 0;  // bytes of `before` that were possible
  for (const TokenRange& range : ranges) {
    for (std::int32_t i = range.begin; i < range.end; ++i) {
      const std::int32_t id = ids[static_cast<std::size_t>(i)];
      const std::string_view token = vocabulary_.bytes(id);
      const std::size_t common = common_prefix(before, token);
      if (common > alive) {
        continue;  // it begins as one that was impossible
      }
      alive = advance(token, common);
      if (alive == token.size()) {
        allowed.push_back(id);
      }
      before = token;
    }
  }
}

}  // namespace minimax::grammar
