// SPDX-License-Identifier: Apache-2.0
#include "ops/eager_attention/eager_attention.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "minimax/error.h"
#include "tests/support/op_testing.h"
#include "tests/support/thrown_by.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using testing::GuardedTensor;
using testing::TestContext;

class EagerAttention : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, EagerAttention, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

// Two float32 computations of the same, each within 3e-6 of float64 (softmax_attention_test).
constexpr double kTolerance = 1e-5;

/// One sequence with all its keys and values in a cache.
struct Sequence {
  std::int64_t heads = 6;
  std::int64_t kv_heads = 2;
  std::int64_t dim = 24;
  std::int64_t length = 70;
  std::int64_t page_tokens = 16;
  DType dtype = DType::kF32;
  std::uint64_t seed = 1;
};

class Problem {
 public:
  explicit Problem(const Sequence& sequence)
      : s(sequence),
        q(testing::random_tensor({s.length, s.heads, s.dim}, 3 * s.seed)),
        k(testing::random_tensor({s.length, s.kv_heads, s.dim}, 3 * s.seed + 1)),
        v(testing::random_tensor({s.length, s.kv_heads, s.dim}, 3 * s.seed + 2)) {
    for (std::int64_t first = 0; first < s.length; first += s.page_tokens) {
      tensors_.emplace_back(s.dtype, tensor::Shape{2, s.kv_heads, s.page_tokens, s.dim});
      pages_.push_back(tensors_.back()->bytes_begin());
    }
    const std::vector<std::int64_t> cu_seqlens = {0, s.length};
    const std::vector<KvCacheView> caches = {view(s.length)};
    kv_cache_append(Context{}, {.k = *k, .v = *v, .cu_seqlens = cu_seqlens, .caches = caches});
  }

  KvCacheView view(std::int64_t length, std::int64_t first_page = 0) const {
    return {.pages = std::span(pages_).subspan(static_cast<std::size_t>(first_page)),
            .first_page = first_page,
            .page_tokens = s.page_tokens,
            .length = length,
            .dtype = s.dtype};
  }

  const Sequence s;
  const GuardedTensor q;
  const GuardedTensor k;
  const GuardedTensor v;

 private:
  std::vector<GuardedTensor> tensors_;
  std::vector<std::byte*> pages_;
};

struct Result {
  std::vector<float> out;      // [n, H, D]
  std::vector<float> weights;  // [H, n, length]
};

struct Chunk {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t window = 0;
  std::int64_t first_page = 0;
};

Result run_eager(const Context& ctx, const Problem& p, const Chunk& chunk,
                 const AttentionDropout& dropout = {}) {
  const std::int64_t tokens = chunk.end - chunk.begin;
  const std::vector<std::int64_t> cu_seqlens = {0, tokens};
  const std::vector<KvCacheView> caches = {p.view(chunk.end, chunk.first_page)};
  const GuardedTensor out(DType::kF32, {tokens, p.s.heads, p.s.dim});
  const GuardedTensor weights(DType::kF32, {p.s.heads, tokens, chunk.end});
  eager_attention(ctx, {.attention = {.q = p.q->rows(chunk.begin, chunk.end),
                                      .num_key_value_heads = p.s.kv_heads,
                                      .cu_seqlens = cu_seqlens,
                                      .caches = caches,
                                      .sliding_window = chunk.window,
                                      .out = *out},
                        .weights = std::span(&*weights, 1),
                        .dropout = dropout});
  return {out.to_vector(), weights.to_vector()};
}

std::vector<float> run_flash(const Context& ctx, const Problem& p, const Chunk& chunk) {
  const std::int64_t tokens = chunk.end - chunk.begin;
  const std::vector<std::int64_t> cu_seqlens = {0, tokens};
  const std::vector<KvCacheView> caches = {p.view(chunk.end)};
  const GuardedTensor out(DType::kF32, {tokens, p.s.heads, p.s.dim});
  softmax_attention(ctx, {.q = p.q->rows(chunk.begin, chunk.end),
                          .num_key_value_heads = p.s.kv_heads,
                          .cu_seqlens = cu_seqlens,
                          .caches = caches,
                          .sliding_window = chunk.window,
                          .out = *out});
  return out.to_vector();
}

TestContext context_for(const testing::Target& target, const Sequence& s, int threads = 2) {
  return TestContext(target, threads, softmax_attention_scratch_bytes(threads, s.dim));
}

// The row of token `token` that query head `head` meets in keys or values.
const float* row_of(const Problem& p, const GuardedTensor& x, std::int64_t token,
                    std::int64_t head) {
  const std::int64_t kv_head = head / (p.s.heads / p.s.kv_heads);
  return x.floats() + (token * p.s.kv_heads + kv_head) * p.s.dim;
}

