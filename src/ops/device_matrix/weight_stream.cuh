// SPDX-License-Identifier: Apache-2.0
// The loop of all products of few rows with repacked weights: one block per multiprocessor streams
// tiles from memory through a ring in shared memory that never runs dry, also across matrices and
// phases of a kernel, while the rows that they multiply stay in shared memory.
//
// A unit is a row of tiles, or a pair of them that belong together (gate and up); every block has a
// range of the units of a phase. Two rows of tiles at a time are an item: the 16 warps cut its K
// among them, multiply tiles on the tensor cores with the weights as the operand of 16 rows and up
// to eight rows of x as the other, and leave their parts in shared memory, where half of the warps,
// in turn, sum them in the order of the warps while the others go on. Where the rows do not fit
// into shared memory, K is cut into parts, and a range is gone through once a part.
//
// Integer weights meet rows of bf16 as integers: a number of x is two signed bytes under the power
// of two that its group of the row needs, so that nothing has to be unpacked but nibbles. What is
// below 2^-14 of the largest of a group is rounded. All other products are those of bf16 numbers.
//
// Every sum has one fixed order for a number of rows and a grid.
#pragma once

#include <cstdint>

#include "cuda/async_copy.cuh"
#include "cuda/mma.cuh"
#include "ops/device_matrix/device_formats.cuh"

