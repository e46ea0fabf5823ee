// SPDX-License-Identifier: Apache-2.0
#include "ops/softmax_attention/softmax_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "minimax/error.h"
#include "ops/softmax_attention/kv_format.h"
#include "tests/support/op_testing.h"
#include "tests/support/thrown_by.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using testing::GuardedTensor;
using testing::TestContext;

class SoftmaxAttention : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, SoftmaxAttention, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

// A score is a sum of products with an error of about sqrt(D) roundings of its size (below 8
// here), which is the relative error of its weight; weights and their sum add 2^-22 each.
constexpr double kTolerance = 3e-6;

struct Heads {
  std::int64_t query;
  std::int64_t key_value;
  std::int64_t dim;
};

// The cache of one sequence, in pages between guards.
class Cache {
 public:
  Cache(const Heads& heads, DType dtype, std::int64_t page_tokens, std::int64_t capacity)
      : dtype_(dtype), page_tokens_(page_tokens) {
    for (std::int64_t first = 0; first < capacity; first += page_tokens) {
      if (is_quantized(dtype)) {
        tensors_.emplace_back(
            DType::kU8,
            tensor::Shape{kv_page_bytes(dtype, 2 * heads.key_value * page_tokens, heads.dim)});
      } else {
        tensors_.emplace_back(dtype, tensor::Shape{2, heads.key_value, page_tokens, heads.dim});
      }
      pages_.push_back(tensors_.back()->bytes_begin());
    }
  }

  KvCacheView view(std::int64_t length) const {
    return {.pages = pages_, .page_tokens = page_tokens_, .length = length, .dtype = dtype_};
  }
  // The same without the first pages.
  KvCacheView view_from(std::int64_t first_page, std::int64_t length) const {
    KvCacheView cut = view(length);
    cut.pages = cut.pages.subspan(static_cast<std::size_t>(first_page));
    cut.first_page = first_page;
    return cut;
  }

 private:
  DType dtype_;
  std::int64_t page_tokens_;
  std::vector<GuardedTensor> tensors_;
  std::vector<std::byte*> pages_;
};

// Queries, keys and values of one sequence.
struct Sequence {
  Sequence(const Heads& h, std::int64_t tokens, std::uint64_t seed = 1)
      : heads(h),
        length(tokens),
        q(testing::random_tensor({tokens, h.query, h.dim}, 3 * seed)),
        k(testing::random_tensor({tokens, h.key_value, h.dim}, 3 * seed + 1)),
        v(testing::random_tensor({tokens, h.key_value, h.dim}, 3 * seed + 2)) {}

  Heads heads;
  std::int64_t length;
  GuardedTensor q;
  GuardedTensor k;
  GuardedTensor v;
};

void append(const Context& ctx, const Sequence& s, const Cache& cache, std::int64_t begin,
            std::int64_t end) {
  const std::vector<std::int64_t> cu_seqlens = {0, end - begin};
  const std::vector<KvCacheView> caches = {cache.view(end)};
  kv_cache_append(ctx, {.k = s.k->rows(begin, end),
                        .v = s.v->rows(begin, end),
                        .cu_seqlens = cu_seqlens,
                        .caches = caches});
}

// Appends the tokens [begin, end) to the cache and attends with their queries.
std::vector<float> run_chunk(const Context& ctx, const Sequence& s, const Cache& cache,
                             std::int64_t begin, std::int64_t end, std::int64_t window = 0) {
  const std::vector<std::int64_t> cu_seqlens = {0, end - begin};
  const std::vector<KvCacheView> caches = {cache.view(end)};
  append(ctx, s, cache, begin, end);
  const GuardedTensor out(DType::kF32, {end - begin, s.heads.query, s.heads.dim});
  softmax_attention(ctx, {.q = s.q->rows(begin, end),
                          .num_key_value_heads = s.heads.key_value,
                          .cu_seqlens = cu_seqlens,
                          .caches = caches,
                          .sliding_window = window,
                          .out = *out});
  return out.to_vector();
}

