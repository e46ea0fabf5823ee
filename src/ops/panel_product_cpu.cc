// SPDX-License-Identifier: Apache-2.0
// Products of int8 activations with quantized weights in panels. Lane = column of the output, so no
// sum crosses lanes. Few rows: each panel passes once from memory through the registers, where its
// codes are unpacked. Many rows: pieces of two panels serve all rows of the block from the nearest
// caches; where codes are not unpacked in an instruction or two, that is done once for the block.
//
// The order of every sum is fixed: 32 products (16 where the weights' groups are that short) are
// added as integers, which is exact; each such sum times its two scales is added in the order of K
// to one float32, followed by the term of the minimum. It depends on neither the tile nor the
// block.
#include <cstddef>

#include "ops/bounds.h"
#include "ops/panel_product.h"
#include "ops/panel_tile.h"
#include "ops/product_rows.h"

namespace minimax::ops::kernels {
namespace {

using cpu::Vec;
using quant::kChunkElements;
using quant::kPanelRows;

constexpr bool kHasManyRegisters = Vec::kLanes == 16;  // 32 vectors of sixteen lanes

const Int8Group* row_of_x(const PanelProduct& args, std::int64_t row) {
  return args.x.groups + source_row(args, row) * args.x.stride;
}

/// A row of neighbouring panels.
template <int kPanels>
Units<kPanels> units_at(const PanelProduct& args, const std::byte* first) {
  Units<kPanels> units;
  for (int p = 0; p < kPanels; ++p) {
    units.panel[p] = first + p * args.weight.panel_bytes;
  }
  return units;
}

// Few rows.

/// kRows rows from `row` on and the panels from `panel` on.
template <PanelLayout kLayout, int kRows, int kPanels>
void few_rows(const PanelProduct& args, std::int64_t row, const std::byte* panel, Fetch fetch,
              const TileOutput& out) {
  Tile<kRows, kPanels> tile;
  for (int r = 0; r < kRows; ++r) {
    tile.x[r] = row_of_x(args, row + r);
  }
  clear_tile(tile);
  multiply_units<PanelCodes<kLayout>>(units_at<kPanels>(args, panel),
                                      args.inner / kLayout.unit_elements, fetch, tile);
  store_tile(tile, kRows, out);
}

/// The most rows that share the codes of one panel.
constexpr int kMostFewRows = Vec::kLanes >= 8 ? 2 : 1;

/// The panels that a block has left, and what is read after them.
struct Stream {
  const std::byte* panel;
  const std::byte* end;
  const std::byte* after;
};

Stream stream_of(const PanelProduct& args, const Block& block, const std::byte* panel) {
  const std::byte* end =
      args.weight.data + (block.column_end + kPanelRows - 1) / kPanelRows * args.weight.panel_bytes;
  return {.panel = panel, .end = end, .after = args.after == nullptr ? end : args.after};
}

/// What is fetched beside a panel: the bytes some way ahead in the stream.
template <PanelLayout kLayout>
Fetch bytes_ahead(const Stream& stream) {
  constexpr std::int64_t kAhead = 8192;
  constexpr std::int64_t kUnit = kLayout.unit_bytes();
  const std::int64_t left = stream.end - stream.panel - kAhead;
  if (left <= 0) {
    return {.next = stream.after - left, .bytes = kUnit};
  }
  return {.next = stream.panel + kAhead,
          .bytes = kUnit,
          .units_to_turn = (left + kUnit - 1) / kUnit,
          .then = stream.after};
}

/// Rows [row, row_end) of one panel. To read it as one stream is as fast as the memory is.
template <PanelLayout kLayout, int kRows = kMostFewRows>
void multiply_panel(const PanelProduct& args, std::int64_t row, std::int64_t row_end,
                    const Stream& stream, TileOutput out) {
  for (; row + kRows <= row_end; row += kRows) {
    few_rows<kLayout, kRows, 1>(args, row, stream.panel, bytes_ahead<kLayout>(stream), out);
    out = out.from_row(kRows);
  }
  if constexpr (kRows > 1) {
    multiply_panel<kLayout, kRows / 2>(args, row, row_end, stream, out);
  }
}

/// From so many rows on, two panels share the activations: then there is more arithmetic than
/// memory to wait for, and a broadcast for two products takes less of it.
constexpr std::int64_t kPairedRows = 3;
constexpr std::int64_t kMostPairedRows = 4;

/// 2 to 4 rows of two panels.
template <PanelLayout kLayout>
void paired_rows(const PanelProduct& args, std::int64_t row, std::int64_t rows,
                 const std::byte* panel, Fetch fetch, const TileOutput& out) {
  switch (rows) {
    case 2:
      return few_rows<kLayout, 2, 2>(args, row, panel, fetch, out);
    case 3:
      return few_rows<kLayout, 3, 2>(args, row, panel, fetch, out);
    default:
      return few_rows<kLayout, 4, 2>(args, row, panel, fetch, out);
  }
}

/// Rows [row, row_end) of two panels, by tiles of nearly equal heights. Memory gives most where it
/// is read from one end to the other: each tile fetches its share of the next two panels.
template <PanelLayout kLayout>
void multiply_two_panels(const PanelProduct& args, std::int64_t row, std::int64_t row_end,
                         const Stream& stream, const TileOutput& out) {
  const std::int64_t units = args.inner / kLayout.unit_elements;
  const std::byte* rest = stream.panel + 2 * args.weight.panel_bytes;
  const std::int64_t tiles = (row_end - row + kMostPairedRows - 1) / kMostPairedRows;
  const std::int64_t fetched = (2 * kLayout.unit_bytes() + tiles - 1) / tiles;
  Fetch fetch{.next = rest < stream.end ? rest : stream.after, .bytes = fetched};
  const std::int64_t first = row;
  for (std::int64_t left = tiles; left > 0; --left) {
    const std::int64_t rows = (row_end - row + left - 1) / left;
    paired_rows<kLayout>(args, row, rows, stream.panel, fetch, out.from_row(row - first));
    fetch.next += units * fetched;
    row += rows;
  }
}

// Many rows.

/// Rows and panels of a register tile: sums of both kinds, and a vector of bytes of each panel.
constexpr int kTallRows = kHasManyRegisters ? 6 : Vec::kLanes == 8 ? 4 : 2;
constexpr int kTallPanels = kHasManyRegisters ? 2 : 1;

/// Elements of K that are unpacked at a time. A multiple of all units.
constexpr std::int64_t kPieceChunks = 48;

/// Whether every tile unpacks codes by itself, beside its products. With two panels of six rows
/// that is free for codes of four bits, as processors shift and mask while they multiply.
template <PanelLayout kLayout>
constexpr bool kUnpacksInTiles =
    !kLayout.is_super() && kLayout.high_bits == 0 &&
    (kHasManyRegisters ? kLayout.low_bits >= 4 : kLayout.low_bits == 8 && !kLayout.has_levels);

/// Room for a piece that is unpacked apart; next to none for others.
template <PanelLayout kLayout>
struct PieceRoom {
  static constexpr std::int64_t kBytes =
      kUnpacksInTiles<kLayout> ? 1 : kPieceChunks * piece_layout<kLayout>().chunk_bytes();
  alignas(64) std::byte panel[std::size_t{kTallPanels}][std::size_t{kBytes}];
};

/// The rows of a block; those of its last tile that do not exist repeat the last one that does.
struct TallRows {
  const Int8Group* x[std::size_t{kBlockRows + kTallRows}];
  std::int64_t count;