namespace minimax::ops::cuda {

inline constexpr int kStreamWarps = 16;
inline constexpr int kStreamThreads = 32 * kStreamWarps;
inline constexpr int kStreamRows = 8;  // of one entry
inline constexpr int kStreamMaxEntries = 128;
inline constexpr int kStreamPartItems = 32;  // items whose sums wait for further parts of K
inline constexpr int kStreamPartialBytes = kStreamPartItems * 256 * 4;  // of a block
inline constexpr int kStreamDynamicBytes = 225000;  // beside 7 KB of static shared memory
inline constexpr int kReductionStride = 144;        // floats: half of the banks apart
inline constexpr int kReductionBytes = kStreamWarps * 2 * kReductionStride * 4;
inline constexpr int kTableBytes = 256 * 32 * 4;
inline constexpr int kPlainRowBytes = 128;  // of a row of bf16 in a tile

/// Matrices of one shape, and what a block has to do with them.
struct StreamPhase {
  const std::byte* tiles;     // of expert 0
  std::int64_t expert_bytes;  // from an expert to the next
  std::int64_t unit_bytes;    // from a unit to the next
  std::int64_t pair_bytes;    // from the first row of tiles of an item to the second
  int units;                  // of an expert
  int units_per_item;         // 2, or 1 where units are pairs
  int column_tiles;
  int slots;       // 1, or a unit goes through all entries, which lie side by side along K
  int slot_tiles;  // of an entry then
  int begin;       // range of this block in the units of all entries
  int end;
};

/// What the host knows of a launch: all but experts and the rows that they get. Where those are
/// known, too, a block has `share` units of a phase, the first `rest` blocks one more.
struct StreamPhases {
  int count;
  StreamPhase phase[2];
  int share[2];
  int rest[2];
};

/// Rows that one expert multiplies.
struct StreamEntry {
  int expert;
  int row_begin;
  int rows;
};

inline constexpr int kStreamMaxSlots = 8;

struct StreamPlan {
  int phases;
  int entry_count;
  StreamPhase phase[2];
  StreamEntry entries[kStreamMaxEntries];
  float factors[kStreamMaxSlots];  // of the slots of a phase that has several
};

/// Consecutive units of one entry and a part of K.
struct StreamRun {
  const std::byte* first;   // tile of the first unit at the first column
  std::int64_t item_bytes;  // from an item to the next
  std::int64_t pair_bytes;
  std::int64_t row_bytes;  // of plain rows
  int items;
  int units;
  bool units_are_pairs;
  int slots;
  int first_tile;  // of the part
  int tiles;
  int phase;
  int entry;
  int unit;
  bool first_part;
  bool last_part;
};

/// What a block has to do, or the next of it: one thread lists it for all.
struct StreamRuns {
  static constexpr int kRuns = 24;
  int count;
  std::int64_t slot_bytes[kStreamMaxSlots];  // added for the warps of a slot
  int phase;                                 // where the list goes on
  int position;
  int part;
  StreamRun run[kRuns];
};

/// How rows and tiles are multiplied.
enum class StreamMode : std::uint8_t {
  kBF16,     // rows of bf16, weights as bf16
  kInteger,  // rows of bf16 as two of bytes, weights as bytes
};

/// Whether integers do.
template <class F>
inline constexpr bool kHasIntegerMode = F::Codes::kIntegers && F::kTile.group >= 32;

template <class F>
inline constexpr StreamMode kStreamMode =
    kHasIntegerMode<F> ? StreamMode::kInteger : StreamMode::kBF16;

template <class F, StreamMode mode>
struct StreamTraits {
  static constexpr DeviceTile kTile = F::kTile;
  static constexpr bool kInteger = mode == StreamMode::kInteger;
  static constexpr int kAddends = mode == StreamMode::kBF16 ? 1 : 2;  // rows for one of x
  static constexpr int kEntryRows = 8;
  static constexpr int kTileBytes = kTile.bytes();
  static constexpr int kStageBytes = 2 * kTileBytes;  // of a warp: both rows of tiles
  /// Plain rows: the tiles of a row of tiles lie beside each other, not one after the other.
  static constexpr bool kPlain = F::kFormat == DeviceFormat::kBF16;
  static constexpr int kTileStep = kPlain ? kPlainRowBytes : kTileBytes;
  static constexpr int kTable = F::Codes::kTable ? kTableBytes : 0;
  static constexpr int kStages = kTile.code_bits >= 16                  ? 2
                                 : kTile.code_bits == 8                 ? 3
                                 : F::Codes::kTable || kTile.group < 64 ? 4
                                                                        : 5;
  static constexpr int kRingBytes = kStreamWarps * kStages * kStageBytes;
  static constexpr int kRowBudget = kStreamDynamicBytes - kRingBytes - kReductionBytes - kTable;
  static constexpr int kBlockColumns = kStreamWarps * kTile.columns;
  /// Bytes of a number in a row, and of what is kept of a group for eight rows.
  static constexpr int kElementBytes = kInteger ? 1 : 2;
  static constexpr bool kSums = F::kBias != 0.0f || F::Scales::kHasMin;
  static constexpr int kGroupBytes = kInteger ? 8 * 8 : kSums ? 8 * 4 : 0;
};

/// Into how many parts K is cut so that `rows` of one fit into shared memory.
template <class T>
__host__ __device__ constexpr int stream_parts(int rows, int column_tiles) {
  constexpr int kGroups = T::kTile.group == 0 ? 0 : T::kBlockColumns / T::kTile.group;
  const int blocks = (column_tiles + kStreamWarps - 1) / kStreamWarps;
  const int stored = rows * T::kAddends;
  const int block_bytes = stored * T::kBlockColumns * T::kElementBytes + kGroups * T::kGroupBytes;
  if (stored * 16 + blocks * block_bytes <= T::kRowBudget) {
    return 1;  // mostly so, without a division
  }
  const int fitting = (T::kRowBudget - stored * 16) / block_bytes;
  return (blocks + fitting - 1) / fitting;
}

/// The run at a position of a phase and a part.
template <class T>
__device__ StreamRun make_run(const StreamPlan& plan, const StreamRuns& at, int& parts) {
  const StreamPhase& phase = plan.phase[at.phase];
  const bool is_first = phase.slots > 1 || at.position < phase.units;
  const int entry = is_first ? 0 : at.position / phase.units;
  const StreamEntry& rows = plan.entries[entry];
  parts = stream_parts<T>(rows.rows, phase.column_tiles);
  StreamRun run;
  run.phase = at.phase;
  run.entry = entry;
  run.unit = at.position - entry * phase.units;
  run.units = min(phase.units - run.unit, phase.end - at.position);
  if (parts > 1) {
    run.units = min(run.units, kStreamPartItems * phase.units_per_item);
  }
  run.units_are_pairs = phase.units_per_item == 1;
  run.slots = phase.slots;
  run.items = run.units_are_pairs ? run.units : (run.units + 1) / 2;
  run.item_bytes = phase.units_per_item * phase.unit_bytes;
  run.pair_bytes = phase.pair_bytes;
  run.row_bytes = phase.unit_bytes / kDeviceTileRows;
  const int blocks = (phase.column_tiles + kStreamWarps - 1) / kStreamWarps;
  run.first_tile = parts == 1 ? 0 : at.part * blocks / parts * kStreamWarps;
  const int end = parts == 1 ? phase.column_tiles : (at.part + 1) * blocks / parts * kStreamWarps;
  run.tiles = min(phase.column_tiles, end) - run.first_tile;
  run.first_part = at.part == 0;
  run.last_part = at.part + 1 == parts;
  run.first = phase.tiles + rows.expert * phase.expert_bytes + run.unit * phase.unit_bytes +
              static_cast<std::int64_t>(run.first_tile) * T::kTileStep;
  return run;
}

/// Lists the next runs, by one thread; none are left when the list stays empty.
template <class T>
__device__ void list_runs(const StreamPlan& plan, StreamRuns& runs) {
  runs.count = 0;
  while (runs.phase < plan.phases && runs.count < StreamRuns::kRuns) {
    if (runs.position >= plan.phase[runs.phase].end) {
      ++runs.phase;
      runs.position = runs.phase < plan.phases ? plan.phase[runs.phase].begin : 0;
      continue;
    }
    int parts;
    const StreamRun run = make_run<T>(plan, runs, parts);
    runs.run[runs.count] = run;
    ++runs.count;
    runs.position += run.last_part ? run.units : 0;
    runs.part = run.last_part ? 0 : runs.part + 1;
  }
}

/// Where the warps of a slot find their tiles, counted from where those of the first would.
template <class T>
__device__ void place_slots(const StreamPlan& plan, StreamRuns& runs) {
  runs.slot_bytes[0] = 0;
  for (int p = 0; p < plan.phases; ++p) {
    const StreamPhase& phase = plan.phase[p];
    for (int slot = 1; slot < phase.slots; ++slot) {
      runs.slot_bytes[slot] =
          (plan.entries[slot].expert - plan.entries[0].expert) * phase.expert_bytes -
          static_cast<std::int64_t>(slot * phase.slot_tiles) * T::kTileStep;
    }
  }
}

/// Places runs and slots that were listed for expert 0 of all entries where the experts are.
__device__ inline void place_experts(const StreamPlan& plan, StreamRuns& runs) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < runs.count) {
    StreamRun& run = runs.run[i];
    run.first += plan.entries[run.entry].expert * plan.phase[run.phase].expert_bytes;
  }
  const StreamPhase& last = plan.phase[plan.phases - 1];
  if (0 < i && i < last.slots) {
    runs.slot_bytes[i] += (plan.entries[i].expert - plan.entries[0].expert) * last.expert_bytes;
  }
}

