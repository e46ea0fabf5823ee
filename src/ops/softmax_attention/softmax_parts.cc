// SPDX-License-Identifier: Apache-2.0
#include "ops/softmax_attention/softmax_parts.h"

#include <algorithm>
#include <vector>

#include "ops/parallel.h"
#include "ops/scratch.h"
#include "ops/softmax_attention/softmax_attention.h"

namespace minimax::ops {
namespace {

using kernels::kSoftmaxKeys;
using kernels::kSoftmaxRows;

// Parts that a sequence is cut into at least if it is long enough: enough for the threads of a
// large machine.
constexpr std::int64_t kParts = 64;
// A part over fewer keys costs more to merge than it gains.
constexpr std::int64_t kMinSplitKeys = 512;
// Partial rows that are held at a time. One sequence needs no more: it is cut along the keys into
// at most kParts parts of at most kSoftmaxRows rows.
constexpr std::int64_t kPartialRows = kParts * kSoftmaxRows;

std::int64_t divided_up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

// One sequence cut into kv_heads x row_tiles x splits parts.
class Cut {
 public:
  explicit Cut(const SoftmaxSequence& sequence) : sequence_(sequence) {
    rows_ = sequence.tokens * (sequence.heads / sequence.cache.kv_heads);
    row_tiles_ = divided_up(rows_, kSoftmaxRows);
    first_key_ = first_key_of(sequence.begin);
    const std::int64_t keys = sequence.begin + sequence.tokens - first_key_;
    const std::int64_t tiles = std::max<std::int64_t>(1, sequence.cache.kv_heads * row_tiles_);
    splits_ = std::clamp<std::int64_t>(keys / kMinSplitKeys, 1,
                                       std::max<std::int64_t>(1, kParts / tiles));
    split_keys_ = divided_up(divided_up(keys, splits_), kSoftmaxKeys) * kSoftmaxKeys;
  }

  const SoftmaxSequence& sequence() const { return sequence_; }
  std::int64_t splits() const { return splits_; }
  std::int64_t parts() const { return sequence_.cache.kv_heads * row_tiles_ * splits_; }
  std::int64_t all_rows() const { return sequence_.cache.kv_heads * rows_; }
  std::int64_t partial_rows() const { return splits_ > 1 ? all_rows() * splits_ : 0; }

  std::int64_t elements() const {
    const std::int64_t keys = sequence_.begin + sequence_.tokens - first_key_;
    return 2 * keys * row_tiles_ * sequence_.cache.kv_heads * sequence_.cache.head_dim;
  }

  // Part `index`; `partial` has room for partial_rows() where that is not 0.
  kernels::SoftmaxPart part(std::int64_t index, float* partial) const {
    const std::int64_t split = index % splits_;
    const std::int64_t tile = index / splits_ % row_tiles_;
    const std::int64_t kv_head = index / splits_ / row_tiles_;
    const std::int64_t group = sequence_.heads / sequence_.cache.kv_heads;
    const std::int64_t first_row = tile * kSoftmaxRows;
    const std::int64_t rows = std::min(kSoftmaxRows, rows_ - first_row);
    const std::int64_t first_position = sequence_.begin + first_row / group;
    const std::int64_t last_position = sequence_.begin + (first_row + rows - 1) / group;
    const std::int64_t split_key = first_key_ / kSoftmaxKeys * kSoftmaxKeys + split * split_keys_;
    const std::int64_t split_end =
        split + 1 == splits_ ? last_position + 1 : split_key + split_keys_;
    const std::int64_t partial_row = (kv_head * splits_ + split) * rows_ + first_row;
    return {.sequence = &sequence_,
            .kv_head = kv_head,
            .first_row = first_row,
            .rows = rows,
            .first_key = std::max(split_key, first_key_of(first_position)),
            .end_key = std::min(split_end, last_position + 1),
            .partial = splits_ == 1 ? nullptr
                                    : partial + partial_row * kernels::partial_floats(
                                                                  sequence_.cache.head_dim)};
  }

