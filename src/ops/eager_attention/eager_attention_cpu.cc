// SPDX-License-Identifier: Apache-2.0
// eager_attention for the CPU: one query row at a time. It is there for its weights; where they are
// not wanted, softmax_attention is faster.
#include "ops/eager_attention/eager_attention_kernels.h"
#include "ops/lanes.h"
#include "tensor/float16.h"

namespace minimax::ops::kernels {
namespace {

using tensor::BFloat16;

// Calls body(rows, token, count) for the keys (slot = kv_head) or values (slot = kv_heads +
// kv_head) of the tokens that a row sees, page by page; the rows of a page follow each other.
template <class T, class Body>
void for_each_page(const KvPages& cache, std::int64_t slot, const EagerRow& row, const Body& body) {
  std::int64_t token = row.first;
  while (token < row.end) {
    const std::int64_t page_end = (token / cache.page_tokens + 1) * cache.page_tokens;
    const std::int64_t end = page_end < row.end ? page_end : row.end;
    body(reinterpret_cast<const T*>(page_of(cache, token)) + key_offset(cache, slot, token), token,
         end - token);
    token = end;
  }
}

template <class T>
float product(const float* a, const T* b, std::int64_t count) {
  Vec sum = cpu::zero();
  for_each_vec(0, count, [&](std::int64_t i, auto lanes) {
    sum = cpu::fma(load(a + i, lanes), load(b + i, lanes), sum);
  });
  return cpu::reduce_add(sum);
}

void fill_zero(float* begin, std::int64_t count) {
  for_each_vec(0, count, [&](std::int64_t i, auto lanes) { store(begin + i, cpu::zero(), lanes); });
}

template <class T>
void compute_scores(const KvPages& cache, std::int64_t kv_head, const EagerRow& row) {
  const auto scale = static_cast<float>(1.0 / __builtin_sqrt(static_cast<double>(cache.head_dim)));
  for_each_page<T>(cache, kv_head, row, [&](const T* keys, std::int64_t token, std::int64_t count) {
    for (std::int64_t j = 0; j < count; ++j) {
      row.weights[token + j] = scale * product(row.q, keys + j * cache.head_dim, cache.head_dim);
    }
  });
}

// The scores become their softmax. Lanes past the last vector are left out of the sum.
void normalize(const EagerRow& row) {
  float largest = row.weights[row.first];
  for (std::int64_t key = row.first; key < row.end; ++key) {
    largest = row.weights[key] > largest ? row.weights[key] : largest;
  }
  for_each_vec(row.first, row.end, [&](std::int64_t i, auto lanes) {
    store(row.weights + i, cpu::exp(load(row.weights + i, lanes) - cpu::broadcast(largest)), lanes);
  });
  Vec sum = cpu::zero();
  for_each_vec(row.first, row.end,
               [&](std::int64_t i, auto lanes) { sum = sum + load(row.weights + i, lanes); });
  const Vec total = cpu::broadcast(cpu::reduce_add(sum));
  for_each_vec(row.first, row.end, [&](std::int64_t i, auto lanes) {
    store(row.weights + i, load(row.weights + i, lanes) / total, lanes);
  });
}

template <class T>
void add_values(const KvPages& cache, std::int64_t kv_head, const EagerRow& row) {
  fill_zero(row.out, cache.head_dim);
  for_each_page<T>(cache, cache.kv_heads + kv_head, row,
                   [&](const T* values, std::int64_t token, std::int64_t count) {
                     for (std::int64_t j = 0; j < count; ++j) {
                       const Vec weight = cpu::broadcast(row.weights[token + j]);
                       const T* value = values + j * cache.head_dim;
                       for_each_vec(0, cache.head_dim, [&](std::int64_t i, auto lanes) {
                         const Vec sum = load(row.out + i, lanes);
                         store(row.out + i, cpu::fma(weight, load(value + i, lanes), sum), lanes);
                       });
                     }
                   });
}

template <class T>
void attend(const EagerSequence& args, const EagerRow& row) {
  const KvPages& cache = args.sequence.cache;
  const std::int64_t kv_head = row.head / (args.sequence.heads / cache.kv_heads);
  const std::int64_t length = args.sequence.begin + args.sequence.tokens;
  fill_zero(row.weights, row.first);
  fill_zero(row.weights + row.end, length - row.end);
  compute_scores<T>(cache, kv_head, row);
  normalize(row);
  drop_weights(args.dropout, row);
  add_values<T>(cache, kv_head, row);
}

}  // namespace

template <cpu::Isa>
void eager_attention(const EagerSequence& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t r = begin; r < end; ++r) {
    const EagerRow row = eager_row(args, r);
    if (args.sequence.cache.dtype == tensor::DType::kBF16) {
      attend<BFloat16>(args, row);
    } else {
      attend<float>(args, row);
    }
  }
}

template void eager_attention<cpu::kTargetIsa>(const EagerSequence&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