// softmax(q k^T / sqrt(D)) in float64 for float32 keys, one row of it. Scores of random rows stay
// below 10: no need to subtract the largest.
std::vector<double> direct_row(const Problem& p, const Chunk& chunk, std::int64_t head,
                               std::int64_t token) {
  std::vector<double> row(static_cast<std::size_t>(chunk.end), 0.0);
  const std::int64_t first =
      chunk.window > 0 ? std::max<std::int64_t>(0, token + 1 - chunk.window) : 0;
  const float* q = p.q.floats() + (token * p.s.heads + head) * p.s.dim;
  for (std::int64_t j = first; j <= token; ++j) {
    row[static_cast<std::size_t>(j)] =
        std::exp(std::inner_product(q, q + p.s.dim, row_of(p, p.k, j, head), 0.0) /
                 std::sqrt(static_cast<double>(p.s.dim)));
  }
  const double total = std::accumulate(row.begin(), row.end(), 0.0);
  std::ranges::transform(row, row.begin(), [&](double weight) { return weight / total; });
  return row;
}

std::vector<double> direct_weights(const Problem& p, const Chunk& chunk) {
  std::vector<double> all;
  for (std::int64_t h = 0; h < p.s.heads; ++h) {
    for (std::int64_t t = chunk.begin; t < chunk.end; ++t) {
      const std::vector<double> row = direct_row(p, chunk, h, t);
      all.insert(all.end(), row.begin(), row.end());
    }
  }
  return all;
}

// One row of weights times the values of a head.
std::vector<double> weighted_values(const Problem& p, std::span<const float> weights,
                                    std::int64_t head) {
  std::vector<double> sums(static_cast<std::size_t>(p.s.dim), 0.0);
  for (std::size_t j = 0; j < weights.size(); ++j) {
    const float* value = row_of(p, p.v, static_cast<std::int64_t>(j), head);
    for (double& sum : sums) {
      sum += static_cast<double>(weights[j]) * *value++;
    }
  }
  return sums;
}

std::vector<double> direct_out(const Problem& p, const Chunk& chunk,
                               const std::vector<float>& weights) {
  const std::int64_t tokens = chunk.end - chunk.begin;
  std::vector<double> out;
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t h = 0; h < p.s.heads; ++h) {
      const std::vector<double> row = weighted_values(
          p,
          std::span(weights).subspan(static_cast<std::size_t>((h * tokens + t) * chunk.end),
                                     static_cast<std::size_t>(chunk.end)),
          h);
      out.insert(out.end(), row.begin(), row.end());
    }
  }
  return out;
}

void expect_matches(const Context& ctx, const Problem& p, const Chunk& chunk) {
  const Result result = run_eager(ctx, p, chunk);
  EXPECT_LE(testing::relative_error(result.out, run_flash(ctx, p, chunk)), kTolerance);
  if (p.s.dtype == DType::kF32) {
    EXPECT_LE(testing::relative_error(result.weights, direct_weights(p, chunk)), kTolerance);
    EXPECT_LE(testing::relative_error(result.out, direct_out(p, chunk, result.weights)),
              kTolerance);
  }
}

TEST_P(EagerAttention, EqualsFlashAtAnyLengthAndPageSize) {
  for (const std::int64_t length : {1, 2, 5, 63, 64, 65, 150}) {
    for (const std::int64_t page_tokens : {1, 7, 64, 256}) {
      SCOPED_TRACE(std::to_string(length) + " tokens, pages of " + std::to_string(page_tokens));
      const Problem p({.length = length, .page_tokens = page_tokens});
      const TestContext ctx = context_for(GetParam(), p.s);
      expect_matches(*ctx, p, {.end = length});
      expect_matches(*ctx, p, {.begin = length - 1, .end = length});
      expect_matches(*ctx, p, {.begin = length / 3, .end = length});
    }
  }
}

TEST_P(EagerAttention, EqualsFlashAtAnyHeadDimensionAndGrouping) {
  for (const std::int64_t dim : {1, 2, 7, 16, 31, 33, 64, 100, 128}) {
    for (const auto& [heads, kv_heads] : {std::pair(1, 1), {5, 5}, {9, 3}, {20, 1}}) {
      SCOPED_TRACE(std::to_string(dim) + " dimensions, " + std::to_string(heads) + " heads");
      const Problem p({.heads = heads, .kv_heads = kv_heads, .dim = dim, .length = 37});
      expect_matches(*context_for(GetParam(), p.s), p, {.end = 37});
    }
  }
}

