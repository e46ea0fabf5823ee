// SPDX-License-Identifier: Apache-2.0
// softmax_attention for the CPU: tiles of query rows over tiles of keys, with the softmax taken
// along the way. README.md derives the running sums.
#include <type_traits>

#include "ops/bounds.h"
#include "ops/lanes.h"
#include "ops/softmax_attention/softmax_attention_kernels.h"
#include "ops/tiles.h"
#include "tensor/float16.h"

namespace minimax::ops::kernels {
namespace {

using tensor::BFloat16;

// Stands for "no key yet": the lowest finite value, so that its difference to itself is 0.
constexpr float kNoScore = -0x1.fffffep127f;
constexpr float kMasked = -__builtin_inff();

// Up to this many query rows, keys and values are used where they are; more share a copy.
constexpr std::int64_t kFewRows = 16;

float exp_of(float x) { return cpu::reduce_max(cpu::exp(cpu::broadcast(x))); }

// Keys or values of a tile, each of whole vectors. `next` are those of the tile after it where
// that is known: they are fetched while this tile is computed, since the cache of a long context
// comes from memory.
template <class T>
struct Rows {
  const T* data;
  std::int64_t stride;
  const T* next;
};

constexpr std::int64_t kLineBytes = 64;

// Fetches the rows [j, j + count) of the next tile.
template <class T>
void fetch_next(const Rows<T>& rows, std::int64_t j, std::int64_t count) {
  if (rows.next == nullptr) {
    return;
  }
  const char* begin = reinterpret_cast<const char*>(rows.next + j * rows.stride);
  const auto bytes = count * rows.stride * static_cast<std::int64_t>(sizeof(T));
  for (std::int64_t at = 0; at < bytes; at += kLineBytes) {
    __builtin_prefetch(begin + at);
  }
}

// The scratch of one part. Rows are padded to kTileRows and to whole vectors with zeros.
struct Work {
  std::int64_t width;  // head_dim rounded up to vectors
  float* q;            // [kSoftmaxRows, width], scaled
  float* sums;         // [kSoftmaxRows, width]: sum of exp(score - largest) v
  float* tile;         // [kSoftmaxKeys, width]: keys or values as float32
  float* columns;      // [width, kSoftmaxKeys]: the keys as columns
  float* scores;       // [kSoftmaxRows, kSoftmaxKeys]
  float* largest;      // [kSoftmaxRows]
  float* total;        // [kSoftmaxRows]: sum of exp(score - largest)
  float* shrink;       // [kSoftmaxRows]: what the last tile of keys multiplied the sums with
};

Work work_in(float* scratch, std::int64_t head_dim) {
  Work work = {};
  work.width = rounded_up(head_dim, Vec::kLanes);
  work.q = scratch;
  work.sums = work.q + kSoftmaxRows * work.width;
  work.tile = work.sums + kSoftmaxRows * work.width;
  work.columns = work.tile + kSoftmaxKeys * work.width;
  work.scores = work.columns + kSoftmaxKeys * work.width;
  work.largest = work.scores + kSoftmaxRows * kSoftmaxKeys;
  work.total = work.largest + kSoftmaxRows;
  work.shrink = work.total + kSoftmaxRows;
  return work;
}

std::int64_t group_of(const SoftmaxSequence& sequence) {
  return sequence.heads / sequence.cache.kv_heads;
}

// The elements that row `row` of a key/value head starts at in q and out.
std::int64_t query_offset(const SoftmaxSequence& sequence, std::int64_t kv_head, std::int64_t row) {
  const std::int64_t group = group_of(sequence);
  const std::int64_t head = kv_head * group + row % group;
  return (row / group * sequence.heads + head) * sequence.cache.head_dim;
}

void start(const SoftmaxPart& part, const Work& work) {
  const std::int64_t dim = part.sequence->cache.head_dim;
  const Vec scale =
      cpu::broadcast(static_cast<float>(1.0 / __builtin_sqrt(static_cast<double>(dim))));
  for (std::int64_t r = 0; r < rounded_up(part.rows, kTileRows); ++r) {
    work.largest[r] = kNoScore;
    work.total[r] = 0.0f;
    const std::int64_t row = part.first_row + smaller(r, part.rows - 1);
    const float* q = part.sequence->q + query_offset(*part.sequence, part.kv_head, row);
    for_each_vec(0, dim, [&](std::int64_t i, auto lanes) {
      cpu::store(work.q + r * work.width + i, load(q + i, lanes) * scale);
      cpu::store(work.sums + r * work.width + i, cpu::zero());
    });
  }
}

// ---- keys and values -----------------------------------------------------------------------

struct KeyTile {
  std::int64_t first;
  std::int64_t keys;
};

// Which rows are widened: of a type, or quantized.
struct Quantized {};

// GCC turns these loops into vectors.
void decode_row(const KvRow& row, std::int64_t head_dim, float* to) {
  const auto* codes = reinterpret_cast<const std::uint8_t*>(row.codes);
  if (row.dtype == tensor::DType::kF8E4M3) {
    float scale = 0.0f;
    __builtin_memcpy(&scale, row.scales, sizeof(scale));
    for (std::int64_t i = 0; i < head_dim; ++i) {
      to[i] = from_e4m3(codes[i]) * scale;
    }
    return;
  }
  for (std::int64_t begin = 0; begin < head_dim; begin += kInt4Group) {
    BFloat16 bits = {};
    __builtin_memcpy(&bits, row.scales + begin / kInt4Group * 2, sizeof(bits));
    const float scale = tensor::to_float(bits);
    for (std::int64_t i = begin; i < smaller(begin + kInt4Group, head_dim); ++i) {
      to[i] = static_cast<float>((codes[i / 2] >> (i % 2 * 4) & 15) - 8) * scale;
    }
  }
}

template <class T>
void widen_row(const KvPages& cache, std::int64_t slot, std::int64_t token, float* to) {
  if constexpr (std::is_same_v<T, Quantized>) {
    decode_row(quantized_row(cache, slot, token), cache.head_dim, to);
    for (std::int64_t i = cache.head_dim; i % Vec::kLanes != 0; ++i) {
      to[i] = 0.0f;
    }
  } else {
    const std::byte* page = page_of(cache, token);
    const T* from = reinterpret_cast<const T*>(page) + key_offset(cache, slot, token);
    for_each_vec(0, cache.head_dim,
                 [&](std::int64_t i, auto lanes) { cpu::store(to + i, load(from + i, lanes)); });
  }
}

// Copies the keys (slot = kv_head) or values (slot = kv_heads + kv_head) of a tile.
template <class T>
Rows<float> widened(const KvPages& cache, const KeyTile& tile, std::int64_t slot,
                    const Work& work) {
  for (std::int64_t j = 0; j < tile.keys; ++j) {
    widen_row<T>(cache, slot, tile.first + j, work.tile + j * work.width);
  }
  for (std::int64_t i = tile.keys * work.width; i < rounded_up(tile.keys, Vec::kLanes) * work.width;
       i += Vec::kLanes) {
    cpu::store(work.tile + i, cpu::zero());
  }
  return {work.tile, work.width, nullptr};
}

// Whether the tile lies in one page, and is a full one.
bool is_whole(const KvPages& cache, const KeyTile& tile) {
  return tile.keys == kSoftmaxKeys &&
         tile.first % cache.page_tokens + tile.keys <= cache.page_tokens;
}

// The rows of a whole tile where they are.
template <class T>
Rows<T> rows_in_page(const SoftmaxPart& part, const KeyTile& tile, std::int64_t slot) {
  const KvPages& cache = part.sequence->cache;
  const KeyTile next = {tile.first + kSoftmaxKeys, kSoftmaxKeys};
  const bool has_next = next.first + kSoftmaxKeys <= part.end_key && is_whole(cache, next);
  const auto at = [&](const KeyTile& wanted) {
    const std::byte* page = page_of(cache, wanted.first);
    return reinterpret_cast<const T*>(page) + key_offset(cache, slot, wanted.first);
  };
  return {at(tile), cache.head_dim, has_next ? at(next) : nullptr};
}

// ---- one tile of keys ----------------------------------------------------------------------

template <class T>
void compute_scores(const SoftmaxPart& part, std::int64_t keys, const Rows<T>& k,
                    const Work& work) {
  for (std::int64_t r = 0; r < part.rows; r += kTileRows) {
    for (std::int64_t j = 0; j < keys; j += 4) {
      if (r == 0) {
        fetch_next(k, j, 4);
      }
      dot_rows<T>({.a = work.q + r * work.width,
                   .a_stride = work.width,
                   .b = k.data + j * k.stride,
                   .b_stride = k.stride,
                   .width = work.width},
                  [&](int row, __m128 products) {
                    _mm_storeu_ps(work.scores + (r + row) * kSoftmaxKeys + j, products);
                  });
    }
  }
}

// The same for many rows, for which it pays to turn the keys into columns: no sum is left to take
// across the lanes of a vector.
void compute_many_scores(const SoftmaxPart& part, std::int64_t keys, const Rows<float>& k,
                         const Work& work) {
  const std::int64_t columns = rounded_up(keys, Vec::kLanes);
  transpose(k.data, k.stride, columns, work.width, work.columns, kSoftmaxKeys);
  for_each_panel(columns, [&]<int kVecs>(std::int64_t column) {
    for (std::int64_t r = 0; r < part.rows; r += kTileRows) {
      Tile<kVecs> tile = {};
      accumulate(tile, {work.q + r * work.width, work.width, 1}, work.columns + column,
                 kSoftmaxKeys, part.sequence->cache.head_dim);
      store_tile(tile, work.scores + r * kSoftmaxKeys + column, kSoftmaxKeys);
    }
  });
}

// Masks the keys of a row that its query does not see, and the columns past the tile.
void mask_row(const SoftmaxPart& part, const KeyTile& tile, std::int64_t row, float* scores) {
  const SoftmaxSequence& sequence = *part.sequence;
  const std::int64_t position = sequence.begin + row / group_of(sequence);
  const std::int64_t end = smaller(position + 1 - tile.first, tile.keys);
  const std::int64_t window = sequence.sliding_window;
  const std::int64_t begin = window > 0 ? position + 1 - window - tile.first : 0;
  for (std::int64_t j = 0; j < smaller(begin, tile.keys); ++j) {
    scores[j] = kMasked;
  }
  for (std::int64_t j = larger(end, 0); j < rounded_up(tile.keys, Vec::kLanes); ++j) {
    scores[j] = kMasked;
  }
}

// Turns the scores of a row into exp(score - largest) with the largest score so far.
void weigh_row(std::int64_t row, std::int64_t columns, const Work& work) {
  float* scores = work.scores + row * kSoftmaxKeys;
  Vec tile_largest = cpu::load(scores);
  for (std::int64_t j = Vec::kLanes; j < columns; j += Vec::kLanes) {
    tile_largest = cpu::max(tile_largest, cpu::load(scores + j));
  }
  const float before = work.largest[row];
  const float in_tile = cpu::reduce_max(tile_largest);
  const float largest = in_tile > before ? in_tile : before;
  const float shrink = largest == before ? 1.0f : exp_of(before - largest);
  Vec total = cpu::zero();
  for (std::int64_t j = 0; j < columns; j += Vec::kLanes) {
    const Vec weight = cpu::exp(cpu::load(scores + j) - cpu::broadcast(largest));
    cpu::store(scores + j, weight);
    total = total + weight;
  }
  work.largest[row] = largest;
  work.total[row] = work.total[row] * shrink + cpu::reduce_add(total);
  work.shrink[row] = shrink;
}

template <int kVecs>
Tile<kVecs> shrunk_sums(const Work& work, std::int64_t row, const float* sums) {
  Tile<kVecs> tile;
  for (int i = 0; i < kTileRows; ++i) {
    const Vec shrink = cpu::broadcast(work.shrink[row + i]);
    for (int c = 0; c < kVecs; ++c) {
      tile.row[i].at[c] = cpu::load(sums + i * work.width + c * Vec::kLanes) * shrink;
    }
  }
  return tile;
}

// sums = shrink * sums + weights * v.
template <class T>
void add_values(const SoftmaxPart& part, std::int64_t keys, const Rows<T>& v, const Work& work) {
  constexpr std::int64_t kStep = 8;  // keys between two fetches
  for_each_panel(work.width, [&]<int kVecs>(std::int64_t column) {
    for (std::int64_t r = 0; r < part.rows; r += kTileRows) {
      float* sums = work.sums + r * work.width + column;
      Tile<kVecs> tile = shrunk_sums<kVecs>(work, r, sums);
      for (std::int64_t j = 0; j < keys; j += kStep) {
        if (r == 0 && column == 0) {
          fetch_next(v, j, kStep);
        }
        accumulate(tile, {work.scores + r * kSoftmaxKeys + j, kSoftmaxKeys, 1},
                   v.data + j * v.stride + column, v.stride, smaller(kStep, keys - j));
      }
      store_tile(tile, sums, work.width);
    }
  });
}

void weigh(const SoftmaxPart& part, const KeyTile& tile, const Work& work) {
  const std::int64_t columns = rounded_up(tile.keys, Vec::kLanes);
  for (std::int64_t r = 0; r < rounded_up(part.rows, kTileRows); ++r) {
    const std::int64_t row = part.first_row + smaller(r, part.rows - 1);
    mask_row(part, tile, row, work.scores + r * kSoftmaxKeys);
    weigh_row(r, columns, work);
  }
}

// The keys and values of a whole tile are used where they are.
template <class T>
void attend_in_page(const SoftmaxPart& part, const KeyTile& tile, const Work& work) {
  const std::int64_t value_slot = part.sequence->cache.kv_heads + part.kv_head;
  compute_scores(part, tile.keys, rows_in_page<T>(part, tile, part.kv_head), work);
  weigh(part, tile, work);
  add_values(part, tile.keys, rows_in_page<T>(part, tile, value_slot), work);
}

template <class T>
void attend_widened(const SoftmaxPart& part, const KeyTile& tile, const Work& work) {
  const KvPages& cache = part.sequence->cache;
  const Rows<float> keys = widened<T>(cache, tile, part.kv_head, work);
  if (part.rows > kFewRows) {
    compute_many_scores(part, tile.keys, keys, work);
  } else {
    compute_scores(part, tile.keys, keys, work);
  }
  weigh(part, tile, work);
  add_values(part, tile.keys, widened<T>(cache, tile, cache.kv_heads + part.kv_head, work), work);
}

template <class T>
void attend_tile(const SoftmaxPart& part, const KeyTile& tile, const Work& work) {
  const KvPages& cache = part.sequence->cache;
  if (part.rows <= kFewRows && cache.head_dim == work.width && is_whole(cache, tile)) {
    attend_in_page<T>(part, tile, work);
  } else {
    attend_widened<T>(part, tile, work);
  }
}

// ---- results -------------------------------------------------------------------------------

void write_result(const SoftmaxPart& part, const Work& work) {
  const std::int64_t dim = part.sequence->cache.head_dim;
  for (std::int64_t r = 0; r < part.rows; ++r) {
    const float* sums = work.sums + r * work.width;
    const std::int64_t row = part.first_row + r;
    float* out = part.sequence->out + query_offset(*part.sequence, part.kv_head, row);
    const Vec total = cpu::broadcast(work.total[r]);
    for_each_vec(0, dim, [&](std::int64_t i, auto lanes) {
      store(out + i, cpu::load(sums + i) / total, lanes);
    });
  }
}

void write_partial(const SoftmaxPart& part, const Work& work) {
  const std::int64_t stride = kPartialHeader + rounded_up(part.sequence->cache.head_dim, 16);
  for (std::int64_t r = 0; r < part.rows; ++r) {
    float* partial = part.partial + r * stride;
    partial[0] = work.largest[r];
    partial[1] = work.total[r];
    for (std::int64_t i = 0; i < work.width; i += Vec::kLanes) {
      cpu::store(partial + kPartialHeader + i, cpu::load(work.sums + r * work.width + i));
    }
  }
}

// The partial rows of one row of the output.
struct PartialRows {
  float* first;
  std::int64_t stride;
  std::int64_t count;
};

// Writes exp(largest of the part - largest of all) as the third element of each; returns the sum
// of the totals with these weights.
float weigh_partials(const PartialRows& parts) {
  float largest = kNoScore;
  for (std::int64_t s = 0; s < parts.count; ++s) {
    const float here = parts.first[s * parts.stride];
    largest = here > largest ? here : largest;
  }
  float total = 0.0f;
  for (std::int64_t s = 0; s < parts.count; ++s) {
    float* part = parts.first + s * parts.stride;
    part[2] = exp_of(part[0] - largest);
    total += part[2] * part[1];
  }
  return total;
}

template <class T>
void append_rows(const KvAppend& args, std::int64_t begin, std::int64_t end) {
  const KvPages& cache = args.cache;
  for (std::int64_t t = begin; t < end; ++t) {
    const std::int64_t token = args.begin + t;
    T* page = reinterpret_cast<T*>(page_of(cache, token));
    for (std::int64_t head = 0; head < cache.kv_heads; ++head) {
      const std::int64_t row = (t * cache.kv_heads + head) * cache.head_dim;
      T* keys = page + key_offset(cache, head, token);
      T* values = page + value_offset(cache, head, token);
      for_each_vec(0, cache.head_dim, [&](std::int64_t i, auto lanes) {
        store(keys + i, load(args.k + row + i, lanes), lanes);
        store(values + i, load(args.v + row + i, lanes), lanes);
      });
    }
  }
}

void encode_rows(const KvAppend& args, std::int64_t begin, std::int64_t end) {
  const KvPages& cache = args.cache;
  for (std::int64_t t = begin; t < end; ++t) {
    for (std::int64_t head = 0; head < cache.kv_heads; ++head) {
      const std::int64_t row = (t * cache.kv_heads + head) * cache.head_dim;
      const std::int64_t token = args.begin + t;
      encode_row(quantized_row(cache, head, token), args.k + row, cache.head_dim);
      encode_row(quantized_row(cache, cache.kv_heads + head, token), args.v + row, cache.head_dim);
    }
  }
}

}  // namespace

template <cpu::Isa>
void kv_cache_append(const KvAppend& args, std::int64_t begin, std::int64_t end) {
  if (is_quantized(args.cache.dtype)) {
    encode_rows(args, begin, end);
  } else if (args.cache.dtype == tensor::DType::kBF16) {
    append_rows<BFloat16>(args, begin, end);
  } else {
    append_rows<float>(args, begin, end);
  }
}

template <cpu::Isa>
void softmax_part(const SoftmaxPart& part, float* scratch) {
  const Work work = work_in(scratch, part.sequence->cache.head_dim);
  start(part, work);
  std::int64_t key = part.first_key;
  while (key < part.end_key) {
    // Tiles end at multiples of their size, so that they lie within the usual pages.
    const std::int64_t end = smaller((key / kSoftmaxKeys + 1) * kSoftmaxKeys, part.end_key);
    if (is_quantized(part.sequence->cache.dtype)) {
      attend_widened<Quantized>(part, {key, end - key}, work);
    } else if (part.sequence->cache.dtype == tensor::DType::kBF16) {
      attend_tile<BFloat16>(part, {key, end - key}, work);
    } else {
      attend_tile<float>(part, {key, end - key}, work);
    }
    key = end;
  }
  if (part.partial != nullptr) {
    write_partial(part, work);
  } else {
    write_result(part, work);
  }
}

template <cpu::Isa>
void softmax_merge(const SoftmaxMerge& merge, std::int64_t begin, std::int64_t end) {
  const SoftmaxSequence& sequence = *merge.sequence;
  const std::int64_t dim = sequence.cache.head_dim;
  const std::int64_t rows = sequence.tokens * group_of(sequence);
  const std::int64_t row_stride = kPartialHeader + rounded_up(dim, 16);
  for (std::int64_t index = begin; index < end; ++index) {
    const std::int64_t kv_head = index / rows;
    const std::int64_t row = index % rows;
    const PartialRows parts = {
        .first = merge.partial + (kv_head * merge.splits * rows + row) * row_stride,
        .stride = rows * row_stride,
        .count = merge.splits};
    const float total = weigh_partials(parts);
    float* out = sequence.out + query_offset(sequence, kv_head, row);
    for_each_vec(0, dim, [&](std::int64_t i, auto lanes) {
      Vec sum = cpu::zero();
      for (std::int64_t s = 0; s < parts.count; ++s) {
        const float* part = parts.first + s * parts.stride;
        sum = cpu::fma(cpu::broadcast(part[2]), cpu::load(part + kPartialHeader + i), sum);
      }
      store(out + i, sum / cpu::broadcast(total), lanes);
    });
  }
}

template void kv_cache_append<cpu::kTargetIsa>(const KvAppend&, std::int64_t, std::int64_t);
template void softmax_part<cpu::kTargetIsa>(const SoftmaxPart&, float*);
template void softmax_merge<cpu::kTargetIsa>(const SoftmaxMerge&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
