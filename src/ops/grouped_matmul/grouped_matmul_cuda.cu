// SPDX-License-Identifier: Apache-2.0
// The experts' products on the GPU: those that Hopper has kernels for, and any others in float32,
// tile by tile. Tiles of
// rows that an expert does not have end at once: the grid is sized for the worst case, since the
// offsets are known on the GPU alone.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "cuda/gates.cuh"
#include "cuda/kernel.cuh"
#include "ops/device_matrix/decode_tiles_cuda.h"
#include "ops/grouped_matmul/grouped_matmul_kernels.h"
#include "ops/grouped_matmul/grouped_tensor.h"
#include "ops/scratch.h"
#include "quant/format.h"

namespace minimax::ops::cuda {
namespace {

using minimax::cuda::blocks_for;
using minimax::cuda::check_launch;
using minimax::cuda::from_float;
using minimax::cuda::silu;
using minimax::cuda::to_float;
using minimax::cuda::visit_activations;

constexpr int kTile = 64;      // rows and columns of a block's tile
constexpr int kInner = 16;     // of the inner dimension at once
constexpr int kThreads = 256;  // each sums 4 x 4 elements
constexpr int kPart = 4;

/// The weights of all experts: equally spaced, as the loader lays them out.
struct Experts {
  const std::byte* first;
  std::int64_t stride;  // bytes from an expert to the next
};

struct GroupedCall {
  const void* x;                    // rows of `inner`
  const std::int32_t* pair_of_row;  // null: row r of x belongs to row r of out
  std::int32_t top_k;
  Experts weight;
  Experts up;  // where Gated
  const std::int32_t* offsets;
  int experts;
  int columns;
  int inner;
  void* out;  // [rows, columns]
};

/// What a block works on.
struct Place {
  int expert;
  int first_row;
  int end_row;
  int first_column;
};

__device__ Place place_of(const GroupedCall& args) {
  Place place{};
  place.expert = static_cast<int>(blockIdx.z);
  place.first_row = args.offsets[place.expert] + static_cast<int>(blockIdx.y) * kTile;
  place.end_row = args.offsets[place.expert + 1];
  place.first_column = static_cast<int>(blockIdx.x) * kTile;
  return place;
}

// Elements [k, k + kInner) of kTile rows of weights, to memory as [kInner][kTile].
template <class F>
__device__ void load_weights(const Experts& experts, const GroupedCall& args, const Place& place,
                             int k, float (*to)[kTile + 1]) {
  const auto* blocks =
      reinterpret_cast<const typename F::Block*>(experts.first + place.expert * experts.stride);
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kInner; i += kThreads) {
    const int column = place.first_column + i / kInner;
    const int at = k + i % kInner;
    const bool inside = column < args.columns && at < args.inner;
    const std::int64_t block =
        static_cast<std::int64_t>(column) * (args.inner / F::kElements) + at / F::kElements;
    to[i % kInner][i / kInner] = inside ? F::decode(blocks[block], at % F::kElements) : 0.0f;
  }
}

template <class X>
__device__ void load_rows(const GroupedCall& args, const Place& place, int k,
                          float (*to)[kTile + 1]) {
  const X* x = static_cast<const X*>(args.x);
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kInner; i += kThreads) {
    const int row = place.first_row + i / kInner;
    const int at = k + i % kInner;
    float value = 0.0f;
    if (row < place.end_row && at < args.inner) {
      const int from = args.pair_of_row != nullptr ? args.pair_of_row[row] / args.top_k : row;
      value = to_float(x[static_cast<std::int64_t>(from) * args.inner + at]);
    }
    to[i % kInner][i / kInner] = value;
  }
}

__device__ void multiply(const float (*x)[kTile + 1], const float (*w)[kTile + 1],
                         float (&sums)[kPart][kPart]) {
  const int row = static_cast<int>(threadIdx.x) / (kTile / kPart) * kPart;
  const int column = static_cast<int>(threadIdx.x) % (kTile / kPart);
  for (int k = 0; k < kInner; ++k) {
#pragma unroll
    for (int r = 0; r < kPart; ++r) {
#pragma unroll
      for (int c = 0; c < kPart; ++c) {
        sums[r][c] += x[k][row + r] * w[k][column + c * (kTile / kPart)];
      }
    }
  }
}

template <class F, class X, class Out, bool kGated>
__global__ void __launch_bounds__(kThreads) grouped_kernel(GroupedCall args) {
  __shared__ float rows[kInner][kTile + 1];
  __shared__ float weights[kInner][kTile + 1];
  __shared__ float ups[kGated ? kInner : 1][kTile + 1];
  const Place place = place_of(args);
  if (place.first_row >= place.end_row) {
    return;
  }
  float sums[kPart][kPart] = {};
  float up_sums[kPart][kPart] = {};
  for (int k = 0; k < args.inner; k += kInner) {
    load_rows<X>(args, place, k, rows);
    load_weights<F>(args.weight, args, place, k, weights);
    if constexpr (kGated) {
      load_weights<F>(args.up, args, place, k, ups);
    }
    __syncthreads();
    multiply(rows, weights, sums);
    if constexpr (kGated) {
      multiply(rows, ups, up_sums);
    }
    __syncthreads();
  }
  const int row = place.first_row + static_cast<int>(threadIdx.x) / (kTile / kPart) * kPart;
  const int column = place.first_column + static_cast<int>(threadIdx.x) % (kTile / kPart);
  Out* out = static_cast<Out*>(args.out);
#pragma unroll
  for (int r = 0; r < kPart; ++r) {
#pragma unroll
    for (int c = 0; c < kPart; ++c) {
      const int at = column + c * (kTile / kPart);
      if (row + r < place.end_row && at < args.columns) {
        const float value = kGated ? silu(sums[r][c]) * up_sums[r][c] : sums[r][c];
        out[static_cast<std::int64_t>(row + r) * args.columns + at] = from_float<Out>(value);
      }
    }
  }
}

