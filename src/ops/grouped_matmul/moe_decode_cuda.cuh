// SPDX-License-Identifier: Apache-2.0
// The kernel of moe_decode_cuda.h for one format; every format is compiled in a file of its own.
// Grid: one block per multiprocessor, all at once. Block: 512 threads. Shared memory: 224 KB. Bytes
// moved: three matrices of every chosen expert. Roofline: reading device memory.
//
// Every block sorts the pairs of tokens and experts itself, which takes less than a launch. A
// barrier of the grid stands between up and down, and the rings of weights are full across it: all
// blocks must run at once, which they do as soon as no other kernel holds a multiprocessor. After
// another one, the blocks share the sums over the experts of tokens.
#pragma once

#include "cuda/grid_barrier.cuh"
#include "cuda/launch_order.cuh"
#include "ops/device_matrix/stream_product.cuh"
#include "ops/device_matrix/stream_rows.cuh"
#include "ops/grouped_matmul/moe_decode_kernels.h"

namespace minimax::ops::cuda {

/// The parts of the scratch.
struct MoeDecodeScratch {
  void* inner;  // [pairs, inner] of the type of x, sorted by expert
  float* rows;  // [pairs, hidden], sorted by expert
  float* partial;
};

__host__ __device__ inline std::int64_t aligned_256(std::int64_t bytes) {
  return (bytes + 255) / 256 * 256;
}

__host__ __device__ inline MoeDecodeScratch moe_decode_scratch(const MoeDecode& args) {
  const std::int64_t pairs = args.tokens * args.top_k;
  auto* at = static_cast<std::byte*>(args.scratch);
  MoeDecodeScratch scratch;
  scratch.inner = at;
  at += aligned_256(pairs * args.gate_layout.rows * 4);
  scratch.rows = reinterpret_cast<float*>(at);
  at += aligned_256(pairs * args.down_layout.rows * 4);
  scratch.partial = reinterpret_cast<float*>(at);
  return scratch;
}

/// The pairs in the order of their experts, as the threads of a block share them.
struct SortedPairs {
  int ids[kMoeDecodeMaxPairs];
  int pair_of_row[kMoeDecodeMaxPairs];
  int row_of_pair[kMoeDecodeMaxPairs];
  int counts[kMoeDecodeMaxExperts];
  int first_rows[kMoeDecodeMaxExperts];
};

/// Rows before an expert, and entries before it, from the numbers of its warp on.
__device__ inline int exclusive_warp_sum(int value, int& total) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  int sum = value;
  for (int offset = 1; offset < 32; offset *= 2) {
    const int other = __shfl_up_sync(0xffffffffu, sum, offset);
    sum += lane >= offset ? other : 0;
  }
  total = __shfl_sync(0xffffffffu, sum, 31);
  return sum - value;
}

/// The entries of a plan from the numbers of pairs of the experts, by one warp.
__device__ inline void list_entries(SortedPairs& sorted, int experts, int entry_rows,
                                    StreamPlan& plan) {
  int rows = 0;
  int entries = 0;
  for (int base = 0; base < experts; base += 32) {
    const int expert = base + static_cast<int>(threadIdx.x);
    const int count = expert < experts ? sorted.counts[expert] : 0;
    const int blocks = (count + entry_rows - 1) / entry_rows;
    int total_rows;
    int total_entries;
    const int row = rows + exclusive_warp_sum(count, total_rows);
    const int entry = entries + exclusive_warp_sum(blocks, total_entries);
    if (expert < experts) {
      sorted.first_rows[expert] = row;
    }
    for (int i = 0; i < blocks; ++i) {
      plan.entries[entry + i] = {.expert = expert,
                                 .row_begin = row + i * entry_rows,
                                 .rows = min(entry_rows, count - i * entry_rows)};
    }
    rows += total_rows;
    entries += total_entries;
  }
  plan.entry_count = entries;
}

/// One token: its experts in the order of their slots, not known yet. All threads come here.
__device__ inline void expect_choices(const MoeDecode& args, SortedPairs& sorted,
                                      StreamPlan& plan) {
  const int slot = static_cast<int>(threadIdx.x);
  if (slot < args.top_k) {
    plan.entries[slot] = {.expert = 0, .row_begin = slot, .rows = 1};
    sorted.row_of_pair[slot] = slot;
    sorted.pair_of_row[slot] = slot;
    plan.entry_count = static_cast<int>(args.top_k);
  }
}