/// Starts the list.
template <class T>
__device__ void start_runs(const StreamPlan& plan, StreamRuns& runs) {
  place_slots<T>(plan, runs);
  runs.phase = 0;
  runs.position = plan.phases > 0 ? plan.phase[0].begin : 0;
  runs.part = 0;
  list_runs<T>(plan, runs);
}

/// Puts the phases into the plan. All threads come here, a barrier follows.
__device__ inline void copy_phases(const StreamPhases& phases, StreamPlan& plan) {
  const int i = static_cast<int>(threadIdx.x);
  if (i < static_cast<int>(sizeof(plan.phase) / 4)) {
    reinterpret_cast<std::uint32_t*>(plan.phase)[i] =
        reinterpret_cast<const std::uint32_t*>(phases.phase)[i];
  }
  if (i == 0) {
    plan.phases = phases.count;
  }
}

/// The whole range of K for units [unit, unit + units) of an entry.
template <class T>
__device__ StreamRun whole_run(const StreamPlan& plan, int phase_index, int entry, int unit,
                               int units) {
  const StreamPhase& phase = plan.phase[phase_index];
  StreamRun run;
  run.first =
      phase.tiles + plan.entries[entry].expert * phase.expert_bytes + unit * phase.unit_bytes;
  run.item_bytes = phase.units_per_item * phase.unit_bytes;
  run.pair_bytes = phase.pair_bytes;
  run.row_bytes = phase.unit_bytes / kDeviceTileRows;
  run.units_are_pairs = phase.units_per_item == 1;
  run.items = run.units_are_pairs ? units : (units + 1) / 2;
  run.units = units;
  run.slots = phase.slots;
  run.first_tile = 0;
  run.tiles = phase.column_tiles;
  run.phase = phase_index;
  run.entry = entry;
  run.unit = unit;
  run.first_part = true;
  run.last_part = true;
  return run;
}