TestContext context_for(const testing::Target& target, const Heads& heads, int threads = 2) {
  return TestContext(target, threads, softmax_attention_scratch_bytes(threads, heads.dim));
}

std::vector<float> run_chunks(const Context& ctx, const Sequence& s, const Cache& cache,
                              const std::vector<std::int64_t>& chunks, std::int64_t window = 0) {
  std::vector<float> out;
  std::int64_t begin = 0;
  for (const std::int64_t tokens : chunks) {
    const std::vector<float> part = run_chunk(ctx, s, cache, begin, begin + tokens, window);
    out.insert(out.end(), part.begin(), part.end());
    begin += tokens;
  }
  return out;
}

// A number of a quantized row.
double decoded(const KvRow& row, std::int64_t i) {
  if (row.dtype == DType::kF8E4M3) {
    const double scale = *reinterpret_cast<const float*>(row.scales);
    const int code = std::to_integer<int>(row.codes[i]);
    const int exponent = std::max(1, code / 8 % 16);
    const double mantissa = code % 8 / 8.0 + (code / 8 % 16 > 0 ? 1.0 : 0.0);
    return (code >= 128 ? -scale : scale) * std::ldexp(mantissa, exponent - 7);
  }
  const auto* scales = reinterpret_cast<const tensor::BFloat16*>(row.scales);
  const int code = std::to_integer<int>(row.codes[i / 2] >> (i % 2 * 4)) % 16;
  return (code - 8) * static_cast<double>(tensor::to_float(scales[i / kInt4Group]));
}

// Equation 1 of Vaswani et al. in float64, row by row; keys and values rounded to `dtype`.
class Direct {
 public:
  Direct(const Sequence& s, DType dtype, std::int64_t window) : s_(s), window_(window) {
    k_ = rounded(s.k, dtype);
    v_ = rounded(s.v, dtype);
  }

  std::vector<double> rows(std::int64_t begin) const {
    std::vector<double> out;
    for (std::int64_t t = begin; t < s_.length; ++t) {
      for (std::int64_t h = 0; h < s_.heads.query; ++h) {
        const std::vector<double> row = attend(t, h);
        out.insert(out.end(), row.begin(), row.end());
      }
    }
    return out;
  }

 private:
  static std::vector<double> rounded(const GuardedTensor& x, DType dtype) {
    std::vector<double> values(x.floats(), x.floats() + x->elements());
    if (dtype == DType::kBF16) {
      std::transform(x.floats(), x.floats() + x->elements(), values.begin(),
                     [](float value) { return tensor::to_float(tensor::to_bfloat16(value)); });
    }
    const std::int64_t dim = x->shape()[2];
    for (std::int64_t i = 0; is_quantized(dtype) && i < x->elements(); i += dim) {
      quantize_row(dtype, x.floats() + i, dim, &values[static_cast<std::size_t>(i)]);
    }
    return values;
  }

  static void quantize_row(DType dtype, const float* from, std::int64_t dim, double* to) {
    std::vector<std::byte> page(static_cast<std::size_t>(kv_page_bytes(dtype, 1, dim)));
    const KvRow row = kv_row(dtype, page.data(), 1, 0, dim);
    encode_row(row, from, dim);
    for (std::int64_t i = 0; i < dim; ++i) {
      to[i] = decoded(row, i);
    }
  }

  const double* row(const std::vector<double>& x, std::int64_t t, std::int64_t h) const {
    const std::int64_t kv_head = h / (s_.heads.query / s_.heads.key_value);
    return &x[static_cast<std::size_t>((t * s_.heads.key_value + kv_head) * s_.heads.dim)];
  }

