// SPDX-License-Identifier: Apache-2.0
// Products with weight matrices on the CPU. Both operands lie along K, and so do the lanes of the
// vectors: weights are used as they stand in the checkpoint, and one register tile serves a single
// row of activations (bound by memory) as well as many (bound by arithmetic).
//
// The order of every sum is fixed: K is cut into pieces of 4096 bytes of activations; in a piece,
// lane l adds the elements l, l + lanes, ... in turn; then the lanes are added as in sum4, and the
// pieces in turn. It depends on neither the tile nor the block of the output.
#include <cstddef>

#include "ops/bounds.h"
#include "ops/lanes.h"
#include "ops/product.h"
#include "ops/product_rows.h"

namespace minimax::ops::kernels {
namespace {

using tensor::BFloat16;
using tensor::DType;
using tensor::Float16;

/// Multiplies float32 activations by weights of type T widened to float32.
template <class T>
struct WideProducts {
  using Activation = float;
  using Weight = T;
  static constexpr std::int64_t kElements = Vec::kLanes;

  template <class From>
  static Vec load(const From* from) {
    return cpu::load(from);
  }
  template <class From>
  static Vec load_first(const From* from, std::int64_t n) {
    return cpu::load_first(from, n);
  }
  static Vec add(Vec a, Vec b, Vec sums) { return cpu::fma(a, b, sums); }
};

/// Multiplies bfloat16. A template because most instruction sets leave BFloat16Vec undefined.
template <class Pairs>
struct PairProducts {
  using Activation = BFloat16;
  using Weight = BFloat16;
  static constexpr std::int64_t kElements = Pairs::kLanes;

  static Pairs load(const BFloat16* from) { return Pairs::load(from); }
  static Pairs load_first(const BFloat16* from, std::int64_t n) {
    return Pairs::load_first(from, n);
  }
  static Vec add(Pairs a, Pairs b, Vec sums) { return Pairs::add_products(a, b, sums); }
};

/// Calls f.template operator()<Products>() for the pair of types.
template <class F>
void visit_products(DType activation, DType weight, const F& f) {
  if (activation == DType::kBF16) {
    if constexpr (cpu::kHasBFloat16Products) {
      f.template operator()<PairProducts<cpu::BFloat16Vec>>();
    }
    return;
  }
  switch (weight) {
    case DType::kBF16:
      return f.template operator()<WideProducts<BFloat16>>();
    case DType::kF16:
      return f.template operator()<WideProducts<Float16>>();
    default:
      return f.template operator()<WideProducts<float>>();
  }
}

// Rows and columns of a register tile. Its sums, a vector of each column and one of a row fill the
// 32 registers of AVX-512 or the 16 of the others; the baseline also needs one for each product.
constexpr int kTileRows = Vec::kLanes == 16 ? 6 : Vec::kLanes == 8 ? 3 : 2;
constexpr int kTileColumns = 4;

/// What a tile multiplies: some rows of activations and of weights.
template <class Products>
struct TileInput {
  const typename Products::Activation* x[std::size_t{kTileRows}];
  const typename Products::Weight* weight;
  std::int64_t weight_stride;
};

/// Elements [begin, end) of K.
struct Range {
  std::int64_t begin;
  std::int64_t end;
};

template <int kColumns>
struct TileRow {
  Vec column[std::size_t{kColumns}];
};

template <int kRows, int kColumns>
struct Tile {
  Tile() {
    for (TileRow<kColumns>& each : row) {
      for (Vec& sum : each.column) {
        sum = cpu::zero();
      }
    }
  }
  TileRow<kColumns> row[std::size_t{kRows}];
};

/// tile += the products of one vector of each row and column, which `load` reads.
template <class Products, int kRows, int kColumns, class Load>
inline void add_products(Tile<kRows, kColumns>& tile, const TileInput<Products>& in, Load load) {
  decltype(load(in.weight)) weight[std::size_t{kColumns}];
  for (int c = 0; c < kColumns; ++c) {
    weight[c] = load(in.weight + c * in.weight_stride);
  }
  for (int r = 0; r < kRows; ++r) {
    const auto x = load(in.x[r]);
    for (int c = 0; c < kColumns; ++c) {
      tile.row[r].column[c] = Products::add(x, weight[c], tile.row[r].column[c]);
    }
  }
}

template <class Products, int kRows, int kColumns>
inline void accumulate(Tile<kRows, kColumns>& tile, const TileInput<Products>& in, Range range) {
  constexpr std::int64_t kStep = Products::kElements;
  std::int64_t k = range.begin;
  for (; k + kStep <= range.end; k += kStep) {
    add_products(tile, in, [k](const auto* from) { return Products::load(from + k); });
  }
  if (k < range.end) {
    const std::int64_t rest = range.end - k;
    add_products(tile, in,
                 [k, rest](const auto* from) { return Products::load_first(from + k, rest); });
  }
}

/// The same for whole vectors, fetching the weights of the tile that follows in the order of
/// memory.
template <class Products, int kRows, int kColumns>
inline void accumulate_fetching(Tile<kRows, kColumns>& tile, const TileInput<Products>& in,
                                Range range) {
  const typename Products::Weight* next = in.weight + kColumns * in.weight_stride;
  for (std::int64_t k = range.begin; k < range.end; k += Products::kElements) {
    for (int c = 0; c < kColumns; ++c) {
      _mm_prefetch(next + k * kColumns + c * Products::kElements, _MM_HINT_T0);
    }
    add_products(tile, in, [k](const auto* from) { return Products::load(from + k); });
  }
}

/// Weights that will be read next: some bytes of some rows.
struct WeightPart {
  const std::byte* data;
  std::int64_t rows;
  std::int64_t row_bytes;
  std::int64_t stride_bytes;
};

/// Brings a WeightPart into the second cache, a little with each tile, while the units multiply.
/// Without it, a block of tens of rows waits for its weights about as long as it uses them.
class Prefetch {
 public:
  Prefetch(const WeightPart& part, std::int64_t tiles) : part_(part) {
    if (part.row_bytes == part.stride_bytes) {  // one long row
      part_.row_bytes *= part.rows;
      part_.rows = part.rows > 0 ? 1 : 0;
    }
    const std::int64_t row_lines = (part_.row_bytes + kLine - 1) / kLine;
    bytes_each_ = (part_.rows * row_lines + tiles - 1) / tiles * kLine;
  }