/// Starts the list where the entries of all phases are known: a lane of the first warp, which comes
/// here as a whole, lists what the block has of one of them. Planning is what a short launch waits
/// for; one thread would take some microseconds.
template <class T>
__device__ void start_known_runs(const StreamPhases& phases, StreamPlan& plan, StreamRuns& runs) {
  const int lane = static_cast<int>(threadIdx.x);
  const int block = static_cast<int>(blockIdx.x);
  const int first_entries = plan.phase[0].slots > 1 ? 1 : plan.entry_count;
  const int p = lane < first_entries ? 0 : 1;
  const int entry = lane - p * first_entries;
  StreamPhase& phase = plan.phase[p];
  const bool is_there = p < phases.count && entry < (phase.slots > 1 ? 1 : plan.entry_count);
  const int begin = is_there ? block * phases.share[p] + min(block, phases.rest[p]) : 0;
  const int end = is_there ? begin + phases.share[p] + (block < phases.rest[p] ? 1 : 0) : 0;
  const int first = entry * phase.units;
  const int unit = max(begin, first) - first;
  const int units = min(end, first + phase.units) - max(begin, first);
  const bool has_units = is_there && units > 0;
  const bool is_whole =
      !is_there || stream_parts<T>(plan.entries[entry].rows, phase.column_tiles) == 1;
  if (is_there && entry == 0) {
    phase.begin = begin;
    phase.end = end;
  }
  if (lane < kStreamMaxSlots) {
    const StreamPhase& last = plan.phase[phases.count - 1];
    runs.slot_bytes[lane] = -static_cast<std::int64_t>(lane * last.slot_tiles) * T::kTileStep;
  }
  const unsigned listed = __ballot_sync(0xffffffffu, has_units);
  const bool fits =
      __all_sync(0xffffffffu, is_whole) && phases.count * plan.entry_count <= StreamRuns::kRuns;
  if (!fits) {
    if (lane == 0) {
      start_runs<T>(plan, runs);
    }
    return;
  }
  if (has_units) {
    runs.run[__popc(listed & ((1u << lane) - 1))] = whole_run<T>(plan, p, entry, unit, units);
  }
  if (lane == 0) {
    runs.count = __popc(listed);
    runs.phase = phases.count;
  }
}

struct TileRange {
  int begin;
  int end;
};

/// This warp's share of the tiles of a run.
__device__ inline TileRange warp_tiles(const StreamRun& run) {
  const int warp = static_cast<int>(threadIdx.x) / 32;
  return {warp * run.tiles / kStreamWarps, (warp + 1) * run.tiles / kStreamWarps};
}

/// The slot that this warp has its tiles from. Requires: kStreamWarps is a multiple of slots.
__device__ inline int warp_slot(int slots) {
  return static_cast<int>(threadIdx.x) / 32 * slots / kStreamWarps;
}

/// The ring of a warp: what it will multiply, in the order in which it does, several stages ahead.
template <class T>
class WeightRing {
 public:
  __device__ WeightRing(const StreamRuns& runs, std::byte* ring)
      : runs_(runs),
        ring_(ring + threadIdx.x / 32 * (T::kStages * T::kStageBytes)),
        address_(minimax::cuda::shared_address(ring_) + 16 * (threadIdx.x % 32)) {}