  std::vector<double> attend(std::int64_t t, std::int64_t h) const {
    const std::int64_t dim = s_.heads.dim;
    const float* q = s_.q.floats() + (t * s_.heads.query + h) * dim;
    const std::int64_t first = window_ > 0 ? std::max<std::int64_t>(0, t + 1 - window_) : 0;
    std::vector<double> weights;
    for (std::int64_t s = first; s <= t; ++s) {
      weights.push_back(std::inner_product(q, q + dim, row(k_, s, h), 0.0) /
                        std::sqrt(static_cast<double>(dim)));
    }
    const double largest = *std::max_element(weights.begin(), weights.end());
    std::transform(weights.begin(), weights.end(), weights.begin(),
                   [&](double score) { return std::exp(score - largest); });
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<double> out(static_cast<std::size_t>(dim), 0.0);
    for (std::int64_t s = first; s <= t; ++s) {
      for (std::int64_t i = 0; i < dim; ++i) {
        out[static_cast<std::size_t>(i)] +=
            weights[static_cast<std::size_t>(s - first)] / total * row(v_, s, h)[i];
      }
    }
    return out;
  }

  const Sequence& s_;
  std::int64_t window_;
  std::vector<double> k_;
  std::vector<double> v_;
};

TEST_P(SoftmaxAttention, MatchesFloat64AtAnyLengthAndPageSize) {
  const Heads heads{6, 2, 24};
  const TestContext ctx = context_for(GetParam(), heads);
  for (const std::int64_t length : {1, 2, 5, 63, 64, 65, 150}) {
    const Sequence s(heads, length);
    const std::vector<double> expected = Direct(s, DType::kF32, 0).rows(0);
    for (const std::int64_t page_tokens : {1, 7, 64, 256}) {
      const Cache cache(heads, DType::kF32, page_tokens, length);
      EXPECT_LE(testing::relative_error(run_chunk(*ctx, s, cache, 0, length), expected), kTolerance)
          << length << " " << page_tokens;
    }
  }
}

TEST_P(SoftmaxAttention, MatchesFloat64AtAnyHeadDimension) {
  for (const std::int64_t dim : {1, 2, 7, 16, 31, 33, 64, 100, 128, 256}) {
    const Heads heads{2, 1, dim};
    const Sequence s(heads, 70);
    const Cache cache(heads, DType::kF32, 64, 70);
    EXPECT_LE(testing::relative_error(run_chunk(*context_for(GetParam(), heads), s, cache, 0, 70),
                                      Direct(s, DType::kF32, 0).rows(0)),
              kTolerance)
        << dim;
  }
}

TEST_P(SoftmaxAttention, ServesAnyGroupingOfHeads) {
  for (const Heads& heads : {Heads{1, 1, 16}, Heads{5, 5, 16}, Heads{9, 3, 16}, Heads{70, 1, 16}}) {
    const Sequence s(heads, 40);
    const Cache cache(heads, DType::kF32, 16, 40);
    EXPECT_LE(testing::relative_error(run_chunk(*context_for(GetParam(), heads), s, cache, 0, 40),
                                      Direct(s, DType::kF32, 0).rows(0)),
              kTolerance)
        << heads.query;
  }
}

TEST_P(SoftmaxAttention, ReadsABFloat16Cache) {
  for (const std::int64_t dim : {31, 32}) {
    const Heads heads{4, 2, dim};
    const Sequence s(heads, 130);
    const Cache cache(heads, DType::kBF16, 64, 130);
    EXPECT_LE(testing::relative_error(run_chunk(*context_for(GetParam(), heads), s, cache, 0, 130),
                                      Direct(s, DType::kBF16, 0).rows(0)),
              kTolerance);
  }
}

TEST_P(SoftmaxAttention, ReadsQuantizedCaches) {
  for (const DType dtype : {DType::kF8E4M3, DType::kU8}) {
    for (const std::int64_t dim : {31, 32, 128}) {
      for (const std::int64_t page_tokens : {7, 64}) {
        const Heads heads{4, 2, dim};
        const Sequence s(heads, 130);
        const Cache cache(heads, dtype, page_tokens, 130);
        const TestContext ctx = context_for(GetParam(), heads);
        EXPECT_LE(testing::relative_error(run_chunks(*ctx, s, cache, {100, 1, 29}),
                                          Direct(s, dtype, 0).rows(0)),
                  kTolerance)
            << tensor::dtype_name(dtype) << " " << dim << " " << page_tokens;
      }
    }
  }
}