/// And what the router chose. All threads come here, barriers before and after.
__device__ inline void take_choices(const MoeDecode& args, StreamPlan& plan, StreamRuns& runs) {
  const int slot = static_cast<int>(threadIdx.x);
  if (slot < args.top_k) {
    plan.entries[slot].expert = args.expert_ids[slot];
    if (slot < kStreamMaxSlots) {
      plan.factors[slot] = args.expert_weights[slot];
    }
  }
  __syncthreads();
  place_experts(plan, runs);
}

/// Sorts the pairs by expert, stably, and lists the entries. All threads come here.
__device__ inline void sort_pairs(const MoeDecode& args, int entry_rows, SortedPairs& sorted,
                                  StreamPlan& plan) {
  const int pairs = static_cast<int>(args.tokens * args.top_k);
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < pairs) {
    sorted.ids[thread] = args.expert_ids[thread];
  }
  __syncthreads();
  if (thread < args.experts) {
    int count = 0;
    for (int i = 0; i < pairs; ++i) {
      count += sorted.ids[i] == thread ? 1 : 0;
    }
    sorted.counts[thread] = count;
  }
  __syncthreads();
  if (thread < 32) {
    list_entries(sorted, static_cast<int>(args.experts), entry_rows, plan);
  }
  __syncthreads();
  if (thread < pairs) {
    const int id = sorted.ids[thread];
    int row = sorted.first_rows[id];
    for (int i = 0; i < thread; ++i) {
      row += sorted.ids[i] == id ? 1 : 0;
    }
    sorted.row_of_pair[thread] = row;
    sorted.pair_of_row[row] = thread;
  }
}

/// Feeds the two phases of the experts, and takes their sums.
template <class F, StreamMode mode>
struct MoeDecodeJob {
  const MoeDecode& args;
  const StreamPlan& plan;
  const SortedPairs& sorted;
  bool first_phase_is_down;

  /// Computed where it is needed: registers are short in the loop.
  __device__ MoeDecodeScratch scratch() const { return moe_decode_scratch(args); }

  __device__ bool is_down(const StreamRun& run) const {
    return first_phase_is_down || run.phase == 1;
  }

  __device__ void begin() const {}

  /// Whether the product of down sums over the experts of the one token, too.
  __device__ bool joins_slots(const StreamRun& run) const { return run.slots > 1; }

  __device__ bool keeps_rows(const StreamRun& before, const StreamRun& run) const {
    return args.tokens == 1 && !is_down(before) && !is_down(run) && run.first_part && run.last_part;
  }

  __device__ float factor(const StreamRun& run) const {
    return joins_slots(run) ? plan.factors[warp_slot(run.slots)] : 1.0f;
  }

  __device__ void stage(const StreamRun& run, const StreamRows& x, int begin, int columns) const {
    const int first = plan.entries[run.entry].row_begin;
    if (is_down(run)) {
      const RowSource source = {scratch().inner,
                                run.slots * static_cast<int>(args.down_layout.columns)};
      stage_rows<F, mode>(source, x, {begin, columns}, [first](int r) { return first + r; });
      return;
    }
    const RowSource source = {args.x, static_cast<int>(args.gate_layout.columns)};
    const int top_k = static_cast<int>(args.top_k);
    const int* pairs = sorted.pair_of_row + first;
    stage_rows<F, mode>(source, x, {begin, columns},
                        [pairs, top_k](int r) { return pairs[r] / top_k; });
  }

  __device__ void finish(const StreamRun& run, float sum, const StreamElement& element) const {
    const StreamEntry& entry = plan.entries[run.entry];
    const bool kept = element.column < entry.rows;
    const int row = entry.row_begin + element.column;
    if (is_down(run)) {
      const int tile = run.unit + 2 * element.item + element.second;
      if (kept && joins_slots(run) && tile < run.unit + run.units) {
        store(16 * tile + element.row, sum);
      } else if (kept && tile < run.unit + run.units) {
        finish_down(sum, row, 16 * tile + element.row);
      }
    } else {
      const float up = __shfl_xor_sync(0xffffffffu, sum, 1);
      if (kept && element.second == 0) {
        finish_gate_up(sum, up, row, 16 * (run.unit + element.item) + element.row);
      }
    }
  }

  __device__ void finish_gate_up(float gate, float up, int row, int column) const {
    if (column >= args.gate_layout.rows) {
      return;
    }
    const float value = gate / (1.0f + __expf(-gate)) * up;
    const std::int64_t at = row * args.gate_layout.rows + column;
    __stcg(static_cast<std::uint16_t*>(scratch().inner) + at,
           __bfloat16_as_ushort(__float2bfloat16_rn(value)));
  }

