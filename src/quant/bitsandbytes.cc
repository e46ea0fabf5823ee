// SPDX-License-Identifier: Apache-2.0
#include "quant/bitsandbytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/check.h"

namespace minimax::quant {
namespace {

constexpr float kOneOver127 = 7.874015718698502e-3f;
constexpr float kSmallestAbsmax = 1e-38f;  // what stands for a largest magnitude of zero

void check_sizes(const char* subject, std::int64_t expected, std::int64_t found) {
  base::check(expected == found, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("{}: expected {} elements, found {}", subject, expected, found);
  });
}

float largest_magnitude(std::span<const float> weights) {
  float largest = 0.0f;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    base::check(std::isfinite(weights[i]), ErrorCode::kInvalidArgument, [&] {
      return fmt::format("weight {}: expected a finite number, found {}", i, weights[i]);
    });
    largest = std::max(largest, std::abs(weights[i]));
  }
  return largest;
}

// The codes in the order of their values, and the limits between neighbours.
struct SortedCodes {
  std::array<std::uint8_t, 16> code;
  std::array<float, 15> limit;
};

SortedCodes sort_codes(const Code4BitValues& values) {
  SortedCodes sorted;
  std::iota(sorted.code.begin(), sorted.code.end(), std::uint8_t{0});
  std::ranges::sort(sorted.code, {}, [&](std::uint8_t code) {
    return std::pair(values[code], code);  // the two zeros of fp4 in the order of their codes
  });
  for (std::size_t i = 0; i < sorted.limit.size(); ++i) {
    sorted.limit[i] = (values[sorted.code[i]] + values[sorted.code[i + 1]]) / 2.0f;
  }
  return sorted;
}

std::uint8_t nearest_code(const SortedCodes& sorted, float value) {
  const auto it = std::ranges::lower_bound(sorted.limit, value);
  return sorted.code[static_cast<std::size_t>(it - sorted.limit.begin())];
}

// Whole blocks are multiplied by the reciprocal of the scale, a shorter last one is divided by it.
std::vector<std::uint8_t> encode_block(const SortedCodes& sorted, std::span<const float> weights,
                                       float absmax, bool whole) {
  std::vector<std::uint8_t> codes;
  const float reciprocal = 1.0f / std::max(absmax, kSmallestAbsmax);
  for (const float weight : weights) {
    const float scaled = whole ? weight * reciprocal : weight / absmax;
    codes.push_back(nearest_code(sorted, std::clamp(scaled, -1.0f, 1.0f)));
  }
  return codes;
}

// A fraction of [0.1, 1] in steps, as a linspace that counts from the nearer end.
float tenth_to_one(int i, int steps) {
  const float step = (1.0f - 0.1f) / static_cast<float>(steps);
  return i < (steps + 1) / 2 ? std::fma(step, static_cast<float>(i), 0.1f)
                             : std::fma(-step, static_cast<float>(steps - i), 1.0f);
}

constexpr int kGridSteps = 65535;

// The values are looked up on a grid of 65536 points over [-1, 1]: the code that is nearest to the
// nearest point.
std::uint8_t nearest_on_grid(std::span<const float> limits, float value) {
  const float half = (std::clamp(value, -1.0f, 1.0f) + 1.0f) * 0.5f;
  const int point = static_cast<int>(std::fma(half, static_cast<float>(kGridSteps), 0.5f));
  const float on_grid = -1.0f + 2.0f * static_cast<float>(point) / static_cast<float>(kGridSteps);
  return static_cast<std::uint8_t>(std::ranges::lower_bound(limits, on_grid) - limits.begin());
}

float mean(std::span<const float> values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return values.empty() ? 0.0f : static_cast<float>(sum / static_cast<double>(values.size()));
}

}  // namespace

std::int64_t count_blocks(std::int64_t elements, std::int64_t block_elements) {
  base::check(block_elements > 0, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("block size: expected a positive number, found {}", block_elements);
  });
  return elements / block_elements + (elements % block_elements != 0 ? 1 : 0);
}

