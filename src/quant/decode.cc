// SPDX-License-Identifier: Apache-2.0
#include "quant/decode.h"

#include <fmt/format.h>

#include <cstring>

#include "base/check.h"

namespace minimax::quant {
namespace {

template <BlockFormat F>
void decode_blocks(const std::byte* bytes, std::span<float> out) {
  for (std::size_t at = 0; at < out.size(); at += F::kElements) {
    typename F::Block block;  // copied, because a row in a file may lie at any address
    std::memcpy(&block, bytes, sizeof(block));
    bytes += sizeof(block);
    for (int i = 0; i < F::kElements; ++i) {
      out[at + static_cast<std::size_t>(i)] = F::decode(block, i);
    }
  }
}

}  // namespace

void decode_row(Format format, std::span<const std::byte> bytes, std::span<float> out) {
  const std::int64_t expected = row_bytes(format, std::ssize(out));
  base::check(std::ssize(bytes) == expected, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{} elements in {}: expected {} bytes, found {}", out.size(),
                       info(format).name, expected, bytes.size());
  });
  visit_format(format, [&]<BlockFormat F>() { decode_blocks<F>(bytes.data(), out); });
}

}  // namespace minimax::quant
