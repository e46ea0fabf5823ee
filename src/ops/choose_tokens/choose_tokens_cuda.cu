// SPDX-License-Identifier: Apache-2.0
// choose_tokens on the GPU. The first kernel applies the edits and finds the best and the least
// score of parts of a row. The second has one block a row: filters become an edge in the order of
// scores, found by histograms over ever narrower ranges; then sums over chunks tell which token is
// drawn.
#include "cuda/kernel.cuh"
#include "ops/choose_tokens/choose_tokens.h"
#include "ops/scratch.h"

namespace minimax::ops {
namespace {

using minimax::cuda::check_launch;
using minimax::cuda::kWarp;

using Mass = unsigned long long;

constexpr int kParts = 32;  // of a row, in the first kernel
constexpr int kPartThreads = 256;
constexpr int kThreads = 1024;
constexpr int kWarps = kThreads / kWarp;
constexpr int kBins = 2048;
constexpr int kList = kThreads;  // scores of a bin that are sorted instead of cut further
constexpr double kOne = 0x1p44;  // the mass of the best score
constexpr float kMost = 3.402823466e+38f;

struct Part {
  float best;
  float least;  // of those that are not forbidden; plus infinity where there are none
  std::int32_t id;
  std::int32_t is_bad;
};

__device__ bool is_forbidden(float score) { return score == -INFINITY; }

// Whether no arithmetic can go on with it.
__device__ bool is_bad(float score) { return !isfinite(score) && !is_forbidden(score); }

__device__ float plus(float score, double change) {
  constexpr auto kLimit = static_cast<double>(kMost);
  const double sum = static_cast<double>(score) + change;
  return change == 0.0 ? score : static_cast<float>(fmin(fmax(sum, -kLimit), kLimit));
}

__device__ float changed(float score, const ScoreEdit& edit) {
  if (edit.is_forbidden != 0 || is_forbidden(score)) {
    return -INFINITY;
  }
  if (edit.repetition != 1.0f) {
    score = score < 0.0f ? score * edit.repetition : fminf(score / edit.repetition, kMost);
  }
  return plus(plus(score, edit.penalty), edit.bias);
}

__device__ Part better(const Part& a, const Part& b) {
  const bool takes_b = b.best > a.best || (b.best == a.best && b.id < a.id);
  return {takes_b ? b.best : a.best, fminf(a.least, b.least), takes_b ? b.id : a.id,
          a.is_bad | b.is_bad};
}

__device__ Part warp_best(Part part) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    part = better(part, {__shfl_xor_sync(0xffffffffu, part.best, offset),
                         __shfl_xor_sync(0xffffffffu, part.least, offset),
                         __shfl_xor_sync(0xffffffffu, part.id, offset),
                         __shfl_xor_sync(0xffffffffu, part.is_bad, offset)});
  }
  return part;
}

__device__ Part no_part() { return {-INFINITY, INFINITY, 0x7fffffff, 0}; }

// Grid: kParts x sequences.
__global__ void __launch_bounds__(kPartThreads)
    scan_kernel(float* logits, const ChoiceRule* rules, int vocabulary, Part* parts) {
  __shared__ Part of_warps[kPartThreads / kWarp];
  __shared__ int found_bad;
  float* row = logits + static_cast<std::int64_t>(blockIdx.y) * vocabulary;
  const ChoiceRule& rule = rules[blockIdx.y];
  const int length = (vocabulary + kParts - 1) / kParts;
  const int begin = min(static_cast<int>(blockIdx.x) * length, vocabulary);
  const int end = min(begin + length, vocabulary);
  if (threadIdx.x == 0) {
    found_bad = 0;
  }
  __syncthreads();
  for (std::int64_t i = threadIdx.x; i < rule.edit_count; i += kPartThreads) {
    const ScoreEdit edit = rule.edits[i];
    if (begin <= edit.id && edit.id < end) {
      if (is_bad(row[edit.id])) {
        found_bad = 1;
      }
      row[edit.id] = changed(row[edit.id], edit);
    }
  }
  __syncthreads();
  Part part = no_part();
  for (int id = begin + static_cast<int>(threadIdx.x); id < end; id += kPartThreads) {
    const float score = row[id];
    part = better(part, {score, is_forbidden(score) ? INFINITY : score, id, is_bad(score) ? 1 : 0});
  }
  part = warp_best(part);
  if (threadIdx.x % kWarp == 0) {
    of_warps[threadIdx.x / kWarp] = part;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int w = 1; w < kPartThreads / kWarp; ++w) {
      part = better(part, of_warps[w]);
    }
    part.is_bad |= found_bad;
    parts[blockIdx.y * kParts + blockIdx.x] = part;
  }
}

