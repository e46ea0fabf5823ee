// SPDX-License-Identifier: Apache-2.0
// What a block does with the weights that its rings bring (weight_stream.cuh): items are multiplied
// by all warps, summed by half of them, and given to a job.
//
// A job has: begin(), called when the rings are full and before anything is read that other kernels
// write; keeps_rows(run before, run), whether both have the same rows; stage(run, rows, first
// column, columns); factor(run), of what this warp sums; finish(run, sum, element), called by whole
// warps; end_phase(phase).
#pragma once

#include "cuda/barrier.cuh"
#include "ops/device_matrix/stream_tiles.cuh"

namespace minimax::ops::cuda {

/// One element of the sums of an item: row `row` of the first or second row of tiles, and a column,
/// which is a row of x.
struct StreamElement {
  int item;
  int second;
  int row;
  int column;
};

/// Barriers of a block, whose warps sum the items by halves in turn. Each half has its own of those
/// with two: a half may be two items ahead of the other.
enum StreamBarrier : int {
  kPartsLeft = 1,    // by all warps, for the half that sums
  kPartsSummed = 2,  // and 3: by one half, for the other
  kHalfDone = 4,     // and 5: within the half
};

/// Where things lie in the dynamic shared memory.
template <class T>
struct StreamMemory {
  std::byte* ring;
  float* reduction;
  std::uint32_t* table;
  std::byte* rows;

  __device__ explicit StreamMemory(std::byte* dynamic)
      : ring(dynamic),
        reduction(reinterpret_cast<float*>(dynamic + T::kRingBytes)),
        table(reinterpret_cast<std::uint32_t*>(dynamic + T::kRingBytes + kReductionBytes)),
        rows(dynamic + T::kRingBytes + kReductionBytes + T::kTable) {}
};

/// All of a block that lasts from item to item.
template <class T, class Job>
class StreamBlock {
 public:
  __device__ StreamBlock(Job& job, const StreamPlan& plan, StreamRuns& runs, std::byte* dynamic)
      : job_(job), plan_(plan), runs_(runs), memory_(dynamic), ring_(runs, memory_.ring) {}

  __device__ WeightRing<T>& ring() { return ring_; }

  /// Puts the rows of a run into shared memory, when nobody needs the last ones any more.
  __device__ StreamRows stage(const StreamRun& run) {
    const int columns = run.tiles * T::kTile.columns;
    StreamRows x;
    x.rows = plan_.entries[run.entry].rows;
    x.stored = x.rows * T::kAddends;
    x.stride = columns * T::kElementBytes + 16;
    x.data = memory_.rows;
    x.groups = memory_.rows + x.stored * x.stride;
    __syncthreads();
    job_.stage(run, x, run.first_tile * T::kTile.columns, columns);
    __syncthreads();
    return x;
  }

  /// All items of a run, multiplied by Tiles. `partial` is scratch of this block.
  template <class Tiles>
  __device__ void multiply_run(const StreamRun& run, const StreamRows& x, float* partial) {
    const TileRange tiles = warp_tiles(run);
    const int items = run.items;
#pragma unroll 1
    for (int item = 0; item < items; ++item) {
      typename Tiles::Sums sums[2] = {};
      if (run.units_are_pairs || 2 * item + 1 < run.units) {
        multiply_item<Tiles, true>(x, tiles, sums);
      } else {
        multiply_item<Tiles, false>(x, tiles, sums);
      }
      scale_sums(job_.factor(run), sums);
      finish_item<Tiles>(run, item, sums, partial);
    }
  }

 private:
  __device__ static int warp() { return static_cast<int>(threadIdx.x) / 32; }
  __device__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }

  /// The warp's share of the columns, of one row of tiles or both.
  template <class Tiles, bool both>
  __device__ void multiply_item(const StreamRows& x, const TileRange& tiles,
                                typename Tiles::Sums (&sums)[2]) {
    Tiles operand(x, tiles.begin);
#pragma unroll 1
    for (int tile = tiles.begin; tile < tiles.end; ++tile) {
      operand.load_rows();
      const std::byte* stage = ring_.wait();
      operand.multiply(stage, memory_.table, sums[0]);
      if constexpr (both) {
        operand.multiply(stage + T::kTileBytes, memory_.table, sums[1]);
      }
      operand.next();
      ring_.release();
    }
  }

