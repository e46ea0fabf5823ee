// SPDX-License-Identifier: Apache-2.0
// model.safetensors.index.json: which shard holds which tensor. Parsing only, no file access.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::io {

inline constexpr std::int64_t kMaxIndexBytes = 100'000'000;
inline constexpr std::int64_t kMaxShards = 16'384;

struct SafetensorsIndex {
  struct Item {
    std::string_view tensor;  // views into the text that was parsed
    std::int32_t shard;       // index into `shards`
  };

  std::vector<std::string> shards;  // relative paths without "..", sorted, unique
  std::vector<Item> items;          // sorted by tensor name, names unique
};

/// Parses the text of an index. `json` is overwritten and must outlive the result.
/// Memory: at most three times its size and 4 MiB.
/// Throws: Error{kCorruptFile}, also for a shard whose path leads out of the folder.
SafetensorsIndex parse_safetensors_index(std::span<char> json, const std::string& source);

}  // namespace minimax::io
