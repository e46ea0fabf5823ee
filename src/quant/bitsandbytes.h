// SPDX-License-Identifier: Apache-2.0
// The arithmetic of bitsandbytes: weights in 4 bits (nf4, fp4) with a scale per block of the whole
// tensor, scales that are themselves quantized, and int8 rows. Bytes and scales equal those of
// bitsandbytes on the CPU; docs/formats/bitsandbytes.md says how they are stored.
// All encoders throw Error{kInvalidArgument} for infinities and NaN, and all functions for spans
// whose sizes do not fit together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "quant/format.h"
#include "quant/int8_f32.h"
#include "quant/nf4.h"

namespace minimax::quant {

/// The number of blocks of `elements`; the last may be shorter.
std::int64_t count_blocks(std::int64_t elements, std::int64_t block_elements);

/// Two codes per byte, the first in the high nibble; an odd last one is followed by the code of
/// zero. absmax holds the largest magnitude of every block.
struct Packed4Bit {
  std::vector<std::uint8_t> codes;
  std::vector<float> absmax;
};

/// Encodes a flattened tensor. `values` is kNf4Values or kFp4Values.
Packed4Bit encode_4bit(const Code4BitValues& values, std::span<const float> weights,
                       std::int64_t block_elements);

/// Undoes it, into out.size() elements.
void decode_4bit(const Code4BitValues& values, std::span<const std::uint8_t> codes,
                 std::span<const float> absmax, std::int64_t block_elements, std::span<float> out);

/// Joins codes and scales of a tensor to the blocks of 64 that kernels read (nf4.h): the bytes of
/// its rows in Format::kNF4 or kFP4, one after the other. Throws: also where the number of elements
/// or of those in a block is no multiple of 64.
void join_4bit(std::span<const std::uint8_t> codes, std::span<const float> absmax,
               std::int64_t block_elements, std::span<std::byte> out);

/// The 256 values, ascending, that quantize the scales: sign, and a fraction whose bits make place
/// for a decimal exponent. Source: Dettmers 2015, dynamic tree quantization.
std::array<float, 256> dynamic_map();

inline constexpr std::int64_t kNestedBlockElements = 256;

/// Scales in 8 bits: scale = map[code] * absmax[block] + offset, blocks of kNestedBlockElements.
struct NestedAbsmax {
  std::vector<std::uint8_t> codes;
  std::vector<float> absmax;
  float offset;  // the mean of the scales
};

NestedAbsmax encode_absmax(std::span<const float> scales);

/// As above with an offset of the caller's: the mean depends on the order of the sum, and that of
/// torch on the machine and the number of threads.
NestedAbsmax encode_absmax(std::span<const float> scales, float offset);

struct NestedAbsmaxView {
  std::span<const std::uint8_t> codes;
  std::span<const float> absmax;
  std::span<const float> map;  // [256], the file's
  std::int64_t block_elements;
  float offset;
};

/// Undoes encode_absmax, into nested.codes.size() scales.
void decode_absmax(const NestedAbsmaxView& nested, std::span<float> scales);

/// Lets every scale in blocks of kNF4 or kFP4, those of a whole tensor, be what it becomes by
/// encode_absmax: double quantization. Throws: also for other formats.
void round_scales(Format format, std::span<std::byte> blocks);

/// Encodes a row in signed bytes and returns its scale (SCB), the largest magnitude.
float encode_int8_row(std::span<const float> weights, std::span<std::int8_t> codes);

/// What one step of the codes of a row is worth: its scale over 127, or the largest number whose
/// product with 127 is finite.
float int8_step(float scale);

/// Joins the codes of whole rows of `columns` and their scales to the blocks that kernels read
/// (int8_f32.h). Throws: also where `columns` is no multiple of 64.
void join_int8(std::span<const std::int8_t> codes, std::span<const float> scales,
               std::int64_t columns, std::span<std::byte> out);

void decode_int8_row(std::span<const std::int8_t> codes, float scale, std::span<float> out);

}  // namespace minimax::quant