/// A score and which of the tokens that have it: all that are better, and of those with this score
/// the ones from `id` on, are kept.
struct Edge {
  float score;
  int id;
};

__device__ bool keeps(const Edge& edge, float score, int id) {
  return score > edge.score || (score == edge.score && id >= edge.id);
}

struct Bin {
  Mass mass;
  unsigned count;
};

/// What the threads of a block share.
struct Shared {
  Mass masses[kBins];
  unsigned counts[kBins];
  float scores[kList];
  int ids[kList];
  Mass sums[kWarps];
  int list_size;
  int bin;
  Mass mass_before;
  unsigned count_before;
  unsigned high_bits;  // of the best and the least score of a bin, as ordered numbers
  unsigned low_bits;
  Edge edge;
  int token;
};

/// The scores of a row as the filters see them.
struct Scores {
  const float* logits;
  int count;
  float divisor;
  double best;

  __device__ float at(int id) const { return fminf(logits[id] / divisor, kMost); }
  __device__ Mass mass(float score) const {
    return is_forbidden(score)
               ? 0
               : static_cast<Mass>(exp(static_cast<double>(score) - best) * kOne + 0.5);
  }
};

// Unsigned numbers in the order of floats.
__device__ unsigned ordered(float value) {
  const unsigned bits = __float_as_uint(value);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}
__device__ float unordered(unsigned bits) {
  return __uint_as_float((bits & 0x80000000u) != 0 ? bits & 0x7fffffffu : ~bits);
}

// The sum over all threads before this one; `total` becomes that over all.
__device__ Mass exclusive_sum(Mass value, Shared& shared, Mass* total) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  Mass sum = value;
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const Mass before = __shfl_up_sync(0xffffffffu, sum, static_cast<unsigned>(offset));
    sum += lane >= offset ? before : 0;
  }
  if (lane == kWarp - 1) {
    shared.sums[warp] = sum;
  }
  __syncthreads();
  Mass before = 0;
  Mass all = 0;
  for (int w = 0; w < kWarps; ++w) {
    before += w < warp ? shared.sums[w] : 0;
    all += shared.sums[w];
  }
  __syncthreads();
  *total = all;
  return before + sum - value;
}

/// Where in the order of scores a filter ends: with so many tokens, or so much mass.
struct Limit {
  bool is_count;
  double mass;     // of better tokens that end it
  unsigned count;  // tokens that are kept

  __device__ Mass of(Mass mass_of_token, unsigned tokens) const {
    return is_count ? tokens : mass_of_token;
  }
  // Whether a token with so much before it is still kept.
  __device__ bool is_before(Mass value) const {
    return is_count ? value < count : static_cast<double>(value) < mass;
  }
};

/// A range of scores that holds the edge.
struct Range {
  float high;
  float low;
  Mass before;  // of better scores, in the unit of the limit
};

__device__ int bin_of(const Range& range, float score) {
  const double width = static_cast<double>(range.high) - static_cast<double>(range.low);
  const double place = (static_cast<double>(range.high) - static_cast<double>(score)) / width;
  return min(static_cast<int>(place * kBins), kBins - 1);
}

__device__ bool is_in(const Range& range, const Edge& kept, float score, int id) {
  return range.low <= score && score <= range.high && keeps(kept, score, id);
}

// Sums over the bins of a range, of what `kept` leaves.
__device__ void fill_bins(const Scores& scores, const Range& range, const Edge& kept,
                          Shared& shared) {
  for (int i = static_cast<int>(threadIdx.x); i < kBins; i += kThreads) {
    shared.masses[i] = 0;
    shared.counts[i] = 0;
  }
  __syncthreads();
  for (int id = static_cast<int>(threadIdx.x); id < scores.count; id += kThreads) {
    const float score = scores.at(id);
    if (is_in(range, kept, score, id)) {
      const int bin = bin_of(range, score);
      atomicAdd(&shared.masses[bin], scores.mass(score));
      atomicAdd(&shared.counts[bin], 1u);
    }
  }
  __syncthreads();
}