Packed4Bit encode_4bit(const Code4BitValues& values, std::span<const float> weights,
                       std::int64_t block_elements) {
  const SortedCodes sorted = sort_codes(values);
  const std::int64_t blocks = count_blocks(std::ssize(weights), block_elements);
  const auto size = static_cast<std::size_t>(block_elements);
  Packed4Bit packed{std::vector<std::uint8_t>((weights.size() + 1) / 2), {}};
  // An odd number of elements is made even by a zero.
  if (weights.size() % 2 != 0) {
    packed.codes.back() = nearest_code(sorted, 0.0f);
  }
  for (std::size_t block = 0; block < static_cast<std::size_t>(blocks); ++block) {
    const auto part = weights.subspan(block * size, std::min(size, weights.size() - block * size));
    const bool whole = part.size() == size;
    const float largest = largest_magnitude(part);
    packed.absmax.push_back(whole ? largest : std::max(largest, kSmallestAbsmax));
    const auto codes = encode_block(sorted, part, packed.absmax.back(), whole);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const std::size_t at = block * size + i;
      packed.codes[at / 2] |= static_cast<std::uint8_t>(codes[i] << (at % 2 == 0 ? 4 : 0));
    }
  }
  return packed;
}

void decode_4bit(const Code4BitValues& values, std::span<const std::uint8_t> codes,
                 std::span<const float> absmax, std::int64_t block_elements, std::span<float> out) {
  check_sizes("packed codes", (std::ssize(out) + 1) / 2, std::ssize(codes));
  check_sizes("absmax", count_blocks(std::ssize(out), block_elements), std::ssize(absmax));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int code = codes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
    out[i] = values[static_cast<std::size_t>(code)] *
             absmax[i / static_cast<std::size_t>(block_elements)];
  }
}

void join_4bit(std::span<const std::uint8_t> codes, std::span<const float> absmax,
               std::int64_t block_elements, std::span<std::byte> out) {
  constexpr auto kJoined = std::int64_t{NF4::kElements};
  constexpr auto kCodeBytes = std::size_t{NF4::kElements / 2};
  const std::int64_t elements = 2 * std::ssize(codes);
  base::check(elements % kJoined == 0 && block_elements % kJoined == 0, ErrorCode::kInvalidArgument,
              [&] {
                return fmt::format(
                    "codes of 4 bits: expected multiples of {} elements, found {} in "
                    "blocks of {}",
                    kJoined, elements, block_elements);
              });
  check_sizes("absmax", count_blocks(elements, block_elements), std::ssize(absmax));
  const std::int64_t blocks = elements / kJoined;
  check_sizes("joined bytes", blocks * std::int64_t{sizeof(NF4::Block)}, std::ssize(out));
  for (std::int64_t i = 0; i < blocks; ++i) {
    NF4::Block block;
    block.absmax = absmax[static_cast<std::size_t>(i * kJoined / block_elements)];
    const auto at = static_cast<std::size_t>(i);
    std::ranges::copy(codes.subspan(at * kCodeBytes, kCodeBytes), block.nibbles.begin());
    std::memcpy(out.data() + at * sizeof(block), &block, sizeof(block));
  }
}

std::array<float, 256> dynamic_map() {
  constexpr int kExponents = 7;
  std::array<float, 256> map{};
  std::size_t count = 0;
  for (int i = 0; i < kExponents; ++i) {
    const int steps = 1 << i;
    const auto power = static_cast<float>(std::pow(10.0, i - (kExponents - 1)));
    for (int k = 0; k < steps; ++k) {
      const float middle = (tenth_to_one(k, steps) + tenth_to_one(k + 1, steps)) / 2.0f;
      map[count++] = power * middle;
      map[count++] = -power * middle;
    }
  }
  map[count++] = 0.0f;
  map[count] = 1.0f;
  std::ranges::sort(map);
  return map;
}

NestedAbsmax encode_absmax(std::span<const float> scales) {
  return encode_absmax(scales, mean(scales));
}

NestedAbsmax encode_absmax(std::span<const float> scales, float offset) {
  const std::array<float, 256> map = dynamic_map();
  std::array<float, 255> limits;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    limits[i] = 0.5f * (map[i] + map[i + 1]);
  }
  std::vector<float> centred(scales.begin(), scales.end());
  std::ranges::for_each(centred, [&](float& scale) { scale -= offset; });
  NestedAbsmax nested{{}, {}, offset};
  constexpr auto kSize = static_cast<std::size_t>(kNestedBlockElements);
  for (std::size_t begin = 0; begin < centred.size(); begin += kSize) {
    const auto part = std::span(centred).subspan(begin, std::min(kSize, centred.size() - begin));
    const float largest = largest_magnitude(part);
    nested.absmax.push_back(largest);
    for (const float scale : part) {
      // A block of zeros has code 0 throughout: its scale is zero, any code would do.
      nested.codes.push_back(largest == 0.0f ? std::uint8_t{0}
                                             : nearest_on_grid(limits, scale * (1.0f / largest)));
    }
  }
  return nested;
}

