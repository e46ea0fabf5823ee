// SPDX-License-Identifier: Apache-2.0
// Routed experts that do not all fit in memory: some are resident, the others are read from the
// checkpoint when the router chooses them, in place of those that were not chosen for longest.
// Files are read, not mapped, so that a failing disk is an error and not a signal
// (docs/decisions/0009-experts-are-read-on-demand.md).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "cpu/thread_pool.h"
#include "io/checkpoint.h"
#include "io/checkpoint_reader.h"
#include "model/convert.h"
#include "model/weights.h"
#include "tensor/buffer.h"

namespace minimax::model {

/// One matrix of an expert in the checkpoint, and what it is in memory.
struct ExpertPart {
  StoredPart stored;
  quant::Matrix matrix;  // without data
};

/// Gate, up and down.
using ExpertParts = std::array<ExpertPart, 3>;

/// Since the model was loaded.
struct ExpertCacheCounts {
  std::int64_t resident = 0;       // experts that memory holds
  std::int64_t chosen = 0;         // by the router, each layer of each step by itself
  std::int64_t read = 0;           // of those, not resident
  std::int64_t read_expected = 0;  // of those, expected by expect()
};

class ExpertCache {
 public:
  struct Args {
    io::Checkpoint checkpoint;
    std::int64_t layers = 0;
    std::int64_t experts = 0;        // of each layer
    std::vector<ExpertParts> parts;  // [layers * experts], with entries of `checkpoint`
    std::int64_t memory_bytes = 0;
  };

  /// Makes room for as many experts as `memory_bytes` hold, none resident yet.
  /// Throws: Error{kOutOfMemory} naming the smallest size where those of one layer do not fit, as
  /// one batch may need them all; Error{kIo}.
  explicit ExpertCache(Args args);
  ExpertCache(const ExpertCache&) = delete;
  ExpertCache& operator=(const ExpertCache&) = delete;
  ~ExpertCache() = default;

  /// Reads experts until the room is used up, those with the largest `counts` first, on several
  /// threads. `counts` is [layers * experts]: how often the router chose each; empty: all the same.
  void warm(std::span<const std::int64_t> counts, int threads);

  /// The experts of a layer, of which those in `expert_ids` have data.
  /// Invalidates: what earlier calls returned. `pool` may be null.
  /// Throws: Error{kIo}; the experts that could be read are then resident, and the cache goes on.
  const ExpertWeights& fetch(std::int64_t layer, std::span<const std::int32_t> expert_ids,
                             cpu::ThreadPool* pool);

  /// Says that these will probably be fetched soon: the system starts to read them. Never fails.
  void expect(std::int64_t layer, std::span<const std::int32_t> expert_ids) noexcept;

  const ExpertCacheCounts& counts() const { return counts_; }
  /// The files that experts are read from.
  const io::Checkpoint& checkpoint() const { return checkpoint_; }

 private:
  struct Slot {
    std::int64_t expert = kNone;  // layer * experts + id
    std::int64_t last_use = 0;
  };
  static constexpr std::int64_t kNone = -1;

  std::int64_t index_of(std::int64_t layer, std::int32_t id) const { return layer * experts_ + id; }
  std::int64_t oldest_slot() const;
  void place(std::int64_t expert, std::int64_t slot);
  void evict(std::int64_t slot);
  void forget(std::int64_t expert);
  void read_part(std::int64_t expert, std::size_t part) const;
  void read_all(std::span<const std::int64_t> experts, cpu::ThreadPool* pool);

  io::Checkpoint checkpoint_;
  io::CheckpointReader reader_;
  std::int64_t experts_;
  std::vector<ExpertParts> parts_;
  std::vector<ExpertWeights> layers_;
  tensor::Buffer memory_;
  std::int64_t slot_bytes_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::int64_t> slot_of_;  // [layers * experts], kNone: not resident
  std::vector<bool> expected_;         // [layers * experts]
  std::vector<std::int64_t> missing_;  // of the current fetch
  std::int64_t now_ = 0;
  ExpertCacheCounts counts_;
};

}  // namespace minimax::model
