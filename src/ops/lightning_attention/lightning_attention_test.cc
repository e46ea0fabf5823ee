// SPDX-License-Identifier: Apache-2.0
#include "ops/lightning_attention/lightning_attention.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "minimax/error.h"
#include "tests/support/op_testing.h"

namespace minimax::ops {
namespace {

using tensor::DType;
using testing::GuardedTensor;
using testing::TestContext;

class LightningAttention : public ::testing::TestWithParam<testing::Target> {};
INSTANTIATE_TEST_SUITE_P(Devices, LightningAttention, ::testing::ValuesIn(testing::all_targets()),
                         testing::target_name);

// Every element of q, k and v is off by at most 2^-22 (the exponential in SiLU) and the sums of
// some hundred products of random sign by about ten roundings; relative to the largest output.
constexpr double kTolerance = 2e-6;

// The slope of head h of H in layer i of L, as the published model has it.
float published_decay(int head, int heads, int layer, int layers) {
  const double slope = std::exp2(-8.0 * (head + 1) / heads);
  return static_cast<float>(slope * (1.0 - layer / (layers - 1.0) + 1e-5));
}

struct Case {
  std::int64_t tokens;
  std::int64_t heads;
  std::int64_t dim;
  std::vector<float> decay;
};

Case case_of(std::int64_t tokens, std::int64_t heads, std::int64_t dim) {
  Case c{tokens, heads, dim, {}};
  for (int head = 0; head < heads; ++head) {
    c.decay.push_back(published_decay(head, static_cast<int>(heads), 0, 80));
  }
  return c;
}

GuardedTensor random_qkv(const Case& c) {
  return testing::random_tensor({c.tokens, c.heads, 3, c.dim}, 7);
}

GuardedTensor random_state(const Case& c, std::uint64_t seed = 8) {
  return testing::random_tensor({c.heads, c.dim, c.dim}, seed);
}

GuardedTensor copy_of(const GuardedTensor& tensor) {
  return testing::tensor_of(tensor->shape(), tensor.to_vector());
}

struct Sequences {
  std::vector<std::int64_t> cu_seqlens;
  std::vector<float*> states;
};

std::vector<float> run(const Context& ctx, const Case& c, const tensor::Tensor& qkv,
                       const Sequences& sequences, std::int64_t block_size = 256) {
  const GuardedTensor out(DType::kF32, {qkv.shape()[0], c.heads, c.dim});
  lightning_attention(ctx, {.qkv = qkv,
                            .decay = c.decay,
                            .cu_seqlens = sequences.cu_seqlens,
                            .states = sequences.states,
                            .block_size = block_size,
                            .out = *out});
  return out.to_vector();
}

// A context with the scratch that is announced for this head dimension, and no more.
TestContext context_for(const testing::Target& target, std::int64_t dim, int threads = 2) {
  return TestContext(target, threads, lightning_attention_scratch_bytes(threads, dim));
}

std::vector<float> run(const testing::Target& target, const Case& c, const tensor::Tensor& qkv,
                       const Sequences& sequences, std::int64_t block_size = 256, int threads = 2) {
  return run(*context_for(target, c.dim, threads), c, qkv, sequences, block_size);
}

double silu(float x) { return x / (1.0 + std::exp(-static_cast<double>(x))); }

struct Expected {
  std::vector<double> out;
  std::vector<double> state;
};

// The sums without a recurrence, in float64:
//   o_t = exp(-decay (t + 1)) q_t S + sum over s <= t of exp(-decay (t - s)) (q_t k_s) v_s.
class Direct {
 public:
  Direct(const Case& c, const GuardedTensor& qkv, const GuardedTensor& state)
      : c_(c), activated_(static_cast<std::size_t>(qkv->elements())), state_(state.to_vector()) {
    std::transform(qkv.floats(), qkv.floats() + qkv->elements(), activated_.begin(), silu);
  }

