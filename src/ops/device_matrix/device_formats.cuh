// SPDX-License-Identifier: Apache-2.0
// Tiles of repacked matrices (device_matrix.h) to operands of the tensor cores. A code becomes a
// bf16 number without rounding, but for levels of tables, which are rounded to bf16; scales
// multiply float32 sums.
#pragma once

#include <cuda_fp16.h>

#include <cstdint>

#include "cuda/bf16.cuh"
#include "ops/device_matrix/device_matrix.h"
#include "quant/nf4.h"

namespace minimax::ops::cuda {

/// (value & mask) | bits in one instruction.
__device__ inline std::uint32_t and_or(std::uint32_t value, std::uint32_t mask,
                                       std::uint32_t bits) {
  std::uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(result) : "r"(value), "r"(mask), "r"(bits));
  return result;
}

/// (value & mask) ^ bits in one instruction.
__device__ inline std::uint32_t and_xor(std::uint32_t value, std::uint32_t mask,
                                        std::uint32_t bits) {
  std::uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, 0x6a;" : "=r"(result) : "r"(value), "r"(mask), "r"(bits));
  return result;
}

/// a * b + c of two bf16 numbers each.
__device__ inline std::uint32_t fma_bf16x2(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t result;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}

/// The operand of a tile: [steps of 16 columns][registers], once per addend of an element.
template <int planes, int steps>
struct WeightOperand {
  std::uint32_t registers[planes][steps][4];
};

/// Unsigned codes under the mantissa of 128: what comes out is 128 + code.
struct Codes4 {
  static constexpr int kPlanes = 1;
  static constexpr int kSteps = 4;
  static constexpr bool kTable = false;
  static constexpr bool kIntegers = true;

  __device__ static void unpack(const std::uint32_t (&words)[4], WeightOperand<1, 4>& operand,
                                const std::uint32_t* /*table*/) {
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int p = 0; p < 4; ++p) {
        operand.registers[0][s][p] = and_or(words[s] >> (4 * p), 0x000f000fu, 0x43004300u);
      }
    }
  }
};

/// The same codes for integers: four of a row in a register, columns 2 j, 2 j + 8, 2 j + 1, 2 j + 9
/// of a step for j = lane % 4. Registers: rows l / 4 and l / 4 + 8, of steps s and s + 1. As they
/// are, or 16 times what is left of them without 8.
template <bool is_signed>
struct BytesOf4 {
  __device__ static void unpack(const std::uint32_t* words, std::uint32_t (&operand)[4]) {
#pragma unroll
    for (int s = 0; s < 2; ++s) {
      if constexpr (is_signed) {
        operand[2 * s] = and_xor(words[s] << 4, 0xf0f0f0f0u, 0x80808080u);
        operand[2 * s + 1] = and_xor(words[s], 0xf0f0f0f0u, 0x80808080u);
      } else {
        operand[2 * s] = words[s] & 0x0f0f0f0fu;
        operand[2 * s + 1] = (words[s] >> 4) & 0x0f0f0f0fu;
      }
    }
  }
};

/// And of bytes, whose words come in pairs.
struct BytesOf8 {
  __device__ static void unpack(const std::uint32_t* words, std::uint32_t (&operand)[4]) {
#pragma unroll
    for (int s = 0; s < 2; ++s) {
      operand[2 * s] = __byte_perm(words[2 * s], words[2 * s + 1], 0x6240);
      operand[2 * s + 1] = __byte_perm(words[2 * s], words[2 * s + 1], 0x7351);
    }
  }
};

/// Pairs of levels looked up by byte; table[32 * byte + lane] keeps every lane in a bank of its
/// own.
struct Codes4Table {
  static constexpr int kPlanes = 1;
  static constexpr int kSteps = 4;
  static constexpr bool kTable = true;
  static constexpr bool kIntegers = false;

  __device__ static void unpack(const std::uint32_t (&words)[4], WeightOperand<1, 4>& operand,
                                const std::uint32_t* table) {
    const std::uint32_t* own = table + threadIdx.x % 32;
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int p = 0; p < 4; ++p) {
        operand.registers[0][s][p] = own[32 * ((words[s] >> (8 * p)) & 0xffu)];
      }
    }
  }
};

/// Signed bytes: the low 7 bits lie under the mantissa of 128, and the sign bit turns the 128 that
/// is taken off again into 256.
struct Codes8 {
  static constexpr int kPlanes = 1;
  static constexpr int kSteps = 4;
  static constexpr bool kTable = false;
  static constexpr bool kIntegers = true;

  __device__ static std::uint32_t pair(std::uint32_t bytes) {
    const std::uint32_t biased = and_or(bytes, 0x007f007fu, 0x43004300u);
    const std::uint32_t bias = and_or(bytes, 0x00800080u, 0xc300c300u);
    return fma_bf16x2(biased, 0x3f803f80u, bias);
  }
  __device__ static void unpack(const std::uint32_t (&words)[8], WeightOperand<1, 4>& operand,
                                const std::uint32_t* /*table*/) {
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int p = 0; p < 4; ++p) {
        operand.registers[0][s][p] = pair(words[2 * s + p / 2] >> (8 * (p % 2)));
      }
    }
  }
};