void decode_absmax(const NestedAbsmaxView& nested, std::span<float> scales) {
  check_sizes("quant_map", 256, std::ssize(nested.map));
  check_sizes("nested codes", std::ssize(scales), std::ssize(nested.codes));
  check_sizes("nested absmax", count_blocks(std::ssize(scales), nested.block_elements),
              std::ssize(nested.absmax));
  const auto size = static_cast<std::size_t>(nested.block_elements);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    scales[i] = nested.map[nested.codes[i]] * nested.absmax[i / size] + nested.offset;
  }
}

void round_scales(Format format, std::span<std::byte> blocks) {
  constexpr auto kBlockBytes = static_cast<std::int64_t>(sizeof(NF4::Block));
  static_assert(sizeof(FP4::Block) == kBlockBytes && offsetof(NF4::Block, absmax) == 0 &&
                offsetof(FP4::Block, absmax) == 0);
  base::check(format == Format::kNF4 || format == Format::kFP4, ErrorCode::kInvalidArgument,
              "scales: expected blocks of nf4 or fp4");
  check_sizes("bytes after the last block", 0, std::ssize(blocks) % kBlockBytes);
  std::vector<float> scales(blocks.size() / kBlockBytes);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    std::memcpy(&scales[i], blocks.data() + i * kBlockBytes, sizeof(float));
  }
  const NestedAbsmax nested = encode_absmax(scales);
  const std::array<float, 256> map = dynamic_map();
  decode_absmax({.codes = nested.codes,
                 .absmax = nested.absmax,
                 .map = map,
                 .block_elements = kNestedBlockElements,
                 .offset = nested.offset},
                scales);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    std::memcpy(blocks.data() + i * kBlockBytes, &scales[i], sizeof(float));
  }
}

float encode_int8_row(std::span<const float> weights, std::span<std::int8_t> codes) {
  check_sizes("int8 codes", std::ssize(weights), std::ssize(codes));
  const float largest = largest_magnitude(weights);
  // Torch divides a number by a tensor so. Below 127 / FLT_MAX the reciprocal overflows; such
  // weights are zeros to every user.
  const float reciprocal = (1.0f / largest) * 127.0f;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const float code = std::isfinite(reciprocal) ? std::nearbyint(weights[i] * reciprocal) : 0.0f;
    codes[i] = static_cast<std::int8_t>(std::clamp(code, -127.0f, 127.0f));
  }
  return largest;
}

float int8_step(float scale) {
  const float step = scale * kOneOver127;
  return std::isfinite(step * 127.0f) ? step : std::nextafter(step, 0.0f);
}

void join_int8(std::span<const std::int8_t> codes, std::span<const float> scales,
               std::int64_t columns, std::span<std::byte> out) {
  constexpr auto kJoined = std::int64_t{Int8F32::kElements};
  base::check(columns > 0 && columns % kJoined == 0, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("int8 rows: expected a multiple of {} elements, found {}", kJoined, columns);
  });
  check_sizes("int8 codes", std::ssize(scales) * columns, std::ssize(codes));
  const std::int64_t blocks = std::ssize(codes) / kJoined;
  check_sizes("joined bytes", blocks * std::int64_t{sizeof(Int8F32::Block)}, std::ssize(out));
  for (std::int64_t i = 0; i < blocks; ++i) {
    Int8F32::Block block;
    block.scale = int8_step(scales[static_cast<std::size_t>(i * kJoined / columns)]);
    const auto at = static_cast<std::size_t>(i);
    std::ranges::copy(codes.subspan(at * Int8F32::kElements, Int8F32::kElements),
                      block.codes.begin());
    std::memcpy(out.data() + at * sizeof(block), &block, sizeof(block));
  }
}

void decode_int8_row(std::span<const std::int8_t> codes, float scale, std::span<float> out) {
  check_sizes("int8 codes", std::ssize(out), std::ssize(codes));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<float>(codes[i]) * scale * kOneOver127;
  }
}

}  // namespace minimax::quant