  /// One tile's share, or what is left of the row.
  void advance() {
    if (part_.rows == 0) {
      return;
    }
    const std::byte* row = part_.data;
    const std::int64_t end =
        at_ + bytes_each_ < part_.row_bytes ? at_ + bytes_each_ : part_.row_bytes;
    for (std::int64_t at = at_; at < end; at += kLine) {
      _mm_prefetch(row + at, _MM_HINT_T1);
    }
    at_ = end;
    if (end == part_.row_bytes) {
      at_ = 0;
      part_.data += part_.stride_bytes;
      --part_.rows;
    }
  }

 private:
  static constexpr std::int64_t kLine = 64;

  WeightPart part_;
  std::int64_t bytes_each_;
  std::int64_t at_ = 0;
};

/// Where a tile's sums go, and whether to those of the pieces before.
struct TileOutput {
  float* data;
  std::int64_t stride;
  bool add;
};

template <int kRows>
inline void write(const Tile<kRows, kTileColumns>& tile, const TileOutput& out) {
  for (int r = 0; r < kRows; ++r) {
    const Vec* column = tile.row[r].column;
    float* to = out.data + r * out.stride;
    const __m128 sums = cpu::sum4(column[0], column[1], column[2], column[3]);
    _mm_storeu_ps(to, out.add ? _mm_add_ps(_mm_loadu_ps(to), sums) : sums);
  }
}

template <int kRows>
inline void write(const Tile<kRows, 1>& tile, const TileOutput& out) {
  for (int r = 0; r < kRows; ++r) {
    float* to = out.data + r * out.stride;
    const float sum = cpu::reduce_add(tile.row[r].column[0]);
    *to = out.add ? *to + sum : sum;
  }
}

/// Where a block goes: its first element.
struct BlockOutput {
  float* data;
  std::int64_t stride;
};

/// Bytes of activations in a piece of K: those of a register tile fit the first cache.
constexpr std::int64_t kPieceBytes = 4096;

template <class Products>
constexpr std::int64_t piece_of() {
  return kPieceBytes / sizeof(typename Products::Activation);
}

/// A register tile's operands: rows from `row` on, and the columns of a block from its first on.
template <class Products>
TileInput<Products> tile_input(const Product& args, const Block& block, std::int64_t row,
                               std::int64_t rows) {
  TileInput<Products> in{.x = {},
                         .weight = static_cast<const typename Products::Weight*>(args.weight.data) +
                                   block.column_begin * args.inner,
                         .weight_stride = args.inner};
  for (std::int64_t r = 0; r < rows; ++r) {
    in.x[r] = static_cast<const typename Products::Activation*>(args.x.data) +
              source_row(args, row + r) * args.x.stride;
  }
  return in;
}

/// kColumns columns of kRows rows, each weight row to its end. The weights of the tile that follows
/// are fetched meanwhile: their rows are read side by side, but fetched one after the other, as
/// memory gives most. A tile is a few kilobytes: it waits in the first cache, or in the second.
template <class Products, int kRows, int kColumns>
void multiply_flat_tile(const TileInput<Products>& in, const BlockOutput& out) {
  const std::int64_t inner = in.weight_stride;
  const std::int64_t whole = inner / Products::kElements * Products::kElements;
  std::int64_t k = 0;
  do {
    Tile<kRows, kColumns> tile;
    const std::int64_t end = smaller(k + piece_of<Products>(), inner);
    const std::int64_t whole_end = larger(k, smaller(end, whole));
    accumulate_fetching(tile, in, {k, whole_end});
    accumulate(tile, in, {whole_end, end});
    write(tile, {.data = out.data, .stride = out.stride, .add = k > 0});
    k += piece_of<Products>();
  } while (k < inner);
}

/// One tile of rows: each weight is read once, at the speed of the memory.
template <class Products, int kRows = kTileRows>
void multiply_flat(const Product& args, const Block& block, BlockOutput out) {
  if (block.row_end - block.row_begin < kRows) {
    if constexpr (kRows > 1) {
      multiply_flat<Products, kRows - 1>(args, block, out);
    }
    return;
  }
  TileInput<Products> in = tile_input<Products>(args, block, block.row_begin, kRows);
  std::int64_t column = block.column_begin;
  for (; column + kTileColumns <= block.column_end; column += kTileColumns) {
    multiply_flat_tile<Products, kRows, kTileColumns>(in, out);
    in.weight += kTileColumns * args.inner;
    out.data += kTileColumns;
  }
  for (; column < block.column_end; ++column) {
    multiply_flat_tile<Products, kRows, 1>(in, out);
    in.weight += args.inner;
    ++out.data;
  }
}

/// The columns of one tile of rows, for one piece of K.
template <class Products, int kRows = kTileRows>
void multiply_columns(std::int64_t rows, TileInput<Products> in, Range range, TileOutput out,
                      std::int64_t columns, Prefetch& prefetch) {
  if (rows < kRows) {
    if constexpr (kRows > 1) {
      multiply_columns<Products, kRows - 1>(rows, in, range, out, columns, prefetch);
    }
    return;
  }
  std::int64_t column = 0;
  for (; column + kTileColumns <= columns; column += kTileColumns) {
    prefetch.advance();
    Tile<kRows, kTileColumns> tile;
    accumulate(tile, in, range);
    write(tile, out);
    in.weight += kTileColumns * in.weight_stride;
    out.data += kTileColumns;
  }
  for (; column < columns; ++column) {
    Tile<kRows, 1> tile;
    accumulate(tile, in, range);
    write(tile, out);
    in.weight += in.weight_stride;
    ++out.data;
  }
}

/// A block of the output for one piece of K, while the weights `next` are fetched.
template <class Products>
void multiply_piece(const Product& args, const Block& block, const BlockOutput& out, Range range,
                    const WeightPart& next) {
  const std::int64_t height = block.row_end - block.row_begin;
  const std::int64_t columns = block.column_end - block.column_begin;
  Prefetch prefetch(next, (height + kTileRows - 1) / kTileRows * (columns / kTileColumns + 1));
  for (std::int64_t row = 0; row < height; row += kTileRows) {
    const std::int64_t rows = smaller(kTileRows, height - row);
    const TileOutput to{
        .data = out.data + row * out.stride, .stride = out.stride, .add = range.begin > 0};
    multiply_columns<Products>(rows, tile_input<Products>(args, block, block.row_begin + row, rows),
                               range, to, columns, prefetch);
  }
}

/// Several tiles of rows: the activations of a tile stay in the first cache while the weights of
/// the block pass from the second one, to which they came during the piece before.
template <class Products>
void multiply_tall(const Product& args, const Block& block, const BlockOutput& out,
                   const WeightPart& after) {
  constexpr std::int64_t kPiece = piece_of<Products>();
  constexpr std::int64_t kWeightBytes = sizeof(typename Products::Weight);
  const auto* weight = static_cast<const std::byte*>(args.weight.data);
  std::int64_t k = 0;
  do {
    const Range range{k, smaller(k + kPiece, args.inner)};
    WeightPart next = after;
    if (range.end < args.inner) {
      next = {.data = weight + (block.column_begin * args.inner + range.end) * kWeightBytes,
              .rows = block.column_end - block.column_begin,
              .row_bytes = smaller(kPiece, args.inner - range.end) * kWeightBytes,
              .stride_bytes = args.inner * kWeightBytes};
    }
    multiply_piece<Products>(args, block, out, range, next);
    k += kPiece;
  } while (k < args.inner);
}

std::int64_t element_bytes(DType dtype) { return dtype == DType::kF32 ? 4 : 2; }

/// The first piece of the weights of some columns.
WeightPart first_part(const Product& args, const ProductWeight& weight, std::int64_t begin,
                      std::int64_t end) {
  const std::int64_t bytes = element_bytes(weight.dtype);
  const std::int64_t piece = kPieceBytes / element_bytes(args.x.dtype);
  return {.data = static_cast<const std::byte*>(weight.data) + begin * args.inner * bytes,
          .rows = end - begin,
          .row_bytes = smaller(piece, args.inner) * bytes,
          .stride_bytes = args.inner * bytes};
}

/// The same for the columns after a block, which the same thread most likely has next.
WeightPart part_after(const Product& args, const Block& block) {
  const std::int64_t width = block.column_end - block.column_begin;
  return first_part(args, args.weight, block.column_end,
                    smaller(block.column_end + width, args.columns));
}

/// A block of the output; `after` are the weights that follow.
void multiply(const Product& args, const Block& block, const BlockOutput& out,
              const WeightPart& after) {
  visit_products(args.x.dtype, args.weight.dtype, [&]<class Products>() {
    if (block.row_end - block.row_begin <= kTileRows) {
      multiply_flat<Products>(args, block, out);
    } else {
      multiply_tall<Products>(args, block, out, after);
    }
  });
}

BlockOutput output_of(const Product& args, const Block& block) {
  return {.data = args.out + block.row_begin * args.columns + block.column_begin,
          .stride = args.columns};
}

template <class To>
void round_row(const float* x, std::int64_t width, To* to) {
  for_each_vec(0, width,
               [&](std::int64_t i, auto lanes) { store(to + i, load(x + i, lanes), lanes); });
}

}  // namespace

template <cpu::Isa>
void round_rows(const RoundedRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    const float* x = args.x + t * args.width;
    if (args.dtype == DType::kBF16) {
      round_row(x, args.width, static_cast<BFloat16*>(args.out) + t * args.stride);
      continue;
    }
    float* out = static_cast<float*>(args.out) + t * args.stride;
    for_each_vec(0, args.width, [&](std::int64_t i, auto lanes) {
      BFloat16 rounded[std::size_t{Vec::kLanes}];
      cpu::store(rounded, load(x + i, lanes));
      store(out + i, cpu::load(rounded), lanes);
    });
  }
}