  __device__ void finish_down(float sum, int row, int column) const {
    if (column < args.down_layout.rows) {
      __stcg(scratch().rows + row * args.down_layout.rows + column, sum);
    }
  }

  __device__ void end_phase(int phase) const {
    if (plan.phase[phase].slots > 1) {
      return;  // nobody reads what others wrote
    }
    minimax::cuda::wait_for_grid(static_cast<unsigned*>(args.barrier));
  }

  /// Sums over the experts of all tokens, a share of the elements.
  __device__ void combine() const {
    const std::int64_t hidden = args.down_layout.rows;
    const auto stride = static_cast<std::int64_t>(gridDim.x) * kStreamThreads;
    std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kStreamThreads + threadIdx.x;
    for (; i < args.tokens * hidden; i += stride) {
      const std::int64_t token = i / hidden;
      float sum = 0.0f;
      for (std::int64_t s = 0; s < args.top_k; ++s) {
        const std::int64_t pair = token * args.top_k + s;
        sum += args.expert_weights[pair] *
               __ldcg(scratch().rows + sorted.row_of_pair[pair] * hidden + (i - token * hidden));
      }
      store(i, sum);
    }
  }

  __device__ void store(std::int64_t i, float sum) const {
    if (i >= args.tokens * args.down_layout.rows) {
      return;
    }
    if (args.out_is_float) {
      static_cast<float*>(args.out)[i] = sum;
    } else {
      static_cast<__nv_bfloat16*>(args.out)[i] = __float2bfloat16_rn(sum);
    }
  }
};

/// What a unit costs the block that has it: for more than four rows, integer products take longer
/// than the weights. Without this, blocks with such units alone would end last.
template <StreamMode mode>
__device__ int unit_cost(const StreamEntry& entry) {
  return mode == StreamMode::kInteger && entry.rows > 4 ? 3 : 2;
}

/// The unit of a phase before which all units cost `target` together. A whole warp comes here.
template <StreamMode mode>
__device__ int unit_at_cost(const StreamPlan& plan, int units, int target) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  int before = 0;
  for (int base = 0; base < plan.entry_count; base += 32) {
    const int entry = base + lane;
    const int cost = entry < plan.entry_count ? unit_cost<mode>(plan.entries[entry]) : 0;
    int total;
    const int first = before + exclusive_warp_sum(cost * units, total);
    const bool is_here = first <= target && target < first + cost * units;
    const unsigned who = __ballot_sync(0xffffffffu, is_here);
    if (who != 0) {
      const int unit = is_here ? entry * units + (target - first) / cost : 0;
      return __shfl_sync(0xffffffffu, unit, __ffs(who) - 1);
    }
    before += total;
  }
  return plan.entry_count * units;
}

/// The range of this block in the units of a phase, so that all blocks have as much to do. A whole
/// warp comes here.
template <StreamMode mode>
__device__ void set_range(const StreamPlan& plan, StreamPhase& phase) {
  int cost = 0;
  for (int entry = static_cast<int>(threadIdx.x) % 32; entry < plan.entry_count; entry += 32) {
    cost += unit_cost<mode>(plan.entries[entry]) * phase.units;
  }
  const auto all = static_cast<unsigned>(__reduce_add_sync(0xffffffffu, cost));
  // Times blocks: below 2^32.
  const auto begin = static_cast<int>(all * blockIdx.x / gridDim.x);
  const auto end = static_cast<int>(all * (blockIdx.x + 1) / gridDim.x);
  const int first = unit_at_cost<mode>(plan, phase.units, begin);
  const int last = unit_at_cost<mode>(plan, phase.units, end);
  if (threadIdx.x % 32 == 0) {
    phase.begin = first;
    phase.end = last;
  }
  __syncwarp();
}

/// The slots that down goes through at once: all of one token, where warps share them evenly and
/// rows fit.
template <class T>
int joined_slots(const MoeDecode& args) {
  const int slots = static_cast<int>(args.top_k);
  const int tiles = static_cast<int>(args.down_layout.column_tiles());
  const bool even = slots <= kStreamMaxSlots && kStreamWarps % slots == 0 &&
                    tiles % (kStreamWarps / slots) == 0 &&
                    args.down_layout.columns % T::kTile.columns == 0;
  return args.tokens == 1 && even && stream_parts<T>(1, slots * tiles) == 1 ? slots : 1;
}