  Expected compute() const {
    Expected expected;
    expected.out.assign(static_cast<std::size_t>(c_.tokens * c_.heads * c_.dim), 0.0);
    for (std::int64_t t = 0; t < c_.tokens; ++t) {
      for (std::int64_t h = 0; h < c_.heads; ++h) {
        add_output(t, h, &expected.out[static_cast<std::size_t>((t * c_.heads + h) * c_.dim)]);
      }
    }
    expected.state.assign(state_.size(), 0.0);
    for (std::int64_t h = 0; h < c_.heads; ++h) {
      add_state(h, &expected.state[static_cast<std::size_t>(h * c_.dim * c_.dim)]);
    }
    return expected;
  }

 private:
  const double* at(std::int64_t t, std::int64_t h, int which) const {
    return &activated_[static_cast<std::size_t>(((t * c_.heads + h) * 3 + which) * c_.dim)];
  }
  double decay(std::int64_t h, std::int64_t tokens) const {
    return std::exp(-static_cast<double>(c_.decay[static_cast<std::size_t>(h)]) *
                    static_cast<double>(tokens));
  }

  void add_output(std::int64_t t, std::int64_t h, double* out) const {
    const double* q = at(t, h, 0);
    for (std::int64_t i = 0; i < c_.dim; ++i) {
      const float* row = &state_[static_cast<std::size_t>((h * c_.dim + i) * c_.dim)];
      for (std::int64_t j = 0; j < c_.dim; ++j) {
        out[j] += decay(h, t + 1) * q[i] * row[j];
      }
    }
    for (std::int64_t s = 0; s <= t; ++s) {
      const double score = std::inner_product(q, q + c_.dim, at(s, h, 1), 0.0);
      const double factor = decay(h, t - s) * score;
      for (std::int64_t j = 0; j < c_.dim; ++j) {
        out[j] += factor * at(s, h, 2)[j];
      }
    }
  }

  void add_state(std::int64_t h, double* state) const {
    for (std::int64_t i = 0; i < c_.dim * c_.dim; ++i) {
      state[i] += decay(h, c_.tokens) * state_[static_cast<std::size_t>(h * c_.dim * c_.dim + i)];
    }
    for (std::int64_t s = 0; s < c_.tokens; ++s) {
      for (std::int64_t i = 0; i < c_.dim; ++i) {
        for (std::int64_t j = 0; j < c_.dim; ++j) {
          state[i * c_.dim + j] += decay(h, c_.tokens - 1 - s) * at(s, h, 1)[i] * at(s, h, 2)[j];
        }
      }
    }
  }

