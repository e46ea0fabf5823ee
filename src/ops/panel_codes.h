// SPDX-License-Identifier: Apache-2.0
// Where register tiles (panel_tile.h) take the bytes and scales of weights from: panels as they
// stand, whose codes are unpacked in registers, or pieces of panels that were unpacked before.
// Both are runs of units of whole chunks. For the files that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/panel_unpack.h"

namespace minimax::ops {
namespace {

/// What kernels multiply stands for 2^kShift less, where it has no minima.
constexpr int shift_of_zero(int zero) {
  int shift = 0;
  while ((1 << shift) < zero) {
    ++shift;
  }
  return shift;
}

/// A panel as it stands.
template <PanelLayout kLayout>
struct PanelCodes {
  static constexpr int kGroups = kChunkGroups<kLayout>;  // of a chunk
  static constexpr std::int64_t kChunks = kLayout.chunks();
  static constexpr std::int64_t kUnitBytes = kLayout.unit_bytes();
  static constexpr bool kHasMins = kLayout.has_mins;
  static constexpr bool kIsWide = kLayout.has_wide_bytes();
  static constexpr int kZero = kLayout.byte_zero() - (kIsWide ? cpu::kWideBias : 0);

  static BlockScales block(const std::byte* unit) { return byte_scales<kLayout>(unit); }

  /// Of part kPart of a chunk of the unit with those block scales.
  template <int kPart>
  static BlockScales scales(const std::byte* unit, const BlockScales& block, std::int64_t chunk) {
    return group_scales<kLayout>(unit, block, group_of<kLayout>(chunk, kPart));
  }

  template <int kStep>
  static Bytes16 bytes(const std::byte* unit, std::int64_t chunk) {
    return bytes_of_step<kLayout, kStep>(unsigned_bytes(unit) + kLayout.header_bytes() +
                                         chunk * kLayout.chunk_bytes());
  }
};

}  // namespace

/// How a piece is unpacked, whatever its format was: the bytes of a chunk, then the scales of its
/// groups, then their minima. As quant::PanelLayout it is the same type for every instruction set:
/// a local one would have its constants in sections of one name that linkers fold.
struct PieceLayout {
  int groups;  // of a chunk: 1 or 2
  int zero;
  bool has_mins;
  bool is_wide;

  constexpr std::int64_t scale_floats() const { return groups * quant::kPanelRows; }
  constexpr std::int64_t code_bytes() const {
    return std::int64_t{quant::kChunkSteps} * quant::kStepBytes;
  }
  constexpr std::int64_t chunk_bytes() const {
    return code_bytes() + (has_mins ? 2 : 1) * scale_floats() * 4;
  }
};

namespace {

template <PanelLayout kLayout>
constexpr PieceLayout piece_layout() {
  return {kChunkGroups<kLayout>, PanelCodes<kLayout>::kZero, kLayout.has_mins,
          kLayout.has_wide_bytes()};
}

/// A piece: each chunk is a unit.
template <PieceLayout kPiece>
struct PieceCodes {
  static constexpr int kGroups = kPiece.groups;
  static constexpr std::int64_t kChunks = 1;
  static constexpr std::int64_t kUnitBytes = kPiece.chunk_bytes();
  static constexpr bool kHasMins = kPiece.has_mins;
  static constexpr bool kIsWide = kPiece.is_wide;
  static constexpr int kZero = kPiece.zero;

  static BlockScales block(const std::byte* /*unit*/) { return {}; }

  template <int kPart>
  static BlockScales scales(const std::byte* unit, const BlockScales& /*block*/,
                            std::int64_t /*chunk*/) {
    const auto* scales =
        reinterpret_cast<const float*>(unit + kPiece.code_bytes()) + kPart * quant::kPanelRows;
    BlockScales found = {.scale = cpu::load_floats(scales), .min = {}};
    if constexpr (kHasMins) {
      found.min = cpu::load_floats(scales + kPiece.scale_floats());
    }
    return found;
  }

  template <int kStep>
  static Bytes16 bytes(const std::byte* unit, std::int64_t /*chunk*/) {
    return cpu::load_bytes(unsigned_bytes(unit) + kStep * quant::kStepBytes);
  }
};

template <PanelLayout kLayout>
inline void unpack_chunk(const std::byte* unit, const BlockScales& block, std::int64_t chunk,
                         std::byte* out) {
  using Codes = PanelCodes<kLayout>;
  constexpr PieceLayout kPiece = piece_layout<kLayout>();
  unroll<quant::kChunkSteps>([&]<int kStep>() __attribute__((always_inline)) {
    cpu::store_bytes(reinterpret_cast<std::uint8_t*>(out) + kStep * quant::kStepBytes,
                     Codes::template bytes<kStep>(unit, chunk));
  });
  auto* scales = reinterpret_cast<float*>(out + kPiece.code_bytes());
  unroll<kPiece.groups>([&]<int kPart>() __attribute__((always_inline)) {
    const BlockScales group = Codes::template scales<kPart>(unit, block, chunk);
    cpu::store_floats(scales + kPart * quant::kPanelRows, group.scale);
    if constexpr (kLayout.has_mins) {
      cpu::store_floats(scales + kPiece.scale_floats() + kPart * quant::kPanelRows, group.min);
    }
  });
}

/// Unpacks `units` units from `unit` on.
template <PanelLayout kLayout>
void unpack(const std::byte* unit, std::int64_t units, std::byte* out) {
  for (std::int64_t i = 0; i < units; ++i) {
    const BlockScales block = byte_scales<kLayout>(unit);
    for (std::int64_t chunk = 0; chunk < kLayout.chunks(); ++chunk) {
      unpack_chunk<kLayout>(unit, block, chunk, out);
      out += piece_layout<kLayout>().chunk_bytes();
    }
    unit += kLayout.unit_bytes();
  }
}

}  // namespace
}  // namespace minimax::ops
