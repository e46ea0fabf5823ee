// SPDX-License-Identifier: Apache-2.0
#include "quant/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "quant/bitsandbytes.h"
#include "quant/encode_blocks.h"
#include "quant/encode_super_blocks.h"

namespace minimax::quant {
namespace {

template <class F>
concept HasReference = requires(std::span<const float> values, typename F::Block& block) {
  encode_reference<F>(values, block);
};

void encode_plain(float value, F32::Block& block) { block.value = value; }

void encode_plain(float value, F16::Block& block) { block.value = finite_half(value); }

void encode_plain(float value, BF16::Block& block) {
  constexpr tensor::BFloat16 kLargest{0x7f7f};
  const float limit = tensor::to_float(kLargest);
  block.value = tensor::to_bfloat16(std::clamp(value, -limit, limit));
}

template <const Code4BitValues& kValues>
void encode_4bit_block(std::span<const float> values, typename Code4Bit<kValues>::Block& block) {
  const Packed4Bit packed = encode_4bit(kValues, values, Code4Bit<kValues>::kElements);
  block.absmax = packed.absmax.front();
  std::ranges::copy(packed.codes, block.nibbles.begin());
}

// As a row of bitsandbytes that is as long as a block.
void encode_int8_block(std::span<const float> values, Int8F32::Block& block) {
  block.scale = int8_step(encode_int8_row(values, block.codes));
}

template <BlockFormat F>
void encode_block(const Samples& samples, EncodeMethod method, typename F::Block& block) {
  if constexpr (F::kElements == 1) {
    encode_plain(samples.values.front(), block);
  } else if constexpr (std::is_same_v<F, NF4>) {
    encode_4bit_block<kNf4Values>(samples.values, block);
  } else if constexpr (std::is_same_v<F, FP4>) {
    encode_4bit_block<kFp4Values>(samples.values, block);
  } else if constexpr (std::is_same_v<F, Int8F32>) {
    encode_int8_block(samples.values, block);
  } else if constexpr (std::is_same_v<F, FP8>) {
    encode_fp8_block(samples.values, block);
  } else if constexpr (HasReference<F>) {
    method == EncodeMethod::kReference ? encode_reference<F>(samples.values, block)
                                       : encode_searched<F>(samples, block);
  } else {
    encode_searched<F>(samples, block);
  }
}

template <BlockFormat F>
void encode_blocks(const Samples& samples, EncodeMethod method, std::byte* out) {
  constexpr auto kElements = std::size_t{F::kElements};
  for (std::size_t at = 0; at < samples.values.size(); at += kElements) {
    typename F::Block block{};
    encode_block<F>(samples.part(at, kElements), method, block);
    std::memcpy(out, &block, sizeof(block));
    out += sizeof(block);
  }
}

void check_finite(const char* subject, std::span<const float> values) {
  const auto it = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  base::check(it == values.end(), ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{} {}: expected a finite number, found {}", subject, it - values.begin(),
                       *it);
  });
}

void check_arguments(Format format, std::span<const float> row, std::span<const float> importance,
                     std::int64_t out_bytes) {
  const std::int64_t expected = row_bytes(format, std::ssize(row));
  base::check(out_bytes == expected, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{} elements in {}: expected room for {} bytes, found {}", row.size(),
                       info(format).name, expected, out_bytes);
  });
  base::check(importance.empty() || importance.size() == row.size(), ErrorCode::kInvalidArgument,
              [&] {
                return fmt::format("importance: expected {} elements, found {}", row.size(),
                                   importance.size());
              });
  check_finite("weight", row);
  check_finite("importance", importance);
  base::check(std::ranges::all_of(importance, [](float value) { return value >= 0; }),
              ErrorCode::kInvalidArgument, "importance: expected no number below 0");
}

}  // namespace

void encode_row(Format format, std::span<const float> row, const EncodeOptions& options,
                std::span<std::byte> out) {
  check_arguments(format, row, options.importance, std::ssize(out));
  std::vector<float> ones;
  if (options.importance.empty()) {
    ones.assign(row.size(), 1.0f);
  }
  const std::span<const float> weights =
      options.importance.empty() ? std::span<const float>(ones) : options.importance;
  const Samples samples{row, weights, is_tame(row, weights)};
  visit_format(format,
               [&]<BlockFormat F>() { encode_blocks<F>(samples, options.method, out.data()); });
}

}  // namespace minimax::quant