// Throws: Error{kUnsupported} unless the experts lie equally spaced in one format.
Experts experts_of(std::span<const quant::Matrix> weights) {
  const quant::Matrix& first = weights.front();
  const std::int64_t stride =
      weights.size() > 1 ? weights[1].bytes_begin() - first.bytes_begin() : 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    base::check(
        weights[i].format() == first.format() && weights[i].layout() == first.layout() &&
            weights[i].bytes_begin() == first.bytes_begin() + static_cast<std::int64_t>(i) * stride,
        ErrorCode::kUnsupported,
        "grouped_matmul: expected experts of one format, equally spaced, on a GPU");
  }
  return {first.bytes_begin(), stride};
}

template <bool kGated>
void run(const Context& ctx, const GroupedCall& call, quant::Format format, const tensor::Tensor& x,
         const tensor::Tensor& out) {
  const dim3 grid(blocks_for(call.columns, kTile), blocks_for(out.shape()[0], kTile),
                  static_cast<unsigned>(call.experts));
  quant::visit_format(format, [&]<class F>() {
    visit_activations(x.dtype(), [&]<class X>() {
      visit_activations(out.dtype(), [&]<class Out>() {
        grouped_kernel<F, X, Out, kGated><<<grid, kThreads, 0, ctx.cuda->stream()>>>(call);
      });
    });
  });
  check_launch("grouped_matmul");
}

// The tiles of an expert as rows of bf16.
Experts decoded(const Context& ctx, const quant::Matrix& weight, const ScratchScope& scratch) {
  const tensor::Tensor rows = scratch.tensor(tensor::DType::kBF16, weight.shape());
  const tensor::Shape& shape = weight.shape();
  decode_tiles({.tiles = weight.bytes_begin(),
                .layout = {*device_format(weight.format()), shape[0], shape[1]},
                .rows = shape[0],
                .out = rows.bytes_begin()},
               ctx.cuda->stream());
  return {rows.bytes_begin(), 0};
}

// One expert after the other: its weights take scratch while it is multiplied.
template <bool kGated>
void run_tiles(const Context& ctx, GroupedCall call, std::span<const quant::Matrix> weights,
               std::span<const quant::Matrix> ups, const tensor::Tensor& x,
               const tensor::Tensor& out) {
  call.experts = 1;
  for (std::size_t e = 0; e < weights.size(); ++e, ++call.offsets) {
    const ScratchScope scratch(ctx);
    call.weight = decoded(ctx, weights[e], scratch);
    if constexpr (kGated) {
      call.up = decoded(ctx, ups[e], scratch);
    }
    run<kGated>(ctx, call, quant::Format::kBF16, x, out);
  }
}

}  // namespace

void grouped_gated_matmul(const Context& ctx, const GroupedGatedMatmulArgs& args) {
  if (grouped_gated_matmul_tensor(ctx, args)) {
    return;
  }
  const GroupedCall call{.x = args.x.bytes_begin(),
                         .pair_of_row = args.pair_of_row.data<std::int32_t>(),
                         .top_k = static_cast<std::int32_t>(args.top_k),
                         .weight = experts_of(args.gate),
                         .up = experts_of(args.up),
                         .offsets = args.offsets.data<std::int32_t>(),
                         .experts = static_cast<int>(args.gate.size()),
                         .columns = static_cast<int>(args.out.shape()[1]),
                         .inner = static_cast<int>(args.x.shape()[1]),
                         .out = args.out.bytes_begin()};
  base::check(args.gate.front().format() == args.up.front().format(), ErrorCode::kUnsupported,
              "grouped_gated_matmul: expected one format of gate and up on a GPU");
  if (args.gate.front().layout() == quant::Layout::kTiles) {
    return run_tiles<true>(ctx, call, args.gate, args.up, args.x, args.out);
  }
  run<true>(ctx, call, args.gate.front().format(), args.x, args.out);
}

void grouped_matmul(const Context& ctx, const GroupedMatmulArgs& args) {
  if (grouped_matmul_tensor(ctx, args)) {
    return;
  }
  const GroupedCall call{.x = args.x.bytes_begin(),
                         .pair_of_row = nullptr,
                         .top_k = 1,
                         .weight = experts_of(args.weight),
                         .up = {},
                         .offsets = args.offsets.data<std::int32_t>(),
                         .experts = static_cast<int>(args.weight.size()),
                         .columns = static_cast<int>(args.out.shape()[1]),
                         .inner = static_cast<int>(args.x.shape()[1]),
                         .out = args.out.bytes_begin()};
  if (args.weight.front().layout() == quant::Layout::kTiles) {
    return run_tiles<false>(ctx, call, args.weight, {}, args.x, args.out);
  }
  run<false>(ctx, call, args.weight.front().format(), args.x, args.out);
}

}  // namespace minimax::ops::cuda
