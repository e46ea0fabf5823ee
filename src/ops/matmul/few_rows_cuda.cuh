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

  __device__ static bool keeps_rows(const StreamRun& /*before*/, const StreamRun& /*run*/) {
    return false;
  }
  __device__ static float factor(const StreamRun& /*run*/) { return 1.0f; }
  __device__ static void end_phase(int /*phase*/) {}
};

/// The one matrix.
inline StreamPhases few_rows_phases(const FewRowsProduct& args) {
  const int tiles = static_cast<int>(args.layout.row_tiles());
  StreamPhases phases = {};
  phases.count = 1;
  phases.phase[0] = {.tiles = static_cast<const std::byte*>(args.weight),
                     .expert_bytes = 0,
                     .unit_bytes = args.layout.row_tile_bytes(),
                     .pair_bytes = args.layout.row_tile_bytes(),
                     .units = tiles,
                     .units_per_item = 2,
                     .column_tiles = static_cast<int>(args.layout.column_tiles()),
                     .slots = 1,
                     .slot_tiles = 0,
                     .begin = 0,
                     .end = 0};
  phases.share[0] = tiles / args.processors;
  phases.rest[0] = tiles % args.processors;
  return phases;
}

template <class F, StreamMode mode>
__global__ void __launch_bounds__(kStreamThreads, 1)
    few_rows_kernel(const __grid_constant__ FewRowsProduct args,
                    const __grid_constant__ StreamPhases phases) {
  using T = StreamTraits<F, mode>;
  extern __shared__ __align__(128) std::byte dynamic[];
  __shared__ StreamPlan plan;
  __shared__ StreamRuns runs;
  minimax::cuda::let_next_kernel_start();
  copy_phases(phases, plan);
  if (threadIdx.x == 0) {  // all rows are one entry
    plan.entries[0] = {.expert = 0, .row_begin = 0, .rows = static_cast<int>(args.rows)};
    plan.entry_count = 1;
  }
  fill_table<F>(StreamMemory<T>(dynamic).table);
  __syncthreads();
  if (threadIdx.x < 32) {
    start_known_runs<T>(phases, plan, runs);
  }
  __syncthreads();
  FewRowsJob<F, mode> job = {.args = args, .plan = plan};
  auto* partial = static_cast<std::byte*>(args.scratch) +
                  static_cast<std::int64_t>(blockIdx.x) * kStreamPartialBytes;
  run_stream<F, mode>(job, plan, runs, dynamic, reinterpret_cast<float*>(partial));
}

template <DeviceFormat format>
void launch_few_rows(const FewRowsProduct& args, minimax::cuda::Stream stream) {
  using F = DeviceFormatOf<format>;
  minimax::cuda::launch_early(
      "few_rows_product", &few_rows_kernel<F, kStreamMode<F>>,
      {.blocks = args.processors, .threads = kStreamThreads, .shared_bytes = kStreamDynamicBytes},
      stream, args, few_rows_phases(args));
}

}  // namespace minimax::ops::cuda
