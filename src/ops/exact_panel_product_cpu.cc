// SPDX-License-Identifier: Apache-2.0
// Products of float32 activations with quantized weights in panels: pieces of a panel are decoded
// to float32, exactly, and serve all rows of the block.
//
// The order of every sum is fixed: the 32 products of a chunk are added in turn, then the chunks.
#include <cstddef>

#include "ops/bounds.h"
#include "ops/panel_product.h"
#include "ops/panel_unpack.h"
#include "ops/product_rows.h"

namespace minimax::ops::kernels {
namespace {

using quant::kChunkElements;
using quant::kChunkSteps;
using quant::kPanelRows;
using quant::kStepElements;

/// Chunks that are decoded at a time: 32 KiB of float32.
constexpr std::int64_t kPieceChunks = 16;
constexpr std::int64_t kChunkFloats = kChunkElements * kPanelRows;

struct Piece {
  alignas(64) float weights[std::size_t{kPieceChunks * kChunkFloats}];
};

/// Four elements of the codes, as floats times the scale.
template <PanelLayout kLayout, int kStep>
inline void decode_step(const std::uint8_t* codes, const BlockScales& scales, float* out) {
  const Bytes16 bytes = codes_of_step<kLayout, kStep>(codes);
  unroll<kStepElements>([&]<int kByte>() __attribute__((always_inline)) {
    const Ints16 code = cpu::byte_of_each<kByte>(bytes);
    Floats16 value;
    if constexpr (kLayout.has_levels) {
      value = cpu::look_up(kExactLevels<kLayout>.of, code);
    } else {
      value = cpu::to_floats(code) - cpu::broadcast_floats(kLayout.zero);
    }
    value = scales.scale * value;
    if constexpr (kLayout.has_mins) {
      value = value + scales.min;
    }
    cpu::store_floats(out + (kStep * kStepElements + kByte) * kPanelRows, value);
  });
}

template <PanelLayout kLayout>
inline void decode_chunk(const std::byte* unit, std::int64_t chunk, float* out) {
  const std::uint8_t* codes =
      unsigned_bytes(unit) + kLayout.header_bytes() + chunk * kLayout.chunk_bytes();
  const BlockScales block = block_scales<kLayout>(unit);
  constexpr int kSteps = kChunkSteps / kChunkGroups<kLayout>;
  unroll<kChunkGroups<kLayout>>([&]<int kPart>() __attribute__((always_inline)) {
    const BlockScales scales = group_scales<kLayout>(unit, block, group_of<kLayout>(chunk, kPart));
    unroll<kSteps>([&]<int kStep>() __attribute__((always_inline)) {
      decode_step<kLayout, kPart * kSteps + kStep>(codes, scales, out);
    });
  });
}

/// Decodes chunks [begin, end) of a panel.
template <PanelLayout kLayout>
void decode(const std::byte* panel, std::int64_t begin, std::int64_t end, Piece& piece) {
  constexpr std::int64_t kChunks = kLayout.chunks();
  float* out = piece.weights;
  for (std::int64_t at = begin; at < end; ++at) {
    decode_chunk<kLayout>(panel + at / kChunks * kLayout.unit_bytes(), at % kChunks, out);
    out += kChunkFloats;
  }
}

/// Rows of a tile: enough to cover the latency of their sums.
constexpr int kRows = 4;

struct Tile {
  const float* x[std::size_t{kRows}];
  Floats16 sums[std::size_t{kRows}];
};

void multiply_piece(const Piece& piece, std::int64_t begin, std::int64_t end, Tile& tile) {
  const float* weights = piece.weights;
  for (std::int64_t chunk = begin; chunk < end; ++chunk) {
    Floats16 sums[std::size_t{kRows}];
    for (Floats16& sum : sums) {
      sum = cpu::zero_floats();
    }
    for (std::int64_t k = chunk * kChunkElements; k < (chunk + 1) * kChunkElements; ++k) {
      const Floats16 weight = cpu::load_floats(weights);
      for (int r = 0; r < kRows; ++r) {
        sums[r] = cpu::fma(cpu::broadcast_floats(tile.x[r][k]), weight, sums[r]);
      }
      weights += kPanelRows;
    }
    for (int r = 0; r < kRows; ++r) {
      tile.sums[r] = tile.sums[r] + sums[r];
    }
  }
}

const float* row_of_x(const PanelProduct& args, std::int64_t row) {
  return args.x.floats + source_row(args, row) * args.x.stride;
}

/// All rows of a block for a decoded piece; `out` is the panel's first element.
void multiply_rows(const PanelProduct& args, const Block& block, const Piece& piece,
                   std::int64_t begin, std::int64_t end, float* out, std::int64_t columns) {
  for (std::int64_t row = block.row_begin; row < block.row_end; row += kRows) {
    const std::int64_t rows = smaller(kRows, block.row_end - row);
    Tile tile;
    for (int r = 0; r < kRows; ++r) {
      const float* from = out + r * args.out_stride;
      tile.x[r] = row_of_x(args, row + smaller(r, rows - 1));
      tile.sums[r] =
          begin == 0 || r >= rows ? cpu::zero_floats() : cpu::load_first_floats(from, columns);
    }
    multiply_piece(piece, begin, end, tile);
    for (int r = 0; r < rows; ++r) {
      cpu::store_first_floats(out + r * args.out_stride, tile.sums[r], columns);
    }
    out += kRows * args.out_stride;
  }
}

template <PanelLayout kLayout>
void multiply_block(const PanelProduct& args, const Block& block) {
  const std::int64_t chunks = args.inner / kChunkElements;
  for (std::int64_t column = block.column_begin; column < block.column_end; column += kPanelRows) {
    const std::byte* panel = args.weight.data + column / kPanelRows * args.weight.panel_bytes;
    float* out = args.out + (column - block.column_begin);
    const std::int64_t columns = smaller(kPanelRows, block.column_end - column);
    for (std::int64_t begin = 0; begin < chunks; begin += kPieceChunks) {
      const std::int64_t end = smaller(begin + kPieceChunks, chunks);
      Piece piece;
      decode<kLayout>(panel, begin, end, piece);
      multiply_rows(args, block, piece, begin, end, out, columns);
    }
  }
}

}  // namespace

template <cpu::Isa>
void exact_panel_product(const PanelProduct& args, const Block& block) {
  visit_layout(args.weight.format,
               [&]<PanelLayout kLayout>() { multiply_block<kLayout>(args, block); });
}

template void exact_panel_product<cpu::kTargetIsa>(const PanelProduct&, const Block&);

}  // namespace minimax::ops::kernels
