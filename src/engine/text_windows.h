// SPDX-License-Identifier: Apache-2.0
// How a long text is cut into the windows that a model's predictions are judged on.
// Source: llama.cpp, tools/perplexity (perplexity.cpp, commit 050fc7f3): both of its definitions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace minimax::engine {

struct WindowOptions {
  std::int64_t context = 512;  // tokens of a window
  /// 0: windows side by side, the second half of each judged. Else windows that begin `stride`
  /// tokens after one another, context + stride / 2 long, the last `stride` tokens of each judged.
  std::int64_t stride = 0;
  std::int64_t most_windows = 0;  // 0: all that fit
  /// Stands for the first token of every window, which is never judged. Without a stride only.
  std::optional<std::int32_t> bos = {};
};

/// A piece of the text of which the last tokens are judged, each by what came before it.
struct Window {
  std::int64_t begin = 0;   // its first token's place in the text
  std::int64_t tokens = 0;  // at least two
  std::int64_t judged = 0;  // 1 to tokens - 1
};

/// Throws: Error{kInvalidArgument} naming the option, or for a text shorter than one window.
std::vector<Window> cut_windows(std::int64_t text_tokens, const WindowOptions& options);

/// What the model reads of a window to judge it: all but its last token.
std::vector<std::int32_t> tokens_to_read(const Window& window, std::span<const std::int32_t> text,
                                         const WindowOptions& options);

}  // namespace minimax::engine
