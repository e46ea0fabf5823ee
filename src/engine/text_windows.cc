// SPDX-License-Identifier: Apache-2.0
#include "engine/text_windows.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"

namespace minimax::engine {
namespace {

void check_options(const WindowOptions& options) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  base::check(4 <= options.context && options.context < kMost, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("context: expected at least 4 tokens, found {}", options.context);
  });
  base::check(0 <= options.stride && options.stride < options.context, ErrorCode::kInvalidArgument,
              [&] {
                return fmt::format("stride: expected 0 to {} tokens, found {}", options.context - 1,
                                   options.stride);
              });
}

}  // namespace

std::vector<Window> cut_windows(std::int64_t text_tokens, const WindowOptions& options) {
  check_options(options);
  const bool overlaps = options.stride > 0;
  const std::int64_t length = options.context + options.stride / 2;
  const std::int64_t judged = overlaps ? options.stride : length - length / 2 - 1;
  base::check(text_tokens >= length, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("text: expected at least {} tokens for one window, found {}", length,
                       text_tokens);
  });
  // Where they overlap, llama.cpp leaves out a last window that would end exactly with the text.
  std::int64_t count =
      overlaps
          ? std::max<std::int64_t>((text_tokens - length + options.stride - 1) / options.stride, 1)
          : text_tokens / length;
  if (options.most_windows > 0) {
    count = std::min(count, options.most_windows);
  }
  std::vector<Window> windows;
  for (std::int64_t i = 0; i < count; ++i) {
    windows.push_back(
        {.begin = i * (overlaps ? options.stride : length), .tokens = length, .judged = judged});
  }
  return windows;
}

std::vector<std::int32_t> tokens_to_read(const Window& window, std::span<const std::int32_t> text,
                                         const WindowOptions& options) {
  const auto read = text.subspan(static_cast<std::size_t>(window.begin),
                                 static_cast<std::size_t>(window.tokens - 1));
  std::vector<std::int32_t> tokens(read.begin(), read.end());
  if (options.bos && options.stride == 0) {
    tokens.front() = *options.bos;
  }
  return tokens;
}

}  // namespace minimax::engine