  template <class Sums>
  __device__ static void scale_sums(float factor, Sums (&sums)[2]) {
    if (factor != 1.0f) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        sums[0][i] *= factor;
        sums[1][i] *= factor;
      }
    }
  }

  /// Leaves the warp's sums for others, or adds those of all.
  template <class Tiles>
  __device__ void finish_item(const StreamRun& run, int item, const typename Tiles::Sums (&sums)[2],
                              float* partial) {
    constexpr int kHalf = kStreamWarps / 2;
    const int half = finished_ % 2;
    if (finished_ > 0) {
      wait_until_summed(1 - half);
    }
    float* own = memory_.reduction + warp() * (2 * kReductionStride) + 4 * lane();
    *reinterpret_cast<float4*>(own) = Tiles::stored(sums[0]);
    *reinterpret_cast<float4*>(own + kReductionStride) = Tiles::stored(sums[1]);
    if (warp() / kHalf != half) {
      minimax::cuda::arrive_threads_of(kPartsLeft, 32 * kStreamWarps);
    } else {
      minimax::cuda::sync_threads_of(kPartsLeft, 32 * kStreamWarps);
      const int thread = static_cast<int>(threadIdx.x) % (32 * kHalf);
      const float sum = sum_warps(thread);
      minimax::cuda::arrive_threads_of(kPartsSummed + half, 32 * kStreamWarps);
      finish_element<Tiles>(run, item, sum, thread, partial + item * 256 + thread);
    }
    ++finished_;
  }

  /// Until that half has summed the parts of the item before.
  __device__ static void wait_until_summed(int half) {
    constexpr int kHalf = kStreamWarps / 2;
    if (warp() / kHalf == half) {
      minimax::cuda::sync_threads_of(kHalfDone + half, 32 * kHalf);
    } else {
      minimax::cuda::sync_threads_of(kPartsSummed + half, 32 * kStreamWarps);
    }
  }

  __device__ float sum_warps(int thread) const {
    const float* from = memory_.reduction + thread % 2 * kReductionStride + thread / 2;
    float sum = 0.0f;
#pragma unroll
    for (int w = 0; w < kStreamWarps; ++w) {
      sum += from[w * (2 * kReductionStride)];
    }
    return sum;
  }

  /// Adds the sums of earlier parts of K and gives what is complete to the job.
  template <class Tiles>
  __device__ void finish_element(const StreamRun& run, int item, float sum, int thread,
                                 float* kept) {
    if (!run.first_part) {
      sum += *kept;
    }
    if (!run.last_part) {
      *kept = sum;
      return;
    }
    const int element = thread / 2;
    const int owner = element / 4;  // the lane that had it
    job_.finish(run, sum,
                {.item = item,
                 .second = thread % 2,
                 .row = owner / 4 + element % 4 / 2 * 8,
                 .column = Tiles::column(owner, element % 4)});
  }

  Job& job_;
  const StreamPlan& plan_;
  StreamRuns& runs_;
  StreamMemory<T> memory_;
  WeightRing<T> ring_;
  int finished_ = 0;
};

/// Everything that a block does, from a plan and its first runs. `partial` is scratch of this
/// block: kStreamPartialBytes.
template <class F, StreamMode mode, class Job>
__device__ void run_stream(Job& job, const StreamPlan& plan, StreamRuns& runs, std::byte* dynamic,
                           float* partial) {
  using T = StreamTraits<F, mode>;
  StreamBlock<T, Job> block(job, plan, runs, dynamic);
  block.ring().start();
  job.begin();
  int phase = 0;
  StreamRows x;
  while (true) {
#pragma unroll 1
    for (int i = 0; i < runs.count; ++i) {
      const StreamRun& run = runs.run[i];
      for (; phase < run.phase; ++phase) {
        job.end_phase(phase);
      }
      if (i == 0 || !job.keeps_rows(runs.run[i - 1], run)) {
        x = block.stage(run);
      }
      if constexpr (mode != StreamMode::kInteger) {
        block.template multiply_run<BF16Tiles<F>>(run, x, partial);
      } else if (x.rows <= 4) {
        block.template multiply_run<IntegerTiles<F, 1>>(run, x, partial);
      } else {
        block.template multiply_run<IntegerTiles<F, 2>>(run, x, partial);
      }
    }
    __syncthreads();
    if (runs.phase >= plan.phases) {
      break;
    }
    if (threadIdx.x == 0) {
      list_runs<T>(plan, runs);
    }
    __syncthreads();
    block.ring().start();
  }
  for (; phase < plan.phases; ++phase) {
    job.end_phase(phase);
  }
}

}  // namespace minimax::ops::cuda