  /// Begins a list of runs. The ring is empty.
  __device__ void start() {
    run_ = -1;
    enter_run();
#pragma unroll 1
    for (int i = 0; i < T::kStages; ++i) {
      push();
    }
  }

  /// Waits for the stage that is next, and gives its tiles.
  __device__ const std::byte* wait() {
    minimax::cuda::wait_copy_groups<T::kStages - 1>();
    __syncwarp();
    return ring_ + stage_ * T::kStageBytes;
  }

  /// Lets the stage be filled again.
  __device__ void release() {
    __syncwarp();
    push();
  }

 private:
  __device__ void push() {
    if (steps_ > 0) {
      const std::uint32_t to = address_ + stage_ * T::kStageBytes;
      copy_tile(to, first_);
      if (pair_) {
        copy_tile(to + T::kTileBytes, second_);
      }
      first_ += T::kTileStep;
      second_ += T::kTileStep;
      if (--steps_ == 0) {
        next_item();
      }
    }
    minimax::cuda::end_copy_group();
    stage_ = stage_ + 1 == T::kStages ? 0 : stage_ + 1;
  }

  __device__ void copy_tile(std::uint32_t to, const std::byte* from) const {
    if constexpr (T::kPlain) {
      copy_plain(to, from);
    } else {
      copy_whole(to, from);
    }
  }

  /// Four rows at a time; a row's vectors change places so that eight rows lie in different banks.
  __device__ void copy_plain(std::uint32_t to, const std::byte* from) const {
    const int vector = static_cast<int>(threadIdx.x) % 8;
    const int row = static_cast<int>(threadIdx.x) % 32 / 8;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int moved = (vector ^ row ^ (i % 2 * 4)) - vector;
      minimax::cuda::start_copy_16(to + 512 * i + 16 * moved, from + 4 * i * row_bytes_);
    }
  }

  __device__ static void copy_whole(std::uint32_t to, const std::byte* from) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    constexpr int kWhole = T::kTileBytes / 512;
#pragma unroll
    for (int i = 0; i < kWhole; ++i) {
      minimax::cuda::start_copy_16(to + 512 * i, from + 512 * i);
    }
    if (lane < (T::kTileBytes - 512 * kWhole) / 16) {
      minimax::cuda::start_copy_16(to + 512 * kWhole, from + 512 * kWhole);
    }
  }

  __device__ void next_item() {
    if (++item_ < runs_.run[run_].items) {
      enter_item();
    } else {
      enter_run();
    }
  }

  __device__ void enter_item() {
    const StreamRun& run = runs_.run[run_];
    const TileRange tiles = warp_tiles(run);
    steps_ = tiles.end - tiles.begin;
    first_ = run.first + item_ * run.item_bytes + runs_.slot_bytes[warp_slot(run.slots)] +
             static_cast<std::int64_t>(tiles.begin) * T::kTileStep + lane_bytes(run);
    second_ = first_ + run.pair_bytes;
    pair_ = run.units_are_pairs || 2 * item_ + 1 < run.units;
  }

  __device__ std::int64_t lane_bytes(const StreamRun& run) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    if constexpr (T::kPlain) {
      row_bytes_ = run.row_bytes;
      return lane / 8 * run.row_bytes + lane % 8 * 16;
    }
    return 16 * lane;
  }

  /// Goes on to the next run in which this warp has tiles.
  __device__ void enter_run() {
    item_ = 0;
    while (steps_ == 0 && ++run_ < runs_.count) {
      enter_item();
    }
  }

  const StreamRuns& runs_;
  std::byte* ring_;
  std::uint32_t address_;
  const std::byte* first_ = nullptr;  // of the next tiles, this lane's vector
  const std::byte* second_ = nullptr;
  std::int64_t row_bytes_ = 0;
  int run_ = 0;
  int item_ = 0;
  int steps_ = 0;  // left of the item; 0: nothing is left
  int stage_ = 0;
  bool pair_ = false;
};

}  // namespace minimax::ops::cuda
