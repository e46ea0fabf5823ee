// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <numeric>

#include "ops/lightning_attention/lightning_attention_cuda_testing.cuh"

namespace minimax::ops::cuda::testing {
namespace {

bool is_bf16(tensor::DType type) { return type == tensor::DType::kBF16; }

std::vector<std::byte> as_type(const std::vector<float>& values, tensor::DType type) {
  std::vector<std::byte> bytes(values.size() * (is_bf16(type) ? 2 : 4));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (is_bf16(type)) {
      const __nv_bfloat16 value = __float2bfloat16_rn(values[i]);
      std::memcpy(&bytes[2 * i], &value, 2);
    } else {
      std::memcpy(&bytes[4 * i], &values[i], 4);
    }
  }
  return bytes;
}

std::vector<double> to_double(const std::vector<std::byte>& bytes, tensor::DType type) {
  std::vector<double> values(bytes.size() / (is_bf16(type) ? 2 : 4));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (is_bf16(type)) {
      __nv_bfloat16 value;
      std::memcpy(&value, &bytes[2 * i], 2);
      values[i] = __bfloat162float(value);
    } else {
      float value = 0.0f;
      std::memcpy(&value, &bytes[4 * i], 4);
      values[i] = value;
    }
  }
  return values;
}

std::vector<std::int64_t> offsets_of(const std::vector<std::int64_t>& lengths) {
  std::vector<std::int64_t> offsets(lengths.size() + 1, 0);
  std::partial_sum(lengths.begin(), lengths.end(), offsets.begin() + 1);
  return offsets;
}

float rounded_to(float number, tensor::DType type) {
  return is_bf16(type) ? __bfloat162float(__float2bfloat16_rn(number)) : number;
}

double activate(double x, LightningInput input) {
  return input == LightningInput::kActivated ? x : x / (1.0 + std::exp(-x));
}

std::vector<float> qkv_of(const Problem& problem) {
  const std::int64_t used =
      std::accumulate(problem.lengths.begin(), problem.lengths.end(), std::int64_t{0});
  const std::int64_t row = problem.heads * 3 * problem.dim;
  auto numbers =
      random_numbers(static_cast<std::size_t>(used * row), problem.qkv_type, problem.seed);
  if (problem.input == LightningInput::kActivated) {
    for (float& number : numbers) {
      number = rounded_to(static_cast<float>(activate(number, LightningInput::kProjection)),
                          problem.qkv_type);
    }
  }
  numbers.resize(static_cast<std::size_t>((used + problem.rows_behind) * row), std::nanf(""));
  return numbers;
}

// State b is in the slot that comes last but b, so that their order cannot be taken for granted.
std::vector<float*> slots(float* states, std::size_t batch, std::int64_t elements) {
  std::vector<float*> pointers(batch);
  for (std::size_t b = 0; b < batch; ++b) {
    pointers[b] = states + static_cast<std::int64_t>(batch - 1 - b) * elements;
  }
  return pointers;
}

// S = ratio S + k^T v, out = q S for one token and head.
void step(std::span<const double> qkv, double ratio, double* state, double* out) {
  const std::size_t dim = qkv.size() / 3;
  std::fill_n(out, dim, 0.0);
  for (std::size_t i = 0; i < dim; ++i) {
    const double q = qkv[i];
    const double k = qkv[dim + i];
    for (std::size_t j = 0; j < dim; ++j) {
      double& s = state[i * dim + j];
      s = ratio * s + k * qkv[2 * dim + j];
      out[j] += q * s;
    }
  }
}

}  // namespace

std::vector<float> random_numbers(std::size_t count, tensor::DType type, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(count);
  for (float& number : numbers) {
    number = rounded_to(normal(generator), type);
  }
  return numbers;
}

std::vector<float> decays(std::int64_t heads) {
  std::vector<float> decay(static_cast<std::size_t>(heads));
  for (std::size_t h = 0; h < decay.size(); ++h) {
    const double part = static_cast<double>(h) / std::max(1.0, static_cast<double>(heads) - 1);
    decay[h] = static_cast<float>(std::pow(5e-5, part));
  }
  return decay;
}

DeviceProblem::DeviceProblem(const Problem& problem)
    : problem_(problem),
      cu_seqlens_(offsets_of(problem.lengths)),
      qkv_(qkv_of(problem)),
      decay_(decays(problem.heads)),
      initial_(
          random_numbers(problem.lengths.size() *
                             static_cast<std::size_t>(problem.heads * problem.dim * problem.dim),
                         tensor::DType::kF32, problem.seed + 1)),
      device_qkv_(as_type(qkv_, problem.qkv_type)),
      out_(qkv_.size() / 3 * (is_bf16(problem.out_type) ? 2 : 4)),
      device_decay_(decay_),
      device_cu_seqlens_(cu_seqlens_),
      states_(initial_),
      pointers_(slots(states_.data(), problem.lengths.size(),
                      problem.heads * problem.dim * problem.dim)) {}

LightningCudaArgs DeviceProblem::args() const {
  return {.qkv = device_qkv_.data(),
          .qkv_type = problem_.qkv_type,
          .out = out_.data(),
          .out_type = problem_.out_type,
          .decay = device_decay_.data(),
          .cu_seqlens = device_cu_seqlens_.data(),
          .states = pointers_.data(),
          .tokens = tokens() + problem_.rows_behind,
          .batch = static_cast<std::int64_t>(problem_.lengths.size()),
          .heads = problem_.heads,
          .head_dim = problem_.dim,
          .input = problem_.input};
}

Result DeviceProblem::result() const {
  minimax::cuda::check(cudaDeviceSynchronize(), "lightning_attention");
  const std::vector<float> states = states_.to_host();
  return {to_double(out_.to_host(), problem_.out_type), {states.begin(), states.end()}};
}

void DeviceProblem::advance(std::size_t sequence, std::int64_t token, Result& result) const {
  const std::int64_t dim = problem_.dim;
  const auto slot = static_cast<std::int64_t>(problem_.lengths.size() - 1 - sequence);
  std::vector<double> qkv(static_cast<std::size_t>(3 * dim));
  for (std::int64_t h = 0; h < problem_.heads; ++h) {
    const std::int64_t row = token * problem_.heads + h;
    for (std::int64_t i = 0; i < 3 * dim; ++i) {
      qkv[static_cast<std::size_t>(i)] =
          activate(qkv_[static_cast<std::size_t>(row * 3 * dim + i)], problem_.input);
    }
    step(qkv, std::exp(-static_cast<double>(decay_[static_cast<std::size_t>(h)])),
         &result.states[static_cast<std::size_t>((slot * problem_.heads + h) * dim * dim)],
         &result.out[static_cast<std::size_t>(row * dim)]);
  }
}

Result DeviceProblem::expected() const {
  const std::int64_t numbers = tokens() * problem_.heads * problem_.dim;
  Result result{std::vector<double>(static_cast<std::size_t>(numbers)),
                {initial_.begin(), initial_.end()}};
  for (std::size_t b = 0; b < problem_.lengths.size(); ++b) {
    for (std::int64_t t = cu_seqlens_[b]; t < cu_seqlens_[b + 1]; ++t) {
      advance(b, t, result);
    }
  }
  return result;
}

double relative_error(std::span<const double> found, std::span<const double> expected) {
  if (found.size() < expected.size()) {
    return std::nan("");
  }
  double difference = 0.0;
  double norm = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference += (found[i] - expected[i]) * (found[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return norm == 0.0 ? std::sqrt(difference) : std::sqrt(difference / norm);
}

}  // namespace minimax::ops::cuda::testing