TEST_P(SoftmaxAttention, SeesOnlyTheSlidingWindow) {
  const Heads heads{4, 2, 16};
  const TestContext ctx = context_for(GetParam(), heads);
  const Sequence s(heads, 200);
  for (const std::int64_t window : {1, 3, 64, 100, 500}) {
    const Cache cache(heads, DType::kF32, 64, 200);
    EXPECT_LE(testing::relative_error(run_chunks(*ctx, s, cache, {150, 1, 49}, window),
                                      Direct(s, DType::kF32, window).rows(0)),
              kTolerance)
        << window;
  }
}

TEST_P(SoftmaxAttention, NeedsNoPagesBeforeTheSlidingWindow) {
  const Heads heads{4, 2, 16};
  const TestContext ctx = context_for(GetParam(), heads);
  const std::int64_t window = 100;
  const Sequence s(heads, 400);
  for (const std::int64_t page_tokens : {7, 64}) {
    for (const std::int64_t tokens : {1, 30}) {
      const Cache cache(heads, DType::kF32, page_tokens, 400);
      const std::int64_t begin = 400 - tokens;
      append(*ctx, s, cache, 0, begin);
      const std::vector<float> expected = run_chunk(*ctx, s, cache, begin, 400, window);
      const std::vector<std::int64_t> cu_seqlens = {0, tokens};
      const std::vector<KvCacheView> caches = {
          cache.view_from((begin + 1 - window) / page_tokens, 400)};
      kv_cache_append(*ctx, {.k = s.k->rows(begin, 400),
                             .v = s.v->rows(begin, 400),
                             .cu_seqlens = cu_seqlens,
                             .caches = caches});
      const GuardedTensor out(DType::kF32, {tokens, heads.query, heads.dim});
      softmax_attention(*ctx, {.q = s.q->rows(begin, 400),
                               .num_key_value_heads = heads.key_value,
                               .cu_seqlens = cu_seqlens,
                               .caches = caches,
                               .sliding_window = window,
                               .out = *out});
      EXPECT_EQ(out.to_vector(), expected) << page_tokens << " " << tokens;
    }
  }
}

TEST_P(SoftmaxAttention, GivesTheSameForAnySplitIntoChunks) {
  const Heads heads{4, 2, 40};
  const TestContext ctx = context_for(GetParam(), heads);
  const Sequence s(heads, 200);
  const Cache whole(heads, DType::kF32, 64, 200);
  const std::vector<float> expected = run_chunk(*ctx, s, whole, 0, 200);
  const std::vector<std::vector<std::int64_t>> splits = {
      {1, 199}, {199, 1}, {64, 64, 72}, {100, 3, 97}, std::vector<std::int64_t>(200, 1)};
  for (const std::vector<std::int64_t>& split : splits) {
    const Cache cache(heads, DType::kF32, 64, 200);
    EXPECT_LE(testing::relative_error(run_chunks(*ctx, s, cache, split), expected), kTolerance);
  }
}

TEST_P(SoftmaxAttention, CutsALongContextAlongTheKeys) {
  // Long enough that a decoded token and a short chunk are cut into several ranges of keys, not
  // all of which the first queries of the chunk see.
  const Heads heads{4, 2, 16};
  const std::int64_t length = 5003;
  const TestContext ctx = context_for(GetParam(), heads);
  const Sequence s(heads, length);
  for (const std::int64_t tokens : {1, 30}) {
    for (const std::int64_t window : {0, 1300}) {
      const Cache cache(heads, DType::kF32, 64, length);
      append(*ctx, s, cache, 0, length - tokens);
      const std::vector<float> out = run_chunk(*ctx, s, cache, length - tokens, length, window);
      EXPECT_LE(testing::relative_error(out, Direct(s, DType::kF32, window).rows(length - tokens)),
                kTolerance)
          << tokens << " " << window;
    }
  }
}