// The bin in which the limit is reached, or the last one that has any: shared.bin, and what is
// before it. Thread t holds the bins 2 t and 2 t + 1.
__device__ void find_bin(const Limit& limit, const Range& range, Shared& shared) {
  const int first = 2 * static_cast<int>(threadIdx.x);
  const Mass here[2] = {limit.of(shared.masses[first], shared.counts[first]),
                        limit.of(shared.masses[first + 1], shared.counts[first + 1])};
  if (threadIdx.x == 0) {
    shared.bin = 0;
    shared.mass_before = range.before;
  }
  Mass total = 0;
  Mass before = range.before + exclusive_sum(here[0] + here[1], shared, &total);
  for (int i = 0; i < 2; ++i) {
    // Of the bins that have tokens and begin before the limit the last one holds it.
    if (shared.counts[first + i] > 0 && limit.is_before(before)) {
      atomicMax(&shared.bin, first + i);
    }
    before += here[i];
  }
  __syncthreads();
  before -= here[0] + here[1];
  for (int i = 0; i < 2; ++i) {
    if (shared.bin == first + i) {
      shared.mass_before = before;
    }
    before += here[i];
  }
  __syncthreads();
}

// The tokens of a bin, where they are few; and its best and its least score.
__device__ void gather_bin(const Scores& scores, const Range& range, const Edge& kept, int bin,
                           Shared& shared) {
  if (threadIdx.x == 0) {
    shared.list_size = 0;
    shared.high_bits = 0;
    shared.low_bits = 0xffffffffu;
  }
  __syncthreads();
  for (int id = static_cast<int>(threadIdx.x); id < scores.count; id += kThreads) {
    const float score = scores.at(id);
    if (is_in(range, kept, score, id) && bin_of(range, score) == bin) {
      const int place = atomicAdd(&shared.list_size, 1);
      if (place < kList) {
        shared.scores[place] = score;
        shared.ids[place] = id;
      }
      atomicMax(&shared.high_bits, ordered(score));
      atomicMin(&shared.low_bits, ordered(score));
    }
  }
  __syncthreads();
}

// Puts two places of the list into the order that is asked for: best first, among equals the
// highest id first, or the other way round.
__device__ void put_in_order(Shared& shared, int i, int other, bool falling) {
  const float score = shared.scores[i];
  const int id = shared.ids[i];
  const bool falls =
      score > shared.scores[other] || (score == shared.scores[other] && id > shared.ids[other]);
  if (falls != falling) {
    shared.scores[i] = shared.scores[other];
    shared.ids[i] = shared.ids[other];
    shared.scores[other] = score;
    shared.ids[other] = id;
  }
}

// Falling. What is behind list_size comes last.
__device__ void sort_list(Shared& shared) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= shared.list_size) {
    shared.scores[i] = -INFINITY;
    shared.ids[i] = -1 - i;
  }
  __syncthreads();
  for (int size = 2; size <= kList; size *= 2) {
    for (int stride = size / 2; stride > 0; stride /= 2) {
      if ((i ^ stride) > i) {
        put_in_order(shared, i, i ^ stride, (i & size) == 0);
      }
      __syncthreads();
    }
  }
}

// The edge in the sorted list.
__device__ void find_in_list(const Scores& scores, const Limit& limit, Shared& shared) {
  sort_list(shared);
  const int i = static_cast<int>(threadIdx.x);
  const bool is_there = i < shared.list_size;
  Mass total = 0;
  const Mass before =
      shared.mass_before +
      exclusive_sum(is_there ? limit.of(scores.mass(shared.scores[i]), 1) : 0, shared, &total);
  if (threadIdx.x == 0) {
    shared.bin = 0;  // the last place that is kept
  }
  __syncthreads();
  if (is_there && limit.is_before(before)) {
    atomicMax(&shared.bin, i);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    // Of equal scores a number of tokens keeps all.
    shared.edge = {shared.scores[shared.bin], limit.is_count ? 0 : shared.ids[shared.bin]};
  }
  __syncthreads();
}

