// SPDX-License-Identifier: Apache-2.0
// The register tile of products with panels: rows of activations by panels of weights. For the
// files that are compiled once per instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ops/panel_codes.h"
#include "ops/panel_product.h"

namespace minimax::ops {
namespace {

template <int kPanels>
struct TileRow {
  Floats16 panel[std::size_t{kPanels}];
};
template <int kPanels>
struct TileInts {
  Ints16 panel[std::size_t{kPanels}];
};

/// The sums of kRows rows, whose next groups are at x, and kPanels panels.
template <int kRows, int kPanels>
struct Tile {
  const Int8Group* x[std::size_t{kRows}];
  TileRow<kPanels> row[std::size_t{kRows}];
};

/// The next unit of each panel.
template <int kPanels>
struct Units {
  const std::byte* panel[std::size_t{kPanels}];
};
template <int kPanels>
struct UnitScales {
  BlockScales panel[std::size_t{kPanels}];
};

/// What is fetched while units are multiplied: some bytes with each, from some unit on elsewhere.
struct Fetch {
  const std::byte* next;
  std::int64_t bytes;
  std::int64_t units_to_turn = -1;  // negative: never
  const std::byte* then = nullptr;

  /// To ask for memory that does not exist is harmless.
  void advance() {
    if (units_to_turn-- == 0) {
      next = then;
    }
    for (std::int64_t line = 0; line < bytes; line += 64) {
      _mm_prefetch(next + line, _MM_HINT_T0);
    }
    next += bytes;
  }
};

/// What a sum of integers starts with: the activations' sums times -zero.
template <class Codes, int kPart>
inline Ints16 taken_back(const Int8Group& x) {
  if constexpr (Codes::kHasMins || Codes::kZero == 0) {
    return cpu::zero_ints();
  } else {
    constexpr int kShift = shift_of_zero(Codes::kZero);
    static_assert(1 << kShift == Codes::kZero);
    return cpu::shifted_int<kShift>(Codes::kGroups == 1 ? &x.minus_sum : x.minus_half_sums + kPart);
  }
}

template <bool kWide>
inline Ints16 add_step(const Bytes16& bytes, cpu::Four x, const Ints16& sums) {
  if constexpr (kWide) {
    return cpu::add_wide_products(bytes, x, sums);
  } else {
    return cpu::add_products(bytes, x, sums);
  }
}

template <int kGroups>
inline float scaled_sum(const Int8Group& x, int part) {
  return kGroups == 1 ? x.scaled_sum : x.scaled_half_sums[part];
}

/// Adds the products of part kPart of a chunk, whose activations are the groups *x[r].
template <class Codes, int kPart, int kRows, int kPanels>
[[gnu::always_inline]] inline void add_part(const Units<kPanels>& unit,
                                            const UnitScales<kPanels>& block, std::int64_t chunk,
                                            Tile<kRows, kPanels>& tile) {
  constexpr int kSteps = quant::kChunkSteps / Codes::kGroups;
  TileInts<kPanels> ints[std::size_t{kRows}];
  for (int r = 0; r < kRows; ++r) {
    const Ints16 start = taken_back<Codes, kPart>(*tile.x[r]);
    for (int p = 0; p < kPanels; ++p) {
      ints[r].panel[p] = start;
    }
  }
  unroll<kSteps>([&]<int kStep>() __attribute__((always_inline)) {
    constexpr int kAt = kPart * kSteps + kStep;
    Bytes16 bytes[std::size_t{kPanels}];
    for (int p = 0; p < kPanels; ++p) {
      bytes[p] = Codes::template bytes<kAt>(unit.panel[p], chunk);
    }
    for (int r = 0; r < kRows; ++r) {
      const cpu::Four x = cpu::load_four(tile.x[r]->codes + kAt * quant::kStepElements);
      for (int p = 0; p < kPanels; ++p) {
        ints[r].panel[p] = add_step<Codes::kIsWide>(bytes[p], x, ints[r].panel[p]);
      }
    }
  });
  for (int p = 0; p < kPanels; ++p) {
    const BlockScales scales = Codes::template scales<kPart>(unit.panel[p], block.panel[p], chunk);
    for (int r = 0; r < kRows; ++r) {
      const Int8Group& x = *tile.x[r];
      Floats16& sum = tile.row[r].panel[p];
      sum = cpu::fma(cpu::to_floats(ints[r].panel[p]),
                     scales.scale * cpu::broadcast_floats(x.scale), sum);
      if constexpr (Codes::kHasMins) {
        const float scaled = scaled_sum<Codes::kGroups>(x, kPart);
        sum = cpu::fma(scales.min, cpu::broadcast_floats(scaled), sum);
      }
    }
  }
}

/// Adds the products of `units` units to a tile.
template <class Codes, int kRows, int kPanels>
inline void multiply_units(Units<kPanels> unit, std::int64_t units, Fetch fetch,
                           Tile<kRows, kPanels>& tile) {
  Tile<kRows, kPanels> sums = tile;  // a copy that nothing points to stays in registers
  for (std::int64_t i = 0; i < units; ++i) {
    fetch.advance();
    UnitScales<kPanels> block;
    for (int p = 0; p < kPanels; ++p) {
      block.panel[p] = Codes::block(unit.panel[p]);
    }
    for (std::int64_t chunk = 0; chunk < Codes::kChunks; ++chunk) {
      unroll<Codes::kGroups>([&]<int kPart>() __attribute__((always_inline)) {
        add_part<Codes, kPart>(unit, block, chunk, sums);
      });
      for (const Int8Group*& x : sums.x) {
        ++x;
      }
    }
    for (int p = 0; p < kPanels; ++p) {
      unit.panel[p] += Codes::kUnitBytes;
    }
  }
  tile = sums;
}

/// Where the sums of a tile go: the first `columns` lanes of its panels.
struct TileOutput {
  float* data;
  std::int64_t stride;
  std::int64_t columns;  // from the tile's first one to the end of the block

  TileOutput from_row(std::int64_t row) const { return {data + row * stride, stride, columns}; }
};

inline void store_lanes(float* to, const Floats16& sums, std::int64_t columns) {
  if (columns >= quant::kPanelRows) {
    cpu::store_floats(to, sums);
  } else {
    cpu::store_first_floats(to, sums, columns);
  }
}

inline Floats16 load_lanes(const float* from, std::int64_t columns) {
  return columns >= quant::kPanelRows ? cpu::load_floats(from)
                                      : cpu::load_first_floats(from, columns);
}

template <int kRows, int kPanels>
inline void clear_tile(Tile<kRows, kPanels>& tile) {
  for (TileRow<kPanels>& row : tile.row) {
    for (Floats16& sum : row.panel) {
      sum = cpu::zero_floats();
    }
  }
}

/// The first `rows` rows of a tile.
template <int kRows, int kPanels>
inline void load_tile(Tile<kRows, kPanels>& tile, std::int64_t rows, const TileOutput& out) {
  for (int r = 0; r < kRows && r < rows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      tile.row[r].panel[p] = load_lanes(out.data + r * out.stride + p * quant::kPanelRows,
                                        out.columns - p * quant::kPanelRows);
    }
  }
}
template <int kRows, int kPanels>
inline void store_tile(const Tile<kRows, kPanels>& tile, std::int64_t rows, const TileOutput& out) {
  for (int r = 0; r < kRows && r < rows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      store_lanes(out.data + r * out.stride + p * quant::kPanelRows, tile.row[r].panel[p],
                  out.columns - p * quant::kPanelRows);
    }
  }
}

}  // namespace
}  // namespace minimax::ops