TEST_P(SoftmaxAttention, IsDominatedByALargeScoreWithoutOverflow) {
  const Heads heads{1, 1, 4};
  const Sequence s(heads, 3);
  std::fill_n(s.q.floats(), 12, 1e15f);
  const std::vector<float> keys = {-1e15f, -1e15f, -1e15f, -1e15f, 1e15f, 1e15f,
                                   1e15f,  1e15f,  0.0f,   0.0f,   0.0f,  0.0f};
  std::copy(keys.begin(), keys.end(), s.k.floats());
  const Cache cache(heads, DType::kF32, 64, 3);
  const std::vector<float> out = run_chunk(*context_for(GetParam(), heads), s, cache, 0, 3);
  const std::vector<float> v = s.v.to_vector();
  EXPECT_EQ(std::vector<float>(out.begin(), out.begin() + 4),
            std::vector<float>(v.begin(), v.begin() + 4));
  EXPECT_EQ(std::vector<float>(out.begin() + 8, out.end()),
            std::vector<float>(v.begin() + 4, v.begin() + 8));
}

// Three sequences of different lengths and numbers of new tokens in one call.
struct Batch {
  explicit Batch(const Heads& heads) {
    const std::vector<std::int64_t> lengths = {90, 700, 1400};
    for (std::size_t b = 0; b < lengths.size(); ++b) {
      sequences.emplace_back(heads, lengths[b], b + 1);
      caches.emplace_back(heads, DType::kF32, 64, lengths[b]);
    }
  }
  std::vector<std::int64_t> new_tokens = {90, 1, 20};
  std::vector<Sequence> sequences;
  std::vector<Cache> caches;
};

void append_to(float*& end, const GuardedTensor& tensor, std::int64_t first_row) {
  const std::int64_t row = tensor->elements() / tensor->shape()[0];
  end = std::copy(tensor.floats() + first_row * row, tensor.floats() + tensor->elements(), end);
}

std::vector<float> run_batch(const Context& ctx, const Batch& batch, const Heads& heads) {
  const GuardedTensor q(DType::kF32, {111, heads.query, heads.dim});
  const GuardedTensor k(DType::kF32, {111, heads.key_value, heads.dim});
  const GuardedTensor v(DType::kF32, {111, heads.key_value, heads.dim});
  const GuardedTensor out(DType::kF32, {111, heads.query, heads.dim});
  const std::vector<std::int64_t> cu_seqlens = {0, 90, 91, 111};
  std::vector<KvCacheView> views;
  float* ends[3] = {q.floats(), k.floats(), v.floats()};
  for (std::size_t b = 0; b < 3; ++b) {
    const Sequence& s = batch.sequences[b];
    const std::int64_t first = s.length - batch.new_tokens[b];
    append_to(ends[0], s.q, first);
    append_to(ends[1], s.k, first);
    append_to(ends[2], s.v, first);
    views.push_back(batch.caches[b].view(s.length));
  }
  kv_cache_append(ctx, {.k = *k, .v = *v, .cu_seqlens = cu_seqlens, .caches = views});
  softmax_attention(ctx, {.q = *q,
                          .num_key_value_heads = heads.key_value,
                          .cu_seqlens = cu_seqlens,
                          .caches = views,
                          .out = *out});
  return out.to_vector();
}

TEST_P(SoftmaxAttention, TreatsSequencesOfABatchAsIfAloneOnAnyNumberOfThreads) {
  const Heads heads{6, 2, 33};
  std::vector<float> expected;
  const Batch batch(heads);
  const TestContext alone = context_for(GetParam(), heads, 1);
  for (std::size_t b = 0; b < 3; ++b) {
    const Sequence& s = batch.sequences[b];
    const std::int64_t first = s.length - batch.new_tokens[b];
    append(*alone, s, batch.caches[b], 0, first);
    const std::vector<float> out = run_chunk(*alone, s, batch.caches[b], first, s.length);
    expected.insert(expected.end(), out.begin(), out.end());
  }
  for (const int threads : {1, 2, 5}) {
    const TestContext ctx = context_for(GetParam(), heads, threads);
    EXPECT_EQ(run_batch(*ctx, batch, heads), expected) << threads;
  }
}