  std::int64_t tiles() const { return (count + kTallRows - 1) / kTallRows; }
  /// How many tiles have a row less, so that together they have no row too many.
  std::int64_t short_tiles() const {
    const std::int64_t missing = tiles() * kTallRows - count;
    return missing <= tiles() ? missing : 0;
  }
};

TallRows tall_rows(const PanelProduct& args, const Block& block) {
  TallRows rows;
  rows.count = block.row_end - block.row_begin;
  for (std::int64_t r = 0; r < rows.tiles() * kTallRows; ++r) {
    rows.x[r] = row_of_x(args, block.row_begin + smaller(r, rows.count - 1));
  }
  return rows;
}

/// Some units of panels that follow each other.
template <int kPanels>
struct Piece {
  Units<kPanels> units;
  std::int64_t count;
  std::int64_t group;  // of the activations, the first one
};

/// Panels that come next: some bytes of each.
template <int kPanels>
struct NextPiece {
  const std::byte* panel[std::size_t{kPanels}];
  std::int64_t bytes;

  /// Brings a share into the second cache; to ask for memory that does not exist is harmless.
  void fetch(std::int64_t share, std::int64_t shares) const {
    constexpr std::int64_t kLine = 64;
    const std::int64_t each = (bytes + shares * kLine - 1) / (shares * kLine) * kLine;
    const std::int64_t end = smaller((share + 1) * each, bytes);
    for (const std::byte* from : panel) {
      for (std::int64_t at = share * each; at < end; at += kLine) {
        _mm_prefetch(from + at, _MM_HINT_T1);
      }
    }
  }
};

/// What follows the piece that ends at unit `end`: more of the same panels, or the next ones.
template <PanelLayout kLayout, int kPanels>
NextPiece<kPanels> next_piece(const PanelProduct& args, const std::byte* panel, std::int64_t end) {
  const std::int64_t units = args.inner / kLayout.unit_elements;
  const bool is_last = end >= units;
  const std::int64_t begin = is_last ? 0 : end;
  const std::int64_t count = smaller(kPieceChunks / kLayout.chunks(), units - begin);
  NextPiece<kPanels> next{.panel = {}, .bytes = count * kLayout.unit_bytes()};
  for (int p = 0; p < kPanels; ++p) {
    next.panel[p] = panel + (p + (is_last ? kPanels : 0)) * args.weight.panel_bytes +
                    begin * kLayout.unit_bytes();
  }
  return next;
}

/// Adds a piece to the outputs of up to kRows rows.
template <class Codes, int kRows, int kPanels>
void multiply_tile(const Int8Group* const* x, std::int64_t rows, const Piece<kPanels>& piece,
                   const TileOutput& out) {
  Tile<kRows, kPanels> tile;
  for (int r = 0; r < kRows; ++r) {
    tile.x[r] = x[r] + piece.group;
  }
  clear_tile(tile);
  if (piece.group > 0) {
    load_tile(tile, rows, out);
  }
  multiply_units<Codes>(piece.units, piece.count, {.next = nullptr, .bytes = 0}, tile);
  store_tile(tile, rows, out);
}

/// Adds a piece to the outputs of all rows, while the next one is fetched.
template <class Codes, int kPanels>
void multiply_rows(const TallRows& rows, const Piece<kPanels>& piece, const TileOutput& out,
                   const NextPiece<kPanels>& next) {
  const std::int64_t tiles = rows.tiles();
  const std::int64_t tall_tiles = tiles - rows.short_tiles();
  std::int64_t row = 0;
  for (std::int64_t index = 0; index < tiles; ++index) {
    next.fetch(index, tiles);
    const std::int64_t left = rows.count - row;
    const TileOutput to = out.from_row(row);
    if (index < tall_tiles) {
      multiply_tile<Codes, kTallRows>(rows.x + row, left, piece, to);
      row += kTallRows;
    } else {
      multiply_tile<Codes, kTallRows - 1>(rows.x + row, left, piece, to);
      row += kTallRows - 1;
    }
  }
}

/// kPanels panels from `panel` on for all rows of a block.
template <PanelLayout kLayout, int kPanels>
void multiply_tall(const PanelProduct& args, const TallRows& rows, const std::byte* panel,
                   const TileOutput& out) {
  const std::int64_t units = args.inner / kLayout.unit_elements;
  PieceRoom<kLayout> room;
  for (std::int64_t begin = 0; begin < units; begin += kPieceChunks / kLayout.chunks()) {
    const std::int64_t count = smaller(kPieceChunks / kLayout.chunks(), units - begin);
    const std::int64_t group = begin * kLayout.chunks();
    const auto packed = units_at<kPanels>(args, panel + begin * kLayout.unit_bytes());
    const auto next = next_piece<kLayout, kPanels>(args, panel, begin + count);
    if constexpr (kUnpacksInTiles<kLayout>) {
      multiply_rows<PanelCodes<kLayout>, kPanels>(rows, {packed, count, group}, out, next);
    } else {
      Units<kPanels> unpacked;
      for (int p = 0; p < kPanels; ++p) {
        unpack<kLayout>(packed.panel[p], count, room.panel[p]);
        unpacked.panel[p] = room.panel[p];
      }
      multiply_rows<PieceCodes<piece_layout<kLayout>()>, kPanels>(
          rows, {unpacked, count * kLayout.chunks(), group}, out, next);
    }
  }
}

/// Calls body(panel, out) for the panels of a block; body returns how many it has done.
template <class Body>
void for_each_panel(const PanelProduct& args, const Block& block, const Body& body) {
  std::int64_t column = block.column_begin;
  while (column < block.column_end) {
    const std::byte* panel = args.weight.data + column / kPanelRows * args.weight.panel_bytes;
    const TileOutput out{.data = args.out + (column - block.column_begin),
                         .stride = args.out_stride,
                         .columns = block.column_end - column};
    column += kPanelRows * body(panel, out);
  }
}

template <PanelLayout kLayout>
void multiply_few(const PanelProduct& args, const Block& block) {
  for_each_panel(args, block, [&](const std::byte* panel, const TileOutput& out) {
    const Stream stream = stream_of(args, block, panel);
    if constexpr (kHasManyRegisters) {
      if (block.row_end - block.row_begin >= kPairedRows && out.columns > kPanelRows) {
        multiply_two_panels<kLayout>(args, block.row_begin, block.row_end, stream, out);
        return 2;
      }
    }
    multiply_panel<kLayout>(args, block.row_begin, block.row_end, stream, out);
    return 1;
  });
}

/// Blocks of more rows pass by pieces.
constexpr std::int64_t kFewRows = kHasManyRegisters ? 14 : 4;

template <PanelLayout kLayout>
void multiply_block(const PanelProduct& args, const Block& block) {
  if (block.row_end - block.row_begin <= kFewRows) {
    return multiply_few<kLayout>(args, block);
  }
  const TallRows rows = tall_rows(args, block);
  for_each_panel(args, block, [&](const std::byte* panel, const TileOutput& out) {
    if (out.columns > kPanelRows * (kTallPanels - 1)) {
      multiply_tall<kLayout, kTallPanels>(args, rows, panel, out);
      return kTallPanels;
    }
    multiply_tall<kLayout, 1>(args, rows, panel, out);
    return 1;
  });
}

}  // namespace

template <cpu::Isa>
void panel_product(const PanelProduct& args, const Block& block) {
  visit_layout(args.weight.format,
               [&]<PanelLayout kLayout>() { multiply_block<kLayout>(args, block); });
}

template void panel_product<cpu::kTargetIsa>(const PanelProduct&, const Block&);

}  // namespace minimax::ops::kernels