// The edge among more equal scores than the list holds: the first warp goes through them from the
// highest id.
__device__ void find_among_equals(const Scores& scores, const Limit& limit, const Edge& kept,
                                  float score, Shared& shared) {
  if (threadIdx.x < kWarp) {
    const int lane = static_cast<int>(threadIdx.x);
    const Mass each = scores.mass(score);
    Mass before = shared.mass_before;
    int edge = 0;
    for (int last = scores.count - 1; last >= 0 && !limit.is_count; last -= kWarp) {
      const int id = last - lane;
      const bool equal = id >= 0 && scores.at(id) == score && keeps(kept, score, id);
      const unsigned found = __ballot_sync(0xffffffffu, equal);
      const Mass own = before + each * static_cast<Mass>(__popc(found & ((1u << lane) - 1)));
      const unsigned left = __ballot_sync(0xffffffffu, equal && limit.is_before(own));
      if (left != found) {
        edge = left != 0 ? last - (kWarp - 1 - __clz(left)) : last + 1;
        break;
      }
      before += each * static_cast<Mass>(__popc(found));
    }
    if (lane == 0) {
      shared.edge = {score, edge};
    }
  }
  __syncthreads();
}

// Where a filter ends, of what `kept` leaves.
__device__ Edge find_edge(const Scores& scores, const Limit& limit, const Edge& kept, Range range,
                          Shared& shared) {
  for (;;) {
    if (range.high > range.low) {
      fill_bins(scores, range, kept, shared);
      find_bin(limit, range, shared);
      gather_bin(scores, range, kept, shared.bin, shared);
    } else {
      if (threadIdx.x == 0) {
        shared.mass_before = range.before;
      }
      __syncthreads();
      find_among_equals(scores, limit, kept, range.high, shared);
      return shared.edge;
    }
    if (shared.list_size <= kList) {
      find_in_list(scores, limit, shared);
      return shared.edge;
    }
    range = {unordered(shared.high_bits), unordered(shared.low_bits), shared.mass_before};
    __syncthreads();
  }
}

// The mass of all that is kept.
__device__ Mass total_mass(const Scores& scores, const Edge& kept, Shared& shared) {
  Mass sum = 0;
  for (int id = static_cast<int>(threadIdx.x); id < scores.count; id += kThreads) {
    const float score = scores.at(id);
    sum += keeps(kept, score, id) ? scores.mass(score) : 0;
  }
  Mass total = 0;
  exclusive_sum(sum, shared, &total);
  return total;
}

// The token of a chunk, whose ids are [first, end), in whose part of the mass `target` lies. One
// warp.
__device__ void draw_in_chunk(const Scores& scores, const Edge& kept, int2 chunk, double target,
                              Shared& shared) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  Mass passed = shared.mass_before;
  for (int first = chunk.x; first < chunk.y; first += kWarp) {
    const int id = first + lane;
    const float score = id < chunk.y ? scores.at(id) : -INFINITY;
    Mass sum = id < chunk.y && keeps(kept, score, id) ? scores.mass(score) : 0;
    for (int offset = 1; offset < kWarp; offset *= 2) {
      const Mass before = __shfl_up_sync(0xffffffffu, sum, static_cast<unsigned>(offset));
      sum += lane >= offset ? before : 0;
    }
    const unsigned behind = __ballot_sync(0xffffffffu, static_cast<double>(passed + sum) > target);
    if (behind != 0) {
      if (lane == 0) {
        shared.token = first + __ffs(static_cast<int>(behind)) - 1;
      }
      return;
    }
    passed += __shfl_sync(0xffffffffu, sum, kWarp - 1);
  }
}

// The token in whose part of the mass the random number falls, by rising ids: first its chunk, then
// itself.
__device__ int draw(const Scores& scores, const Edge& kept, double uniform, int best,
                    Shared& shared) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int chunk = ((scores.count + kThreads - 1) / kThreads + kWarp - 1) / kWarp * kWarp;
  Mass* sums = shared.masses;
  for (int c = static_cast<int>(threadIdx.x) / kWarp; c < kThreads; c += kWarps) {
    Mass sum = 0;
    for (int i = lane; i < chunk; i += kWarp) {
      const int id = c * chunk + i;
      const float score = id < scores.count ? scores.at(id) : -INFINITY;
      sum += id < scores.count && keeps(kept, score, id) ? scores.mass(score) : 0;
    }
    for (int offset = kWarp / 2; offset > 0; offset /= 2) {
      sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    }
    if (lane == 0) {
      sums[c] = sum;
    }
  }
  if (threadIdx.x == 0) {
    shared.token = best;  // where rounding leaves a rest
    shared.bin = -1;
  }
  __syncthreads();
  const Mass own = sums[threadIdx.x];
  Mass total = 0;
  const Mass before = exclusive_sum(own, shared, &total);
  const double target = uniform * static_cast<double>(total);
  const bool is_here =
      static_cast<double>(before) <= target && target < static_cast<double>(before + own);
  if (is_here) {
    shared.bin = static_cast<int>(threadIdx.x) * chunk;
    shared.mass_before = before;
  }
  __syncthreads();
  if (threadIdx.x < kWarp && shared.bin >= 0) {
    draw_in_chunk(scores, kept, {shared.bin, min(shared.bin + chunk, scores.count)}, target,
                  shared);
  }
  __syncthreads();
  return shared.token;
}