 private:
  // The first key that the query at `position` sees.
  std::int64_t first_key_of(std::int64_t position) const {
    const std::int64_t window = sequence_.sliding_window;
    return window > 0 ? std::max<std::int64_t>(0, position + 1 - window) : 0;
  }

  const SoftmaxSequence& sequence_;
  std::int64_t rows_;  // of a key/value head
  std::int64_t row_tiles_;
  std::int64_t first_key_;  // that any query sees
  std::int64_t splits_;
  std::int64_t split_keys_;
};

// Sequences that are computed in one parallel region, and where each one's parts begin.
struct Group {
  std::vector<Cut> cuts;
  std::vector<std::int64_t> first_part;
  std::vector<std::int64_t> first_partial_row;
  std::int64_t parts = 0;
  std::int64_t partial_rows = 0;
  std::int64_t elements = 0;  // of keys and values, as often as they are read

  bool has_room_for(const Cut& cut) const {
    return cuts.empty() || partial_rows + cut.partial_rows() <= kPartialRows;
  }
  void add(const Cut& cut) {
    cuts.push_back(cut);
    first_part.push_back(parts);
    first_partial_row.push_back(partial_rows);
    parts += cut.parts();
    partial_rows += cut.partial_rows();
    elements += cut.elements();
  }
};

void run_group(const Context& ctx, const Group& group, std::int64_t head_dim) {
  const auto part_kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::softmax_part<isa>; });
  const auto merge_kernel =
      cpu::visit_isa(ctx.isa, []<cpu::Isa isa>() { return &kernels::softmax_merge<isa>; });
  ScratchScope scope(ctx);
  const std::int64_t thread_floats = kernels::softmax_scratch_floats(head_dim);
  const std::int64_t row_floats = kernels::partial_floats(head_dim);
  float* scratch = scope.floats(pool_of(ctx).threads() * thread_floats);
  float* partial = scope.floats(group.partial_rows * row_floats);
  const auto run = [&](std::int64_t begin, std::int64_t end, int thread) {
    for (std::int64_t index = begin; index < end; ++index) {
      const auto after = std::upper_bound(group.first_part.begin(), group.first_part.end(), index);
      const auto b = static_cast<std::size_t>(after - group.first_part.begin()) - 1;
      part_kernel(group.cuts[b].part(index - group.first_part[b],
                                     partial + group.first_partial_row[b] * row_floats),
                  scratch + thread * thread_floats);
    }
  };
  parallel_tasks(ctx, group.parts, group.elements, run);
  for (std::size_t b = 0; b < group.cuts.size(); ++b) {
    const Cut& cut = group.cuts[b];
    if (cut.splits() > 1) {
      parallel_rows(
          ctx, cut.all_rows(), cut.splits() * row_floats, merge_kernel,
          kernels::SoftmaxMerge{.sequence = &cut.sequence(),
                                .splits = cut.splits(),
                                .partial = partial + group.first_partial_row[b] * row_floats});
    }
  }
}

}  // namespace

std::int64_t kernels::partial_floats(std::int64_t head_dim) {
  return kPartialHeader + divided_up(head_dim, 16) * 16;
}

std::int64_t kernels::softmax_scratch_floats(std::int64_t head_dim) {
  const std::int64_t width = divided_up(head_dim, 16) * 16;
  return (2 * kSoftmaxRows + 2 * kSoftmaxKeys) * width + kSoftmaxRows * kSoftmaxKeys +
         3 * kSoftmaxRows;
}

void softmax_on_cpu(const Context& ctx, std::span<const SoftmaxSequence> sequences) {
  Group group;
  for (const SoftmaxSequence& sequence : sequences) {
    const Cut cut(sequence);
    if (!group.has_room_for(cut)) {
      run_group(ctx, group, sequence.cache.head_dim);
      group = Group{};
    }
    group.add(cut);
  }
  if (group.parts > 0) {
    run_group(ctx, group, sequences.front().cache.head_dim);
  }
}

std::int64_t softmax_attention_scratch_bytes(int threads, std::int64_t head_dim) {
  const std::int64_t floats = threads * kernels::softmax_scratch_floats(head_dim) +
                              kPartialRows * kernels::partial_floats(head_dim);
  return floats * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace minimax::ops
