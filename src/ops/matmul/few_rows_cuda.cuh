// SPDX-License-Identifier: Apache-2.0
// The kernel of few_rows_cuda.h for one format; every format is compiled in a file of its own.
// Grid: one block per multiprocessor. Block: 512 threads. Shared memory: 221 KB. Bytes moved: the
// matrix, x and out. Roofline: reading device memory.
#pragma once

#include "cuda/launch_order.cuh"
#include "ops/device_matrix/stream_product.cuh"
#include "ops/device_matrix/stream_rows.cuh"
#include "ops/matmul/few_rows_kernels.h"
#include "ops/matmul/store_sum.cuh"

namespace minimax::ops::cuda {

/// Feeds rows of x to a stream and stores its sums.
template <class F, StreamMode mode>
struct FewRowsJob {
  const FewRowsProduct& args;
  const StreamPlan& plan;

  /// The ring is full of weights by now, which no kernel writes.
  __device__ void begin() const { minimax::cuda::wait_for_kernels_ahead(); }

  __device__ void stage(const StreamRun& run, const StreamRows& x, int begin, int columns) const {
    const int first = plan.entries[run.entry].row_begin;
    const RowSource source = {args.x, static_cast<int>(args.layout.columns)};
    stage_rows<F, mode>(source, x, {begin, columns}, [first](int r) { return first + r; });
  }

  __device__ void finish(const StreamRun& run, float sum, const StreamElement& element) const {
    const StreamEntry& entry = plan.entries[run.entry];
    const int tile = run.unit + 2 * element.item + element.second;
    const std::int64_t row = 16 * static_cast<std::int64_t>(tile) + element.row;
    if (element.column < entry.rows && row < args.layout.rows && tile < run.unit + run.units) {
      store_sum(args, entry.row_begin + element.column, row, sum);
    }
  }

  __device__ void end_phase() const {}
};

/// The one matrix; all rows are one entry. By one thread.
__device__ inline void plan_few_rows(const FewRowsProduct& args, StreamPlan& plan) {
  const auto tiles = static_cast<unsigned>(args.layout.row_tiles());
  plan.phases = 1;
  plan.entry_count = 1;
  plan.entries[0] = {.expert = 0, .row_begin = 0, .rows = static_cast<int>(args.rows)};
  plan.phase[0] = {.tiles = static_cast<const std::byte*>(args.weight),
                   .expert_bytes = 0,
                   .unit_bytes = args.layout.row_tile_bytes(),
                   .pair_bytes = args.layout.row_tile_bytes(),
                   .units = static_cast<int>(tiles),
                   .units_per_item = 2,
                   .column_tiles = static_cast<int>(args.layout.column_tiles()),
                   .begin = static_cast<int>(tiles * blockIdx.x / gridDim.x),
                   .end = static_cast<int>(tiles * (blockIdx.x + 1) / gridDim.x)};
}

template <class F, StreamMode mode>
__global__ void __launch_bounds__(kStreamThreads, 1)
    few_rows_kernel(const __grid_constant__ FewRowsProduct args) {
  using T = StreamTraits<F, mode>;
  extern __shared__ __align__(128) std::byte dynamic[];
  __shared__ StreamPlan plan;
  __shared__ StreamRuns runs;
  __shared__ StreamMeetings meetings;
  minimax::cuda::let_next_kernel_start();
  set_meetings(meetings);
  if (threadIdx.x == 0) {
    plan_few_rows(args, plan);
    start_runs<T>(plan, runs);
  }
  fill_table<F>(StreamMemory<T>(dynamic).table);
  __syncthreads();
  FewRowsJob<F, mode> job = {.args = args, .plan = plan};
  auto* partial = static_cast<std::byte*>(args.scratch) +
                  static_cast<std::int64_t>(blockIdx.x) * kStreamPartialBytes;
  run_stream<F, mode>(job, plan, runs, meetings, dynamic, reinterpret_cast<float*>(partial));
}

template <DeviceFormat format>
void launch_few_rows(const FewRowsProduct& args, minimax::cuda::Stream stream) {
  using F = DeviceFormatOf<format>;
  minimax::cuda::launch_early(
      "few_rows_product", &few_rows_kernel<F, kStreamMode<F>>,
      {.blocks = args.processors, .threads = kStreamThreads, .shared_bytes = kStreamDynamicBytes},
      stream, args);
}

}  // namespace minimax::ops::cuda