TEST_P(EagerAttention, EqualsFlashOverABFloat16Cache) {
  const Problem p({.dim = 31, .length = 100, .dtype = DType::kBF16});
  expect_matches(*context_for(GetParam(), p.s), p, {.begin = 3, .end = 100});
}

TEST_P(EagerAttention, GivesKeysOutsideOfTheSlidingWindowNoWeight) {
  const Problem p({.length = 100});
  const TestContext ctx = context_for(GetParam(), p.s);
  for (const std::int64_t window : {1, 3, 16, 40, 100, 500}) {
    SCOPED_TRACE(window);
    expect_matches(*ctx, p, {.begin = 50, .end = 100, .window = window});
  }
}

TEST_P(EagerAttention, NeedsNoPagesBeforeTheSlidingWindow) {
  const Problem p({.length = 100});
  const TestContext ctx = context_for(GetParam(), p.s);
  const Result whole = run_eager(*ctx, p, {.begin = 60, .end = 100, .window = 20});
  const Result cut = run_eager(*ctx, p, {.begin = 60, .end = 100, .window = 20, .first_page = 2});
  EXPECT_EQ(cut.out, whole.out);
  EXPECT_EQ(cut.weights, whole.weights);
}

// Whether each weight is dropped, for queries from `begin` on.
std::vector<bool> dropped(const Result& result, const Result& without, double scale) {
  std::vector<bool> all;
  for (std::size_t i = 0; i < result.weights.size(); ++i) {
    if (without.weights[i] > 0.0f) {
      all.push_back(result.weights[i] == 0.0f);
      EXPECT_NEAR(result.weights[i], all.back() ? 0.0 : scale * without.weights[i], 1e-6);
    }
  }
  return all;
}

TEST_P(EagerAttention, DropsTheShareOfWeightsAndScalesTheOthers) {
  const Problem p({.length = 90});
  const TestContext ctx = context_for(GetParam(), p.s);
  const Chunk chunk{.end = 90};
  const Result without = run_eager(*ctx, p, chunk);
  for (const double probability : {0.1, 0.5, 0.9}) {
    const Result result = run_eager(*ctx, p, chunk, {.probability = probability, .seed = 5});
    const std::vector<bool> mask = dropped(result, without, 1.0 / (1.0 - probability));
    const auto count = static_cast<double>(std::ranges::count(mask, true));
    const auto n = static_cast<double>(mask.size());
    // Five standard deviations of a binomial count.
    EXPECT_NEAR(count / n, probability, 5.0 * std::sqrt(probability * (1.0 - probability) / n));
    EXPECT_LE(testing::relative_error(result.out, direct_out(p, chunk, result.weights)),
              kTolerance);
  }
  const Result none = run_eager(*ctx, p, chunk, {.probability = 1.0});
  EXPECT_EQ(std::ranges::count(none.weights, 0.0f), std::ssize(none.weights));
  EXPECT_EQ(std::ranges::count(none.out, 0.0f), std::ssize(none.out));
}

TEST_P(EagerAttention, DropsTheSameOnAnyThreadsAndInAnyChunks) {
  const Problem p({.length = 50});
  const std::int64_t rows[] = {3};
  const AttentionDropout dropout{.probability = 0.3, .seed = 9, .layer = 7, .rows = rows};
  const Result whole = run_eager(*context_for(GetParam(), p.s, 1), p, {.end = 50}, dropout);
  for (const int threads : {2, 5}) {
    const Result result =
        run_eager(*context_for(GetParam(), p.s, threads), p, {.end = 50}, dropout);
    EXPECT_EQ(result.weights, whole.weights);
    EXPECT_EQ(result.out, whole.out);
  }
  std::vector<float> out;
  for (std::int64_t begin = 0; begin < 50; begin += 7) {
    const Result part =
        run_eager(*context_for(GetParam(), p.s), p,
                  {.begin = begin, .end = std::min<std::int64_t>(begin + 7, 50)}, dropout);
    out.insert(out.end(), part.out.begin(), part.out.end());
  }
  EXPECT_EQ(out, whole.out);
}