  const Case& c_;
  std::vector<double> activated_;
  std::vector<float> state_;
};

TEST_P(LightningAttention, MatchesTheSumInFloat64AtAnyLength) {
  for (const std::int64_t tokens : {1, 2, 3, 4, 5, 63, 64, 65, 129, 197}) {
    const Case c = case_of(tokens, 3, 24);
    const GuardedTensor qkv = random_qkv(c);
    const GuardedTensor state = random_state(c);
    const Expected expected = Direct(c, qkv, state).compute();
    const std::vector<float> out = run(GetParam(), c, *qkv, {{0, tokens}, {state.floats()}});
    EXPECT_LE(testing::relative_error(out, expected.out), kTolerance) << tokens;
    EXPECT_LE(testing::relative_error(state.to_vector(), expected.state), kTolerance) << tokens;
  }
}

TEST_P(LightningAttention, MatchesTheSumInFloat64AtAnyHeadDimension) {
  for (const std::int64_t dim : {1, 2, 7, 16, 31, 33, 64, 80, 100, 128, 129, 256}) {
    for (const std::int64_t tokens : {1, 70}) {
      const Case c = case_of(tokens, 1, dim);
      const GuardedTensor qkv = random_qkv(c);
      const GuardedTensor state = random_state(c);
      const Expected expected = Direct(c, qkv, state).compute();
      const std::vector<float> out = run(GetParam(), c, *qkv, {{0, tokens}, {state.floats()}});
      EXPECT_LE(testing::relative_error(out, expected.out), kTolerance) << dim;
      EXPECT_LE(testing::relative_error(state.to_vector(), expected.state), kTolerance) << dim;
    }
  }
}

TEST_P(LightningAttention, HandlesTheFastestAndTheSlowestDecays) {
  Case c{150, 5, 16, {}};
  c.decay = {published_decay(0, 64, 0, 80), published_decay(63, 64, 78, 80), 0.0f, 30.0f, 1e4f};
  const GuardedTensor qkv = random_qkv(c);
  const GuardedTensor state = random_state(c);
  const Expected expected = Direct(c, qkv, state).compute();
  const std::vector<float> out = run(GetParam(), c, *qkv, {{0, c.tokens}, {state.floats()}});
  EXPECT_LE(testing::relative_error(out, expected.out), kTolerance);
  EXPECT_LE(testing::relative_error(state.to_vector(), expected.state), kTolerance);
}

TEST_P(LightningAttention, GivesTheSameForAnyBlockSize) {
  const Case c = case_of(200, 2, 32);
  const GuardedTensor qkv = random_qkv(c);
  const GuardedTensor state = random_state(c);
  const GuardedTensor whole = copy_of(state);
  const std::vector<float> expected =
      run(GetParam(), c, *qkv, {{0, c.tokens}, {whole.floats()}}, 256);
  for (const std::int64_t block_size : {1, 3, 16, 64, 128}) {
    const GuardedTensor part = copy_of(state);
    EXPECT_LE(testing::relative_error(
                  run(GetParam(), c, *qkv, {{0, c.tokens}, {part.floats()}}, block_size), expected),
              kTolerance)
        << block_size;
    EXPECT_LE(testing::relative_error(part.to_vector(), whole.to_vector()), kTolerance);
  }
}

// Runs chunks one after another on one state.
std::vector<float> run_chunks(const testing::Target& target, const Case& c,
                              const GuardedTensor& qkv, float* state,
                              const std::vector<std::int64_t>& chunks) {
  const TestContext ctx = context_for(target, c.dim);
  std::vector<float> out;
  std::int64_t begin = 0;
  for (const std::int64_t tokens : chunks) {
    const std::vector<float> part =
        run(*ctx, c, qkv->rows(begin, begin + tokens), {{0, tokens}, {state}});
    out.insert(out.end(), part.begin(), part.end());
    begin += tokens;
  }
  return out;
}

TEST_P(LightningAttention, GivesTheSameForAnySplitIntoChunks) {
  const Case c = case_of(200, 3, 40);
  const GuardedTensor qkv = random_qkv(c);
  const GuardedTensor state = random_state(c);
  const GuardedTensor whole = copy_of(state);
  const std::vector<float> expected = run(GetParam(), c, *qkv, {{0, 200}, {whole.floats()}});
  const std::vector<std::vector<std::int64_t>> splits = {
      {1, 199}, {199, 1}, {64, 64, 72}, {100, 0, 3, 97}, std::vector<std::int64_t>(200, 1)};
  for (const std::vector<std::int64_t>& split : splits) {
    const GuardedTensor part = copy_of(state);
    EXPECT_LE(
        testing::relative_error(run_chunks(GetParam(), c, qkv, part.floats(), split), expected),
        kTolerance);
    EXPECT_LE(testing::relative_error(part.to_vector(), whole.to_vector()), kTolerance);
  }
}

TEST_P(LightningAttention, KeepsALongMemoryInBlocksAndInSteps) {
  // Half of what the slowest head of layer 78 holds is 14,000 tokens old: a factor per token that
  // is off by one rounding would be off by 1e-3 after them. What is left are the roundings of the
  // state itself, which grow as the root of their number.
  Case c{20000, 2, 8, {published_decay(63, 64, 78, 80), published_decay(63, 64, 39, 80)}};
  const GuardedTensor qkv = random_qkv(c);
  const GuardedTensor exact = testing::zero_tensor({2, 8, 8});
  const std::vector<float> expected =
      run(testing::Target{}, c, *qkv, {{0, c.tokens}, {exact.floats()}});
  const GuardedTensor blocks = testing::zero_tensor({2, 8, 8});
  EXPECT_LE(testing::relative_error(run(GetParam(), c, *qkv, {{0, c.tokens}, {blocks.floats()}}),
                                    expected),
            1e-5);
  const GuardedTensor steps = testing::zero_tensor({2, 8, 8});
  EXPECT_LE(testing::relative_error(
                run_chunks(GetParam(), c, qkv, steps.floats(),
                           std::vector<std::int64_t>(static_cast<std::size_t>(c.tokens), 1)),
                expected),
            1e-5);
  EXPECT_LE(testing::relative_error(steps.to_vector(), exact.to_vector()), 1e-5);
}

TEST_P(LightningAttention, TreatsSequencesOfABatchAsIfAlone) {
  const Case c = case_of(97, 2, 33);
  const GuardedTensor qkv = random_qkv(c);
  const std::vector<std::int64_t> cu_seqlens = {0, 1, 1, 70, 97};
  std::vector<GuardedTensor> alone;
  std::vector<GuardedTensor> together;
  std::vector<float*> states;
  std::vector<float> expected;
  for (std::size_t b = 0; b + 1 < cu_seqlens.size(); ++b) {
    alone.push_back(random_state(c, b));
    together.push_back(random_state(c, b));
    states.push_back(together.back().floats());
    const std::int64_t tokens = cu_seqlens[b + 1] - cu_seqlens[b];
    const std::vector<float> out = run(GetParam(), c, qkv->rows(cu_seqlens[b], cu_seqlens[b + 1]),
                                       {{0, tokens}, {alone.back().floats()}});
    expected.insert(expected.end(), out.begin(), out.end());
  }
  EXPECT_EQ(run(GetParam(), c, *qkv, {cu_seqlens, states}), expected);
  for (std::size_t b = 0; b < alone.size(); ++b) {
    EXPECT_EQ(together[b].to_vector(), alone[b].to_vector());
  }
}

TEST_P(LightningAttention, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Case c = case_of(130, 7, 48);
  const GuardedTensor qkv = random_qkv(c);
  std::vector<std::vector<float>> outs;
  std::vector<std::vector<float>> states;
  for (const int threads : {1, 2, 5}) {
    const GuardedTensor state = random_state(c);
    outs.push_back(run(GetParam(), c, *qkv, {{0, 130}, {state.floats()}}, 256, threads));
    states.push_back(state.to_vector());
  }
  EXPECT_EQ(outs[0], outs[1]);
  EXPECT_EQ(outs[0], outs[2]);
  EXPECT_EQ(states[0], states[1]);
  EXPECT_EQ(states[0], states[2]);
}

TEST(LightningAttentionArguments, RefusesWhatDoesNotFit) {
  const Case c = case_of(4, 2, 3);
  const GuardedTensor qkv = random_qkv(c);
  const GuardedTensor state = random_state(c);
  const auto message_of = [&](const Sequences& sequences, std::int64_t block_size) {
    try {
      run(testing::Target{}, c, *qkv, sequences, block_size);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(message_of({{0, 3}, {state.floats()}}, 1),
            "lightning_attention: cu_seqlens: expected offsets rising from 0 to 4, found [0, 3]");
  EXPECT_EQ(message_of({{0, 5, 4}, {state.floats(), state.floats()}}, 1),
            "lightning_attention: cu_seqlens: expected offsets rising from 0 to 4, found "
            "[0, 5, 4]");
  EXPECT_EQ(message_of({{0, 2, 4}, {state.floats()}}, 1),
            "lightning_attention: number of states: expected 2, found 1");
  EXPECT_EQ(message_of({{0, 4}, {state.floats()}}, 0),
            "lightning_attention: block_size: expected at least 1, found 0");
}

}  // namespace
}  // namespace minimax::ops
