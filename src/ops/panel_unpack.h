// SPDX-License-Identifier: Apache-2.0
// Units of a panel (quant/panels.h) in registers: codes as bytes, scales and minima as floats, lane
// = row. For the files that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/bytes.h"
#include "quant/format.h"
#include "quant/panel_layout.h"

namespace minimax::ops {
namespace {

using cpu::Bytes16;
using cpu::Floats16;
using cpu::Ints16;
using quant::PanelLayout;
using quant::SubScales;

inline const std::uint8_t* unsigned_bytes(const std::byte* from) {
  return reinterpret_cast<const std::uint8_t*>(from);
}

/// Calls f.template operator()<i>() for i in [0, kCount). Lambdas that hold sums in registers must
/// be inlined for that, whatever their size.
template <int kCount, int kAt = 0, class F>
[[gnu::always_inline]] inline void unroll(const F& f) {
  if constexpr (kAt < kCount) {
    f.template operator()<kAt>();
    unroll<kCount, kAt + 1>(f);
  }
}

/// The codes of a step of a chunk as they are stored: unsigned.
template <PanelLayout kLayout, int kStep>
inline Bytes16 codes_of_step(const std::uint8_t* chunk) {
  constexpr int kLow = kLayout.low_bits;
  constexpr int kLowSteps = 8 / kLow;
  const Bytes16 plane = cpu::load_bytes(chunk + quant::kStepBytes * (kStep / kLowSteps));
  if constexpr (kLow == 8) {
    return plane;
  } else {
    const Bytes16 low = cpu::bits<kLow*(kStep % kLowSteps), (1 << kLow) - 1>(plane);
    if constexpr (kLayout.high_bits == 0) {
      return low;
    } else {
      constexpr int kHigh = kLayout.high_bits;
      constexpr int kHighSteps = 8 / kHigh;
      const Bytes16 high = cpu::load_bytes(chunk + quant::kStepBytes * (kLow + kStep / kHighSteps));
      constexpr int kShift = kHigh * (kStep % kHighSteps) - kLow;
      return low | cpu::bits<kShift, ((1 << kHigh) - 1) << kLow>(high);
    }
  }
}

/// Levels as bytes: those of a layout, shifted up by 128.
struct ByteLevels {
  std::uint8_t of[std::size_t{16}];
};
template <PanelLayout kLayout>
constexpr ByteLevels byte_levels() {
  ByteLevels levels = {};
  for (int i = 0; i < 16; ++i) {
    levels.of[i] = static_cast<std::uint8_t>(kLayout.levels[i] + 128);
  }
  return levels;
}
template <PanelLayout kLayout>
constexpr ByteLevels kByteLevels = byte_levels<kLayout>();

struct ExactLevels {
  float of[std::size_t{16}];
};
template <PanelLayout kLayout>
constexpr ExactLevels exact_levels() {
  ExactLevels levels = {};
  for (int i = 0; i < 16; ++i) {
    levels.of[i] = kLayout.exact_levels[i];
  }
  return levels;
}
template <PanelLayout kLayout>
constexpr ExactLevels kExactLevels = exact_levels<kLayout>();

/// What int8 products multiply: codes, or levels. Zero is kLayout.byte_zero().
template <PanelLayout kLayout, int kStep>
inline Bytes16 bytes_of_step(const std::uint8_t* chunk) {
  const Bytes16 codes = codes_of_step<kLayout, kStep>(chunk);
  if constexpr (kLayout.has_levels) {
    return cpu::look_up(kByteLevels<kLayout>.of, codes);
  } else {
    return codes;
  }
}

/// The scales and minima of a unit's blocks. The minimum is what is added to an element.
struct BlockScales {
  Floats16 scale;
  Floats16 min;
};

template <PanelLayout kLayout>
inline BlockScales block_scales(const std::byte* unit) {
  using tensor::Float16;
  BlockScales found;
  if constexpr (kLayout.float_scales) {
    found.scale = cpu::load_floats(reinterpret_cast<const float*>(unit));
  } else {
    found.scale = cpu::load_floats(reinterpret_cast<const Float16*>(unit));
  }
  if constexpr (kLayout.has_mins) {
    found.min = cpu::load_floats(reinterpret_cast<const Float16*>(unit + kLayout.scale_bytes()));
  }
  if constexpr (kLayout.subtracts_mins) {
    found.min = cpu::zero_floats() - found.min;
  }
  return found;
}

/// The same for group `group` of a unit.
template <PanelLayout kLayout>
inline BlockScales group_scales(const std::byte* unit, const BlockScales& block, int group) {
  if constexpr (!kLayout.is_super()) {
    return block;
  } else {
    BlockScales found = block;
    const std::byte* sub =
        unit + kLayout.scale_bytes() + kLayout.min_bytes() + quant::kPanelRows * group;
    if constexpr (kLayout.sub_scales == SubScales::kSigned) {
      const auto* at = reinterpret_cast<const std::int8_t*>(sub);
      found.scale = found.scale * cpu::to_floats(cpu::load_ints(at));
    } else if constexpr (kLayout.sub_scales == SubScales::kNibblesWithMins) {
      const Ints16 both = cpu::load_ints(unsigned_bytes(sub));
      found.scale = found.scale * cpu::to_floats(cpu::low_nibbles(both));
      found.min = found.min * cpu::to_floats(cpu::high_nibbles(both));
    } else {
      found.scale = found.scale * cpu::to_floats(cpu::load_ints(unsigned_bytes(sub)));
      if constexpr (kLayout.has_mins) {
        const std::uint8_t* mins = unsigned_bytes(sub) + quant::kPanelRows * kLayout.groups();
        found.min = found.min * cpu::to_floats(cpu::load_ints(mins));
      }
    }
    return found;
  }
}

/// The scales that belong to the bytes of int8 products: levels are worth less than 1.
template <PanelLayout kLayout>
inline BlockScales byte_scales(const std::byte* unit) {
  BlockScales found = block_scales<kLayout>(unit);
  if constexpr (kLayout.level_scale != 1.0f) {
    found.scale = found.scale * cpu::broadcast_floats(kLayout.level_scale);
  }
  return found;
}

/// Groups of a chunk of 32 elements that kernels sum apart: one, or two of 16.
template <PanelLayout kLayout>
constexpr int kChunkGroups = kLayout.group_elements < quant::kChunkElements ? 2 : 1;

/// The group of a unit that part `part` of a chunk belongs to.
template <PanelLayout kLayout>
constexpr int group_of(std::int64_t chunk, int part) {
  return static_cast<int>((chunk * quant::kChunkElements + part * quant::kChunkElements / 2) /
                          kLayout.group_elements);
}

/// Calls f.template operator()<kLayout>() for the layout of a quantized format.
template <class F>
inline void visit_layout(quant::Format format, const F& f) {
  quant::visit_format(format, [&]<quant::BlockFormat Format>() {
    if constexpr (quant::CodedFormat<Format>) {
      f.template operator()<quant::panel_layout<Format>()>();
    }
  });
}

}  // namespace
}  // namespace minimax::ops