__device__ int sample(const Scores& scores, const ChoiceRule& rule, float least, int best,
                      Shared& shared) {
  Edge kept{-kMost, 0};  // all that is not forbidden
  const Range whole{static_cast<float>(scores.best),
                    fmaxf(fminf(least / scores.divisor, kMost), -kMost), 0};
  if (0 < rule.top_k && rule.top_k < scores.count) {
    const Limit limit{true, 0.0, static_cast<unsigned>(rule.top_k)};
    kept = find_edge(scores, limit, kept, whole, shared);
  }
  if (rule.top_p < 1.0) {
    const double mass = rule.top_p * static_cast<double>(total_mass(scores, kept, shared));
    const Range range{whole.high, fmaxf(kept.score, whole.low), 0};
    kept = find_edge(scores, {false, mass, 0}, kept, range, shared);
  }
  if (rule.min_p > 0.0) {
    const double limit = fmin(log(rule.min_p) + scores.best, scores.best);
    const float lowest = __double2float_ru(limit);  // no score is between the two
    kept = lowest > kept.score ? Edge{lowest, 0} : kept;
  }
  return draw(scores, kept, rule.uniform, best, shared);
}

// Grid: sequences.
__global__ void __launch_bounds__(kThreads)
    choose_kernel(const float* logits, const ChoiceRule* rules, int vocabulary, const Part* parts,
                  std::int32_t* tokens) {
  extern __shared__ __align__(16) unsigned char memory[];
  Shared& shared = *reinterpret_cast<Shared*>(memory);
  const ChoiceRule rule = rules[blockIdx.x];
  const Part part = warp_best(parts[blockIdx.x * kParts + threadIdx.x % kParts]);
  int token = part.id;
  if (part.is_bad != 0) {
    token = kNoNumber;
  } else if (is_forbidden(part.best)) {
    token = kNoneLeft;
  } else if (rule.draws != 0) {
    const Scores scores{logits + static_cast<std::int64_t>(blockIdx.x) * vocabulary, vocabulary,
                        rule.divisor, static_cast<double>(fminf(part.best / rule.divisor, kMost))};
    token = sample(scores, rule, part.least, part.id, shared);
  }
  if (threadIdx.x == 0) {
    tokens[blockIdx.x] = token;
  }
}

static_assert(kParts == kWarp, "a warp reduces the parts of a row");

}  // namespace

std::int64_t choose_tokens_scratch_bytes(std::int64_t sequences) {
  return tensor::Arena::footprint(sequences * kParts * std::int64_t{sizeof(Part)});
}

namespace cuda {

void choose_tokens(const Context& ctx, const ChooseTokensArgs& args) {
  const std::int64_t sequences = args.logits.shape()[0];
  const auto vocabulary = static_cast<int>(args.logits.shape()[1]);
  const ScratchScope scratch(ctx);
  auto* parts = reinterpret_cast<Part*>(
      scratch.floats(choose_tokens_scratch_bytes(sequences) / std::int64_t{sizeof(float)}));
  const auto rows = static_cast<unsigned>(sequences);
  float* logits = args.logits.data<float>();
  scan_kernel<<<dim3(kParts, rows), kPartThreads, 0, ctx.cuda->stream()>>>(
      logits, args.rules.data(), vocabulary, parts);
  check_launch("choose_tokens");
  choose_kernel<<<rows, kThreads, sizeof(Shared), ctx.cuda->stream()>>>(
      logits, args.rules.data(), vocabulary, parts, args.tokens.data());
  check_launch("choose_tokens");
}

}  // namespace cuda

}  // namespace minimax::ops