TEST_P(SoftmaxAttention, HoldsPartsOfManyLongSequencesInTheAnnouncedScratch) {
  const Heads heads{64, 8, 8};
  const TestContext ctx = context_for(GetParam(), heads);
  const Sequence s(heads, 4200);
  const Cache cache(heads, DType::kF32, 64, 4200);
  append(*ctx, s, cache, 0, 4199);
  const std::vector<float> expected = run_chunk(*ctx, s, cache, 4199, 4200);
  const std::vector<KvCacheView> caches(20, cache.view(4200));
  std::vector<std::int64_t> cu_seqlens(21);
  std::iota(cu_seqlens.begin(), cu_seqlens.end(), 0);
  const GuardedTensor q(DType::kF32, {20, 64, 8});
  for (std::int64_t b = 0; b < 20; ++b) {
    std::copy_n(s.q.floats() + std::int64_t{4199} * 512, 512, q.floats() + b * 512);
  }
  const GuardedTensor out(DType::kF32, {20, 64, 8});
  softmax_attention(
      *ctx,
      {.q = *q, .num_key_value_heads = 8, .cu_seqlens = cu_seqlens, .caches = caches, .out = *out});
  for (std::int64_t b = 0; b < 20; ++b) {
    EXPECT_TRUE(
        std::equal(out.floats() + b * 512, out.floats() + (b + 1) * 512, expected.end() - 512))
        << b;
  }
}

TEST(SoftmaxAttentionArguments, RefusesWhatDoesNotFit) {
  const Heads heads{4, 2, 8};
  const Sequence s(heads, 10);
  const Cache cache(heads, DType::kF32, 4, 10);
  const std::vector<std::int64_t> cu_seqlens = {0, 10};
  const auto message_of = [&](std::int64_t length, std::int64_t kv_heads, std::int64_t window) {
    const std::vector<KvCacheView> caches = {cache.view(length)};
    const GuardedTensor out = testing::random_tensor({10, 4, 8}, 1);
    try {
      softmax_attention(Context{}, {.q = *s.q,
                                    .num_key_value_heads = kv_heads,
                                    .cu_seqlens = cu_seqlens,
                                    .caches = caches,
                                    .sliding_window = window,
                                    .out = *out});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(message_of(9, 2, 0),
            "softmax_attention: cache: expected a length from 10 (new tokens) to 12 (pages), "
            "found 9");
  EXPECT_EQ(message_of(13, 2, 0),
            "softmax_attention: cache: expected a length from 10 (new tokens) to 12 (pages), "
            "found 13");
  EXPECT_EQ(message_of(10, 3, 0),
            "softmax_attention: num_key_value_heads: expected a divisor of 4, found 3");
  EXPECT_EQ(message_of(10, 2, -1),
            "softmax_attention: sliding_window: expected at least 0, found -1");
}

TEST(SoftmaxAttentionArguments, RefusesACacheWithoutTheKeysOfTheWindow) {
  const Heads heads{4, 2, 8};
  const Sequence s(heads, 10);
  const Cache cache(heads, DType::kF32, 4, 10);
  const std::vector<std::int64_t> cu_seqlens = {0, 1};
  const std::vector<KvCacheView> caches = {cache.view_from(1, 10)};
  const GuardedTensor out = testing::random_tensor({1, 4, 8}, 1);
  const testing::Thrown thrown = testing::thrown_by([&] {
    softmax_attention(Context{}, {.q = s.q->rows(9, 10),
                                  .num_key_value_heads = 2,
                                  .cu_seqlens = cu_seqlens,
                                  .caches = caches,
                                  .sliding_window = 7,
                                  .out = *out});
  });
  EXPECT_EQ(thrown.message,
            "softmax_attention: cache: expected the keys from position 3 on, found them from 4 on");
}

}  // namespace
}  // namespace minimax::ops
