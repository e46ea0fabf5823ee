// SPDX-License-Identifier: Apache-2.0
#include "grammar/frame_table.h"

#include <algorithm>

#include "grammar/hash.h"

namespace minimax::grammar {
namespace {

constexpr std::int64_t kEntryBytes = 96;  // of the table itself, about

}  // namespace

std::size_t FrameTable::Hash::operator()(const std::vector<Frame>& frames) const {
  std::uint64_t hash = frames.size();
  for (const Frame& frame : frames) {
    hash = mix_hash(hash, static_cast<std::uint32_t>(frame.state));
    hash = mix_hash(hash, static_cast<std::uint32_t>(frame.count));
    hash = mix_hash(hash, static_cast<std::uint32_t>(frame.stack));
  }
  return static_cast<std::size_t>(hash ^ (hash >> 32));
}

std::int32_t FrameTable::intern(std::vector<Frame>& frames) {
  std::sort(frames.begin(), frames.end());
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  const auto [it, is_new] = ids_.try_emplace(frames, size());
  if (is_new) {
    sets_.push_back(&it->first);
    bytes_ += kEntryBytes + static_cast<std::int64_t>(frames.size() * sizeof(Frame));
  }
  return it->second;
}

}  // namespace minimax::grammar
