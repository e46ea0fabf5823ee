// SPDX-License-Identifier: Apache-2.0
// random_weights on the GPU: one thread a block; tiles are made from blocks.
#include <algorithm>

#include "base/check.h"
#include "cuda/kernel.cuh"
#include "cuda/memory.h"
#include "ops/device_matrix/repack_cuda.h"
#include "ops/random_weights/random_weights_kernels.h"
#include "quant/format.h"
#include "quant/random_block.h"

namespace minimax::ops::cuda {
namespace {

constexpr std::int64_t kPieceBytes = std::int64_t{64} << 20;

// The blocks of a matrix from number `first` on.
template <class F>
void fill(const Context& ctx, const RandomWeightsArgs& args, std::int64_t first, std::int64_t count,
          std::byte* out) {
  auto* blocks = reinterpret_cast<typename F::Block*>(out);
  const std::uint64_t seed = args.seed;
  const float scale = quant::random_scale<F>(args.deviation);
  minimax::cuda::for_each(
      ctx.cuda->stream(), count, "random_weights", [=] __device__(std::int64_t i) {
        blocks[i] = quant::random_block<F>(
            quant::random_bits(seed, static_cast<std::uint64_t>(first + i)), scale);
      });
}

// Rows of blocks by pieces, each repacked.
template <class F>
void fill_tiles(const Context& ctx, const RandomWeightsArgs& args) {
  const std::int64_t rows = args.out.shape()[0];
  const std::int64_t columns = args.out.shape()[1];
  const std::int64_t row_bytes = quant::row_bytes(args.out.format(), columns);
  const DeviceLayout layout{*device_format(args.out.format()), rows, columns};
  const std::int64_t tile_rows = std::max<std::int64_t>(1, kPieceBytes / (16 * row_bytes));
  const std::int64_t at_once = std::min(rows, tile_rows * kDeviceTileRows);
  const tensor::Buffer piece = minimax::cuda::device_memory().allocate(at_once * row_bytes);
  for (std::int64_t row = 0; row < rows; row += at_once) {
    const std::int64_t count = std::min(at_once, rows - row);
    fill<F>(ctx, args, row * (columns / F::kElements), count * (columns / F::kElements),
            piece.data());
    repack({.blocks = piece.data(),
            .format = args.out.format(),
            .rows = count,
            .columns = columns,
            .tiles = args.out.bytes_begin() + row / kDeviceTileRows * layout.row_tile_bytes()},
           ctx.cuda->stream());
  }
  ctx.cuda->synchronize();
}

}  // namespace

void random_weights(const Context& ctx, const RandomWeightsArgs& args) {
  base::check(args.out.layout() != quant::Layout::kPanels, ErrorCode::kUnsupported,
              "random_weights: expected rows of blocks or tiles on a GPU");
  const bool are_tiles = args.out.layout() == quant::Layout::kTiles;
  quant::visit_format(args.out.format(), [&]<class F>() {
    if (are_tiles) {
      fill_tiles<F>(ctx, args);
    } else {
      fill<F>(ctx, args, 0, args.out.shape().elements() / F::kElements, args.out.bytes_begin());
    }
  });
}

}  // namespace minimax::ops::cuda
