// SPDX-License-Identifier: Apache-2.0
// Products of int8 activations with quantized weights in panels. Lane = column of the output, so no
// sum crosses lanes. Few rows: each panel passes once from memory through the registers, where its
// codes are unpacked. Many rows: a piece of two panels is unpacked to bytes and float32 scales in
// the nearest caches, and then serves all rows of the block.
//
// The order of every sum is fixed: 32 products (16 where the weights' groups are that short) are
// added as integers, which is exact; each such sum times its two scales is added in the order of K
// to one float32, followed by the term of the minimum. It depends on neither the tile nor the
// block.
#include <cstddef>

#include "ops/panel_product.h"
#include "ops/panel_unpack.h"

namespace minimax::ops::kernels {
namespace {

using cpu::Four;
using cpu::Vec;
using quant::kChunkElements;
using quant::kChunkSteps;
using quant::kPanelRows;
using quant::kStepBytes;
using quant::kStepElements;

std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

const Int8Group* source_row(const PanelProduct& args, std::int64_t row) {
  const std::int64_t source =
      args.pair_of_row == nullptr ? row : args.pair_of_row[row] / args.top_k;
  return args.x.groups + source * args.x.stride;
}

/// Where the sums of a tile go: the first `columns` lanes of each panel's.
struct TileOutput {
  float* data;
  std::int64_t stride;
  std::int64_t columns;  // from the tile's first one to the end of the block
};

inline void store_lanes(float* to, const Floats16& sums, std::int64_t columns) {
  if (columns >= kPanelRows) {
    cpu::store_floats(to, sums);
  } else {
    cpu::store_first_floats(to, sums, columns);
  }
}

inline Floats16 load_lanes(const float* from, std::int64_t columns) {
  return columns >= kPanelRows ? cpu::load_floats(from) : cpu::load_first_floats(from, columns);
}

/// What a sum of integers starts with: the activations' sums times -zero. `two` are the sums of the
/// halves of a group of activations; part 0 and 1 are a half each where the chunk has two groups.
template <int kGroups, int kPart>
inline Ints16 taken_back(const std::int16_t* two, int zero) {
  const auto factor = static_cast<std::int16_t>(-zero);
  constexpr std::int16_t kNone = 0;
  return cpu::two_products(two, kGroups == 1 || kPart == 0 ? factor : kNone,
                           kGroups == 1 || kPart == 1 ? factor : kNone);
}

template <bool kWide>
inline Ints16 add_step(const Bytes16& bytes, Four x, const Ints16& sums) {
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

// Few rows.

template <int kRows>
struct FewRows {
  const Int8Group* x[std::size_t{kRows}];
  Floats16 sums[std::size_t{kRows}];
};

/// Adds part kPart of a chunk, whose activations are the groups x[r][group], to the sums.
template <PanelLayout kLayout, int kPart, int kRows>
[[gnu::always_inline]] inline void add_part(const std::uint8_t* chunk, const BlockScales& scales,
                                            std::int64_t group, FewRows<kRows>& rows) {
  constexpr int kGroups = kChunkGroups<kLayout>;
  constexpr int kSteps = kChunkSteps / kGroups;
  constexpr bool kWide = kLayout.has_wide_bytes();
  constexpr int kZero = kLayout.byte_zero() - (kWide ? cpu::kWideBias : 0);
  Ints16 ints[std::size_t{kRows}];
  for (int r = 0; r < kRows; ++r) {
    ints[r] = kZero == 0 ? cpu::zero_ints()
                         : taken_back<kGroups, kPart>(rows.x[r][group].half_sums, kZero);
  }
  unroll<kSteps>([&]<int kStep>() __attribute__((always_inline)) {
    const Bytes16 bytes = bytes_of_step<kLayout, kPart * kSteps + kStep>(chunk);
    for (int r = 0; r < kRows; ++r) {
      const std::int8_t* x = rows.x[r][group].codes + (kPart * kSteps + kStep) * kStepElements;
      ints[r] = add_step<kWide>(bytes, cpu::load_four(x), ints[r]);
    }
  });
  for (int r = 0; r < kRows; ++r) {
    const Int8Group& x = rows.x[r][group];
    const Floats16 scale = scales.scale * cpu::broadcast_floats(x.scale);
    rows.sums[r] = cpu::fma(cpu::to_floats(ints[r]), scale, rows.sums[r]);
    if constexpr (kLayout.has_mins) {
      const Floats16 sum = cpu::broadcast_floats(scaled_sum<kGroups>(x, kPart));
      rows.sums[r] = cpu::fma(scales.min, sum, rows.sums[r]);
    }
  }
}

/// Fetches what will be read a while later; to ask for memory that does not exist is harmless.
template <int kBytes>
inline void fetch_ahead(const std::byte* unit) {
  constexpr int kAhead = 8192;
  for (int line = 0; line < kBytes; line += 64) {
    _mm_prefetch(unit + kAhead + line, _MM_HINT_T0);
  }
}

template <PanelLayout kLayout, int kRows>
void multiply_panel(const std::byte* panel, std::int64_t units, FewRows<kRows>& rows) {
  std::int64_t group = 0;
  for (std::int64_t unit = 0; unit < units; ++unit) {
    fetch_ahead<kLayout.unit_bytes()>(panel);
    const BlockScales block = byte_scales<kLayout>(panel);
    const std::uint8_t* chunk = unsigned_bytes(panel) + kLayout.header_bytes();
    for (std::int64_t i = 0; i < kLayout.chunks(); ++i) {
      unroll<kChunkGroups<kLayout>>([&]<int kPart>() __attribute__((always_inline)) {
        const BlockScales scales = group_scales<kLayout>(panel, block, group_of<kLayout>(i, kPart));
        add_part<kLayout, kPart>(chunk, scales, group, rows);
      });
      chunk += kLayout.chunk_bytes();
      ++group;
    }
    panel += kLayout.unit_bytes();
  }
}

/// kRows rows from `row` on, and the panel that starts at `column`.
template <PanelLayout kLayout, int kRows>
void few_rows_of_panel(const PanelProduct& args, std::int64_t row, const std::byte* panel,
                       const TileOutput& out) {
  FewRows<kRows> rows;
  for (int r = 0; r < kRows; ++r) {
    rows.x[r] = source_row(args, row + r);
    rows.sums[r] = cpu::zero_floats();
  }
  multiply_panel<kLayout>(panel, args.inner / kLayout.unit_elements, rows);
  for (int r = 0; r < kRows; ++r) {
    store_lanes(out.data + r * out.stride, rows.sums[r], out.columns);
  }
}

/// The most rows that share the codes of a panel in registers.
constexpr int kMostFewRows = Vec::kLanes == 16 ? 8 : Vec::kLanes == 8 ? 2 : 1;

/// Rows [row, row_end) of one panel, by tiles of kRows and then of half as many.
template <PanelLayout kLayout, int kRows = kMostFewRows>
void multiply_few(const PanelProduct& args, std::int64_t row, std::int64_t row_end,
                  const std::byte* panel, TileOutput out) {
  for (; row + kRows <= row_end; row += kRows) {
    few_rows_of_panel<kLayout, kRows>(args, row, panel, out);
    out.data += kRows * out.stride;
  }
  if constexpr (kRows > 1) {
    multiply_few<kLayout, kRows / 2>(args, row, row_end, panel, out);
  }
}

// Many rows.

/// Rows and panels of a register tile: sums of both kinds, and a vector of bytes of each panel.
constexpr int kTallRows = Vec::kLanes == 16 ? 6 : Vec::kLanes == 8 ? 4 : 2;
constexpr int kTallPanels = Vec::kLanes == 16 ? 2 : 1;

/// Elements of K that are unpacked at a time.
constexpr std::int64_t kPieceChunks = 48;

/// How a piece is unpacked, whatever its format was: the bytes of a chunk, then the scales of its
/// groups, then their minima. Panels of bytes with one binary16 scale for a chunk, in front of it,
/// are pieces as they are.
struct PieceLayout {
  int groups;  // of a chunk: 1 or 2
  bool has_mins;
  bool is_wide;
  bool is_panel;

  constexpr std::int64_t scale_floats() const { return groups * kPanelRows; }
  constexpr std::int64_t code_bytes() const { return std::int64_t{kChunkSteps} * kStepBytes; }
  constexpr std::int64_t code_offset() const { return is_panel ? kPanelRows * 2 : 0; }
  constexpr std::int64_t chunk_bytes() const {
    return is_panel ? code_offset() + code_bytes()
                    : code_bytes() + (has_mins ? 2 : 1) * scale_floats() * 4;
  }
};

template <PanelLayout kLayout>
constexpr PieceLayout piece_layout() {
  constexpr bool kIsPanel = kLayout.low_bits == 8 && !kLayout.has_levels && !kLayout.has_mins &&
                            !kLayout.is_super() && !kLayout.float_scales &&
                            kLayout.unit_elements == kChunkElements;
  return {kChunkGroups<kLayout>, kLayout.has_mins, kLayout.has_wide_bytes(), kIsPanel};
}

/// Where the chunks of a piece lie, one after the other, of each panel.
template <int kPanels>
struct Piece {
  const std::byte* panel[std::size_t{kPanels}];
};

/// Room for an unpacked piece; next to none for one that is not.
template <PieceLayout kPiece>
struct UnpackedPiece {
  static constexpr std::int64_t kBytes = kPiece.is_panel ? 1 : kPieceChunks * kPiece.chunk_bytes();
  alignas(64) std::byte panel[std::size_t{kTallPanels}][std::size_t{kBytes}];
};

/// The rows of a block; those of its last tile that do not exist repeat the last one that does.
struct TallRows {
  const Int8Group* x[std::size_t{kBlockRows + kTallRows}];
  std::int64_t count;

  std::int64_t tiles() const { return (count + kTallRows - 1) / kTallRows; }
};

TallRows tall_rows(const PanelProduct& args, const Block& block) {
  TallRows rows;
  rows.count = block.row_end - block.row_begin;
  for (std::int64_t r = 0; r < rows.tiles() * kTallRows; ++r) {
    rows.x[r] = source_row(args, block.row_begin + smaller(r, rows.count - 1));
  }
  return rows;
}

/// Chunks [begin, end) of a row of panels.
struct ChunkRange {
  std::int64_t begin;
  std::int64_t end;
};

template <PanelLayout kLayout>
inline void unpack_chunk(const std::byte* unit, const BlockScales& block, std::int64_t chunk,
                         std::byte* out) {
  constexpr PieceLayout kPiece = piece_layout<kLayout>();
  const std::uint8_t* codes =
      unsigned_bytes(unit) + kLayout.header_bytes() + chunk * kLayout.chunk_bytes();
  unroll<kChunkSteps>([&]<int kStep>() __attribute__((always_inline)) {
    cpu::store_bytes(reinterpret_cast<std::uint8_t*>(out) + kStep * kStepBytes,
                     bytes_of_step<kLayout, kStep>(codes));
  });
  auto* scales = reinterpret_cast<float*>(out + kChunkSteps * kStepBytes);
  for (int part = 0; part < kPiece.groups; ++part) {
    const BlockScales group = group_scales<kLayout>(unit, block, group_of<kLayout>(chunk, part));
    cpu::store_floats(scales + part * kPanelRows, group.scale);
    if constexpr (kLayout.has_mins) {
      cpu::store_floats(scales + kPiece.scale_floats() + part * kPanelRows, group.min);
    }
  }
}

/// Unpacks chunks of one panel.
template <PanelLayout kLayout>
void unpack(const std::byte* panel, ChunkRange range, std::byte* out) {
  constexpr std::int64_t kChunks = kLayout.chunks();
  const std::byte* unit = panel + range.begin / kChunks * kLayout.unit_bytes();
  BlockScales block = byte_scales<kLayout>(unit);
  for (std::int64_t at = range.begin; at < range.end; ++at) {
    const std::int64_t chunk = at % kChunks;
    if (chunk == 0) {
      unit = panel + at / kChunks * kLayout.unit_bytes();
      block = byte_scales<kLayout>(unit);
    }
    unpack_chunk<kLayout>(unit, block, chunk, out);
    out += piece_layout<kLayout>().chunk_bytes();
  }
}

template <int kPanels>
struct TallRow {
  Floats16 panel[std::size_t{kPanels}];
};
template <int kPanels>
struct TallInts {
  Ints16 panel[std::size_t{kPanels}];
};

/// A register tile of kTallRows rows.
template <int kPanels>
struct TallTile {
  const Int8Group* x[std::size_t{kTallRows}];
  TallRow<kPanels> row[std::size_t{kTallRows}];
};

template <PieceLayout kPiece>
inline Floats16 piece_scale(const std::byte* chunk, const float* unpacked) {
  if constexpr (kPiece.is_panel) {
    return cpu::load_floats(reinterpret_cast<const tensor::Float16*>(chunk));
  } else {
    return cpu::load_floats(unpacked);
  }
}

template <PieceLayout kPiece, int kPart, int kPanels>
[[gnu::always_inline]] inline void add_tall_part(
    const std::byte* const (&chunk)[std::size_t{kPanels}], int zero, std::int64_t group,
    TallTile<kPanels>& tile) {
  constexpr int kSteps = kChunkSteps / kPiece.groups;
  TallInts<kPanels> ints[std::size_t{kTallRows}];
  for (int r = 0; r < kTallRows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      ints[r].panel[p] = kPiece.has_mins
                             ? cpu::zero_ints()
                             : taken_back<kPiece.groups, kPart>(tile.x[r][group].half_sums, zero);
    }
  }
  unroll<kSteps>([&]<int kStep>() __attribute__((always_inline)) {
    constexpr int kAt = kPart * kSteps + kStep;
    Bytes16 bytes[std::size_t{kPanels}];
    for (int p = 0; p < kPanels; ++p) {
      bytes[p] =
          cpu::load_bytes(unsigned_bytes(chunk[p]) + kPiece.code_offset() + kAt * kStepBytes);
    }
    for (int r = 0; r < kTallRows; ++r) {
      const Four x = cpu::load_four(tile.x[r][group].codes + kAt * kStepElements);
      for (int p = 0; p < kPanels; ++p) {
        ints[r].panel[p] = add_step<kPiece.is_wide>(bytes[p], x, ints[r].panel[p]);
      }
    }
  });
  for (int p = 0; p < kPanels; ++p) {
    const auto* scales =
        reinterpret_cast<const float*>(chunk[p] + kPiece.code_bytes()) + kPart * kPanelRows;
    const Floats16 scale = piece_scale<kPiece>(chunk[p], scales);
    for (int r = 0; r < kTallRows; ++r) {
      const Int8Group& x = tile.x[r][group];
      Floats16& sum = tile.row[r].panel[p];
      sum = cpu::fma(cpu::to_floats(ints[r].panel[p]), scale * cpu::broadcast_floats(x.scale), sum);
      if constexpr (kPiece.has_mins) {
        const Floats16 min = cpu::load_floats(scales + kPiece.scale_floats());
        sum = cpu::fma(min, cpu::broadcast_floats(scaled_sum<kPiece.groups>(x, kPart)), sum);
      }
    }
  }
}

/// Adds the products of a piece to a tile.
template <PieceLayout kPiece, int kPanels>
void multiply_piece(const Piece<kPanels>& piece, int zero, ChunkRange range,
                    TallTile<kPanels>& tile) {
  const std::byte* chunk[std::size_t{kPanels}];
  for (int p = 0; p < kPanels; ++p) {
    chunk[p] = piece.panel[p];
  }
  TallTile<kPanels> sums = tile;  // a copy that nothing points to stays in registers
  for (std::int64_t group = range.begin; group < range.end; ++group) {
    unroll<kPiece.groups>([&]<int kPart>() __attribute__((always_inline)) {
      add_tall_part<kPiece, kPart, kPanels>(chunk, zero, group, sums);
    });
    for (int p = 0; p < kPanels; ++p) {
      chunk[p] += kPiece.chunk_bytes();
    }
  }
  tile = sums;
}

/// What a tile does with the outputs of the pieces before: nothing for the first piece.
template <int kPanels>
inline void load_tile(TallTile<kPanels>& tile, std::int64_t rows, const TileOutput& out,
                      bool is_first) {
  for (int r = 0; r < kTallRows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      const float* from = out.data + r * out.stride + p * kPanelRows;
      tile.row[r].panel[p] = is_first || r >= rows ? cpu::zero_floats()
                                                   : load_lanes(from, out.columns - p * kPanelRows);
    }
  }
}
template <int kPanels>
inline void store_tile(const TallTile<kPanels>& tile, std::int64_t rows, const TileOutput& out) {
  for (int r = 0; r < kTallRows && r < rows; ++r) {
    for (int p = 0; p < kPanels; ++p) {
      store_lanes(out.data + r * out.stride + p * kPanelRows, tile.row[r].panel[p],
                  out.columns - p * kPanelRows);
    }
  }
}

/// Panels that are unpacked next: some bytes of each.
template <int kPanels>
struct PackedPiece {
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

/// What follows the piece that ends at chunk `end`: more of the same panels, or the next ones.
template <PanelLayout kLayout, int kPanels>
PackedPiece<kPanels> next_piece(const PanelProduct& args, const std::byte* panel,
                                std::int64_t end) {
  constexpr std::int64_t kUnitChunks = kLayout.chunks();
  const std::int64_t chunks = args.inner / kChunkElements;
  const bool is_last = end >= chunks;
  const std::int64_t begin_unit = is_last ? 0 : end / kUnitChunks;
  const std::int64_t end_unit =
      (smaller((is_last ? 0 : end) + kPieceChunks, chunks) + kUnitChunks - 1) / kUnitChunks;
  PackedPiece<kPanels> next{.panel = {}, .bytes = (end_unit - begin_unit) * kLayout.unit_bytes()};
  for (int p = 0; p < kPanels; ++p) {
    next.panel[p] = panel + (p + (is_last ? kPanels : 0)) * args.weight.panel_bytes +
                    begin_unit * kLayout.unit_bytes();
  }
  return next;
}

/// Adds a piece to the outputs of all rows, while the next one is fetched.
template <PieceLayout kPiece, int kPanels>
void multiply_rows(const TallRows& rows, const Piece<kPanels>& piece, int zero, ChunkRange range,
                   const TileOutput& out, const PackedPiece<kPanels>& next) {
  for (std::int64_t index = 0; index < rows.tiles(); ++index) {
    next.fetch(index, rows.tiles());
    const std::int64_t row = index * kTallRows;
    const std::int64_t count = smaller(kTallRows, rows.count - row);
    const TileOutput to{
        .data = out.data + row * out.stride, .stride = out.stride, .columns = out.columns};
    TallTile<kPanels> tile;
    for (int r = 0; r < kTallRows; ++r) {
      tile.x[r] = rows.x[row + r];
    }
    load_tile(tile, count, to, range.begin == 0);
    multiply_piece<kPiece>(piece, zero, range, tile);
    store_tile(tile, count, to);
  }
}

/// kPanels panels from `panel` on for all rows of a block.
template <PanelLayout kLayout, int kPanels>
void multiply_tall(const PanelProduct& args, const TallRows& rows, const std::byte* panel,
                   const TileOutput& out) {
  constexpr PieceLayout kPiece = piece_layout<kLayout>();
  constexpr int kZero = kLayout.byte_zero() - (kPiece.is_wide ? cpu::kWideBias : 0);
  const std::int64_t chunks = args.inner / kChunkElements;
  UnpackedPiece<kPiece> room;
  for (std::int64_t begin = 0; begin < chunks; begin += kPieceChunks) {
    const ChunkRange range{begin, smaller(begin + kPieceChunks, chunks)};
    Piece<kPanels> piece;
    for (int p = 0; p < kPanels; ++p) {
      const std::byte* from = panel + p * args.weight.panel_bytes;
      if constexpr (kPiece.is_panel) {
        piece.panel[p] = from + begin * kPiece.chunk_bytes();
      } else {
        unpack<kLayout>(from, range, room.panel[p]);
        piece.panel[p] = room.panel[p];
      }
    }
    multiply_rows<kPiece, kPanels>(rows, piece, kZero, range, out,
                                   next_piece<kLayout, kPanels>(args, panel, range.end));
  }
}

/// Blocks of more rows are unpacked to the caches.
constexpr std::int64_t kFewRows = Vec::kLanes == 16 ? 12 : 4;

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
void multiply_block(const PanelProduct& args, const Block& block) {
  if (block.row_end - block.row_begin <= kFewRows) {
    return for_each_panel(args, block, [&](const std::byte* panel, const TileOutput& out) {
      multiply_few<kLayout>(args, block.row_begin, block.row_end, panel, out);
      return 1;
    });
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
