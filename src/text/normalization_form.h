// SPDX-License-Identifier: Apache-2.0
// The four Unicode normalization forms, chunk by chunk, as the (older) Unicode version of Hugging
// Face tokenizers defines them. utf8proc does the work.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minimax::text {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

/// A stretch of a text and what it becomes.
struct NormalizedChunk {
  std::int64_t begin = 0;  // bytes
  std::int64_t end = 0;
  std::string text;
};

/// The stretches of `text` that the form may change, each independent of what surrounds it; all
/// else stays. Requires: valid UTF-8.
std::vector<NormalizedChunk> find_unnormalized(std::string_view text, UnicodeForm form);

}  // namespace minimax::text