template <class T>
StreamPhase down_phase(const MoeDecode& args) {
  const int slots = joined_slots<T>(args);
  const int tiles = static_cast<int>(args.down_layout.column_tiles());
  return {.tiles = static_cast<const std::byte*>(args.down.data),
          .expert_bytes = args.down.expert_bytes,
          .unit_bytes = args.down_layout.row_tile_bytes(),
          .pair_bytes = args.down_layout.row_tile_bytes(),
          .units = static_cast<int>(args.down_layout.row_tiles()),
          .units_per_item = 2,
          .column_tiles = slots * tiles,
          .slots = slots,
          .slot_tiles = tiles,
          .begin = 0,
          .end = 0};
}

inline StreamPhase gate_up_phase(const MoeDecode& args) {
  return {.tiles = static_cast<const std::byte*>(args.gate.data),
          .expert_bytes = args.gate.expert_bytes,
          .unit_bytes = args.gate_layout.row_tile_bytes(),
          .pair_bytes = static_cast<const std::byte*>(args.up.data) -
                        static_cast<const std::byte*>(args.gate.data),
          .units = static_cast<int>(args.gate_layout.row_tiles()),
          .units_per_item = 1,
          .column_tiles = static_cast<int>(args.gate_layout.column_tiles()),
          .slots = 1,
          .slot_tiles = 0,
          .begin = 0,
          .end = 0};
}

/// The shares are those of one token.
template <class T>
StreamPhases moe_phases(const MoeDecode& args, MoePhases which) {
  StreamPhases phases = {};
  if (which != MoePhases::kDown) {
    phases.phase[phases.count++] = gate_up_phase(args);
  }
  if (which != MoePhases::kGateUp) {
    phases.phase[phases.count++] = down_phase<T>(args);
  }
  for (int p = 0; p < phases.count; ++p) {
    const int entries = phases.phase[p].slots > 1 ? 1 : static_cast<int>(args.top_k);
    phases.share[p] = phases.phase[p].units * entries / args.processors;
    phases.rest[p] = phases.phase[p].units * entries % args.processors;
  }
  return phases;
}

template <class F, StreamMode mode>
__global__ void __launch_bounds__(kStreamThreads, 1)
    moe_decode_kernel(const __grid_constant__ MoeDecode args,
                      const __grid_constant__ StreamPhases phases, MoePhases which) {
  using T = StreamTraits<F, mode>;
  static_assert(kMoeDecodePartialBytes == kStreamPartialBytes);
  extern __shared__ __align__(128) std::byte dynamic[];
  __shared__ StreamPlan plan;
  __shared__ StreamRuns runs;
  __shared__ SortedPairs sorted;
  minimax::cuda::let_next_kernel_start();
  fill_table<F>(StreamMemory<T>(dynamic).table);
  copy_phases(phases, plan);
  const bool is_alone = args.tokens == 1;  // then all but the experts is known by now
  if (is_alone) {
    expect_choices(args, sorted, plan);
  }
  __syncthreads();
  if (is_alone && threadIdx.x < 32) {
    start_known_runs<T>(phases, plan, runs);
  }
  __syncthreads();
  minimax::cuda::wait_for_kernels_ahead();
  if (is_alone) {
    take_choices(args, plan, runs);
  } else {
    sort_pairs(args, T::kEntryRows, sorted, plan);
    if (threadIdx.x < 32) {
      set_range<mode>(plan, plan.phase[0]);
      set_range<mode>(plan, plan.phase[1]);
    }
    if (threadIdx.x == 0) {
      start_runs<T>(plan, runs);
    }
  }
  __syncthreads();
  MoeDecodeJob<F, mode> job = {.args = args,
                               .plan = plan,
                               .sorted = sorted,
                               .first_phase_is_down = which == MoePhases::kDown};
  run_stream<F, mode>(
      job, plan, runs, dynamic,
      job.scratch().partial + static_cast<std::int64_t>(blockIdx.x) * (kStreamPartialBytes / 4));
  if (which != MoePhases::kGateUp && plan.phase[plan.phases - 1].slots == 1) {
    job.combine();
  }
}

template <DeviceFormat format>
void launch_moe_decode(const MoeDecode& args, MoePhases which, minimax::cuda::Stream stream) {
  using F = DeviceFormatOf<format>;
  constexpr StreamMode kMode = kStreamMode<F>;
  minimax::cuda::launch_early(
      "moe_decode", &moe_decode_kernel<F, kMode>,
      {.blocks = args.processors, .threads = kStreamThreads, .shared_bytes = kStreamDynamicBytes},
      stream, args, moe_phases<StreamTraits<F, kMode>>(args, which), which);
}

}  // namespace minimax::ops::cuda