template <cpu::Isa>
void product(const Product& args, const Block& block) {
  multiply(args, block, output_of(args, block), part_after(args, block));
}

template <cpu::Isa>
void gated_product(const Product& gate, const ProductWeight& up, const Block& block) {
  const BlockOutput out = output_of(gate, block);
  multiply(gate, block, out, first_part(gate, up, block.column_begin, block.column_end));
  float factors[std::size_t{kBlockRows * kBlockColumns}];
  const std::int64_t columns = block.column_end - block.column_begin;
  Product other = gate;
  other.weight = up;
  multiply(other, block, {.data = factors, .stride = columns}, part_after(gate, block));
  for (std::int64_t row = 0; row < block.row_end - block.row_begin; ++row) {
    float* to = out.data + row * out.stride;
    const float* factor = factors + row * columns;
    for_each_vec(0, columns, [&](std::int64_t i, auto lanes) {
      store(to + i, cpu::silu(load(to + i, lanes)) * load(factor + i, lanes), lanes);
    });
  }
}

template void round_rows<cpu::kTargetIsa>(const RoundedRows&, std::int64_t, std::int64_t);
template void product<cpu::kTargetIsa>(const Product&, const Block&);
template void gated_product<cpu::kTargetIsa>(const Product&, const ProductWeight&, const Block&);

}  // namespace minimax::ops::kernels