TEST(EagerAttentionDropout, DiffersWithSeedLayerSequenceAndHead) {
  const Problem p({.heads = 2, .kv_heads = 1, .length = 60});
  const Chunk chunk{.end = 60};
  const Result without = run_eager(Context{}, p, chunk);
  const auto mask = [&](std::uint64_t seed, std::int64_t layer, std::int64_t row) {
    return dropped(run_eager(Context{}, p, chunk,
                             {.probability = 0.5, .seed = seed, .layer = layer, .rows = {&row, 1}}),
                   without, 2.0);
  };
  const std::vector<bool> base = mask(1, 2, 3);
  const auto agreement = [&](const std::vector<bool>& other) {
    std::int64_t equal = 0;
    for (std::size_t i = 0; i < base.size(); ++i) {
      equal += base[i] == other[i] ? 1 : 0;
    }
    return static_cast<double>(equal) / static_cast<double>(base.size());
  };
  // Five standard deviations of 3,660 fair coins.
  constexpr double kChance = 0.042;
  EXPECT_EQ(agreement(mask(1, 2, 3)), 1.0);
  EXPECT_NEAR(agreement(mask(2, 2, 3)), 0.5, kChance);
  EXPECT_NEAR(agreement(mask(2, 1, 3)), 0.5, kChance);
  EXPECT_NEAR(agreement(mask(1, 3, 3)), 0.5, kChance);
  EXPECT_NEAR(agreement(mask(1, 3, 2)), 0.5, kChance);
  EXPECT_NEAR(agreement(mask(1, 2, 0)), 0.5, kChance);
  const std::vector<bool> swapped = [&] {
    std::vector<bool> heads(base.begin() + std::ssize(base) / 2, base.end());
    heads.insert(heads.end(), base.begin(), base.begin() + std::ssize(base) / 2);
    return heads;
  }();
  EXPECT_NEAR(agreement(swapped), 0.5, kChance);
}

TEST_P(EagerAttention, TreatsSequencesOfABatchAsIfAlone) {
  const Problem first({.length = 20, .seed = 1});
  const Problem second({.length = 33, .seed = 2});
  const TestContext ctx = context_for(GetParam(), first.s);
  const std::int64_t rows[] = {4, 6};
  const std::int64_t row_elements = first.s.heads * first.s.dim;
  const GuardedTensor q(DType::kF32, {25, first.s.heads, first.s.dim});
  std::copy_n(first.q.floats(), 20 * row_elements, q.floats());
  std::copy_n(second.q.floats() + 28 * row_elements, 5 * row_elements,
              q.floats() + 20 * row_elements);
  const GuardedTensor out(DType::kF32, {25, first.s.heads, first.s.dim});
  const GuardedTensor first_weights(DType::kF32, {first.s.heads, 20, 20});
  const GuardedTensor second_weights(DType::kF32, {first.s.heads, 5, 33});
  const std::vector<tensor::Tensor> weights = {*first_weights, *second_weights};
  const std::vector<std::int64_t> cu_seqlens = {0, 20, 25};
  const std::vector<KvCacheView> caches = {first.view(20), second.view(33)};
  eager_attention(*ctx, {.attention = {.q = *q,
                                       .num_key_value_heads = 2,
                                       .cu_seqlens = cu_seqlens,
                                       .caches = caches,
                                       .out = *out},
                         .weights = weights,
                         .dropout = {.probability = 0.2, .rows = rows}});
  const Result alone = run_eager(*ctx, second, {.begin = 28, .end = 33},
                                 {.probability = 0.2, .rows = {rows + 1, 1}});
  EXPECT_EQ(second_weights.to_vector(), alone.weights);
  EXPECT_TRUE(std::equal(alone.out.begin(), alone.out.end(), out.floats() + 20 * row_elements));
}

TEST(EagerAttentionArguments, RefusesWhatDoesNotFit) {
  const Problem p({.length = 10});
  const std::vector<std::int64_t> cu_seqlens = {0, 10};
  const std::vector<KvCacheView> caches = {p.view(10)};
  const GuardedTensor out = testing::zero_tensor({10, 6, 24});
  const auto message = [&](std::span<const tensor::Tensor> weights,
                           const AttentionDropout& dropout) {
    return testing::thrown_by([&] {
             eager_attention(Context{}, {.attention = {.q = *p.q,
                                                       .num_key_value_heads = 2,
                                                       .cu_seqlens = cu_seqlens,
                                                       .caches = caches,
                                                       .out = *out},
                                         .weights = weights,
                                         .dropout = dropout});
           })
        .message;
  };
  const GuardedTensor narrow = testing::zero_tensor({6, 10, 9});
  const GuardedTensor right = testing::zero_tensor({6, 10, 10});
  EXPECT_EQ(message({}, {}), "eager_attention: number of weights: expected 1, found 0");
  EXPECT_EQ(message(std::span(&*narrow, 1), {}),
            "eager_attention: weights: expected F32 [6, 10, 10], found F32 [6, 10, 9]");
  EXPECT_EQ(message(std::span(&*right, 1), {.probability = 1.5}),
            "eager_attention: dropout: expected a probability from 0 to 1, found 1.5");
}

}  // namespace
}  // namespace minimax::ops