/// e4m3 has the fields of bf16, shorter: moved into place it is the number times 2^-120. The
/// product with 2^120 is exact, also for subnormal numbers.
struct CodesE4M3 {
  static constexpr int kPlanes = 1;
  static constexpr int kSteps = 4;
  static constexpr bool kTable = false;
  static constexpr bool kIntegers = false;

  __device__ static std::uint32_t pair(std::uint32_t bytes) {  // in the upper bytes of the halves
    const std::uint32_t magnitude = (bytes >> 4) & 0x07f007f0u;
    return fma_bf16x2(and_or(bytes, 0x80008000u, magnitude), 0x7b807b80u, 0x80008000u);
  }
  __device__ static void unpack(const std::uint32_t (&words)[8], WeightOperand<1, 4>& operand,
                                const std::uint32_t* /*table*/) {
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int p = 0; p < 4; ++p) {
        operand.registers[0][s][p] = pair(words[2 * s + p / 2] << (8 - 8 * (p % 2)));
      }
    }
  }
};

/// Plain rows, which are the operand as they are.
struct CodesBF16 {
  static constexpr int kPlanes = 1;
  static constexpr int kSteps = 4;
  static constexpr bool kTable = false;
  static constexpr bool kIntegers = false;
};

/// What sums of a group are multiplied with, for the two rows of a lane.
struct GroupScales {
  float scale[2];
  float min[2];
};

struct NoScales {
  static constexpr bool kHasMin = false;
};

struct HalfScales {
  static constexpr bool kHasMin = false;
  __device__ static GroupScales load(const std::byte* group) {
    const float2 pair = __half22float2(*reinterpret_cast<const __half2*>(group));
    return {{pair.x, pair.y}, {}};
  }
};

struct FloatScales {
  static constexpr bool kHasMin = false;
  __device__ static GroupScales load(const std::byte* group) {
    const float2 pair = *reinterpret_cast<const float2*>(group);
    return {{pair.x, pair.y}, {}};
  }
};

struct HalfScalesMins {
  static constexpr bool kHasMin = true;
  __device__ static GroupScales load(const std::byte* group) {
    const uint2 words = *reinterpret_cast<const uint2*>(group);
    const float2 first = __half22float2(reinterpret_cast<const __half2&>(words.x));
    const float2 second = __half22float2(reinterpret_cast<const __half2&>(words.y));
    return {{first.x, second.x}, {first.y, second.y}};
  }
};

/// A level of nf4 or fp4.
template <DeviceFormat format>
__device__ float table_level(int code) {
  constexpr quant::Code4BitValues kValues =
      format == DeviceFormat::kNF4 ? quant::kNf4Values : quant::kFp4Values;
  float level = 0.0f;
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    level = code == i ? kValues[static_cast<std::size_t>(i)] : level;
  }
  return level;
}

/// All of a format. kBias is what the operand has too much.
template <DeviceFormat format, class C, class S, int bias>
struct DeviceFormatTraits {
  static constexpr DeviceFormat kFormat = format;
  static constexpr DeviceTile kTile = device_tile(format);
  static constexpr float kBias = static_cast<float>(bias);
  using Codes = C;
  using Scales = S;
};

template <DeviceFormat format>
struct DeviceFormatOf;

template <>
struct DeviceFormatOf<DeviceFormat::kBF16>
    : DeviceFormatTraits<DeviceFormat::kBF16, CodesBF16, NoScales, 0> {};
template <>
struct DeviceFormatOf<DeviceFormat::kInt8G64>
    : DeviceFormatTraits<DeviceFormat::kInt8G64, Codes8, HalfScales, 0> {};
template <>
struct DeviceFormatOf<DeviceFormat::kInt8G32>
    : DeviceFormatTraits<DeviceFormat::kInt8G32, Codes8, HalfScales, 0> {};
template <>
struct DeviceFormatOf<DeviceFormat::kInt8F32>
    : DeviceFormatTraits<DeviceFormat::kInt8F32, Codes8, FloatScales, 0> {};
template <>
struct DeviceFormatOf<DeviceFormat::kInt8G16>
    : DeviceFormatTraits<DeviceFormat::kInt8G16, Codes8, HalfScales, 0> {};
template <>
struct DeviceFormatOf<DeviceFormat::kInt4G64>
    : DeviceFormatTraits<DeviceFormat::kInt4G64, Codes4, HalfScales, 136> {};
template <>
struct DeviceFormatOf<DeviceFormat::kInt4G32>
    : DeviceFormatTraits<DeviceFormat::kInt4G32, Codes4, HalfScales, 136> {};
template <>
struct DeviceFormatOf<DeviceFormat::kInt4Min>
    : DeviceFormatTraits<DeviceFormat::kInt4Min, Codes4, HalfScalesMins, 128> {};
template <>
struct DeviceFormatOf<DeviceFormat::kNF4>
    : DeviceFormatTraits<DeviceFormat::kNF4, Codes4Table, FloatScales, 0> {};
template <>
struct DeviceFormatOf<DeviceFormat::kFP4>
    : DeviceFormatTraits<DeviceFormat::kFP4, Codes4Table, FloatScales, 0> {};
template <>
struct DeviceFormatOf<DeviceFormat::kFP8>
    : DeviceFormatTraits<DeviceFormat::kFP8, CodesE4M3, FloatScales, 0> {};

}  // namespace minimax::ops::cuda
