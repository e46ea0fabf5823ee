// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "ops/softmax_attention/kv_format.h"
#include "ops/softmax_attention/softmax_attention_cuda_testing.cuh"
#include "tensor/float16.h"

namespace minimax::ops::cuda::testing {
namespace {

using tensor::DType;

// Pairs of a query and a key that a check may take: a second or so.
constexpr std::int64_t kMostPairs = 4'000'000;

std::int64_t value_or_0(const std::vector<std::int64_t>& values, std::size_t i) {
  return i < values.size() ? values[i] : 0;
}

std::vector<std::int64_t> offsets_of(const std::vector<std::int64_t>& lengths) {
  std::vector<std::int64_t> offsets = {0};
  for (const std::int64_t length : lengths) {
    offsets.push_back(offsets.back() + length);
  }
  return offsets;
}

std::int64_t rows_of(const SoftmaxProblem& problem) {
  return std::accumulate(problem.lengths.begin(), problem.lengths.end(), problem.rows_behind);
}

std::int64_t pages_of(const SoftmaxProblem& problem, std::size_t sequence) {
  const std::int64_t length = problem.lengths[sequence] + value_or_0(problem.before, sequence);
  return (length + problem.page_tokens - 1) / problem.page_tokens;
}

std::int64_t all_pages(const SoftmaxProblem& problem) {
  std::int64_t pages = 0;
  for (std::size_t b = 0; b < problem.lengths.size(); ++b) {
    pages += pages_of(problem, b);
  }
  return pages;
}

DType cache_dtype(const SoftmaxProblem& problem) {
  return problem.cache_dtype.value_or(problem.dtype);
}

std::int64_t rows_of_page(const SoftmaxProblem& problem) {
  return 2 * problem.kv_heads * problem.page_tokens;
}

// Where pages lie apart.
std::int64_t page_stride(const SoftmaxProblem& problem) {
  return (kv_page_bytes(cache_dtype(problem), rows_of_page(problem), problem.dim) + 255) / 256 *
         256;
}

float decoded(const KvRow& row, std::int64_t i) {
  if (row.dtype == DType::kF8E4M3) {
    return from_e4m3(std::to_integer<std::uint8_t>(row.codes[i])) *
           *reinterpret_cast<const float*>(row.scales);
  }
  const auto* scales = reinterpret_cast<const tensor::BFloat16*>(row.scales);
  const int code = std::to_integer<int>(row.codes[i / 2] >> (i % 2 * 4)) % 16;
  return static_cast<float>(code - 8) * tensor::to_float(scales[i / kInt4Group]);
}

std::size_t bytes_of(const SoftmaxProblem& problem, std::int64_t elements) {
  return static_cast<std::size_t>(elements * tensor::dtype_bytes(problem.dtype));
}

void upload(const std::vector<float>& values, DType dtype, const DeviceArray<std::byte>& to) {
  if (dtype == DType::kF32) {
    minimax::cuda::check(
        cudaMemcpy(to.data(), values.data(), values.size() * 4, cudaMemcpyHostToDevice), "upload");
    return;
  }
  std::vector<tensor::BFloat16> rounded;
  std::transform(values.begin(), values.end(), std::back_inserter(rounded), tensor::to_bfloat16);
  minimax::cuda::check(
      cudaMemcpy(to.data(), rounded.data(), rounded.size() * 2, cudaMemcpyHostToDevice), "upload");
}

}  // namespace

int multiprocessors() {
  int count = 0;
  minimax::cuda::check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, 0),
                       "multiprocessors");
  return count;
}

SoftmaxDeviceProblem::SoftmaxDeviceProblem(const SoftmaxProblem& problem)
    : problem_(problem),
      cu_seqlens_(offsets_of(problem.lengths)),
      order_(static_cast<std::size_t>(all_pages(problem))),
      q_(random_numbers(static_cast<std::size_t>(rows_of(problem) * problem.heads * problem.dim),
                        problem.dtype, problem.seed)),
      pool_(order_.size() * static_cast<std::size_t>(page_stride(problem)), std::byte{0xff}),
      device_q_(bytes_of(problem, std::ssize(q_))),
      out_(bytes_of(problem, std::ssize(q_))),
      device_pool_(pool_.size()),
      device_cu_seqlens_(cu_seqlens_),
      pages_(order_.size()),
      caches_(problem.lengths.size() * sizeof(KvCacheView)) {
  std::fill(q_.begin() + cu_seqlens_.back() * problem.heads * problem.dim, q_.end(), NAN);
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::shuffle(order_.begin(), order_.end(), std::mt19937(problem.seed));
  std::vector<std::byte*> addresses;
  for (const std::size_t page : order_) {
    addresses.push_back(device_pool_.data() +
                        static_cast<std::int64_t>(page) * page_stride(problem));
  }
  std::vector<KvCacheView> caches;
  std::int64_t page = 0;
  for (std::size_t b = 0; b < problem.lengths.size(); ++b) {
    first_page_.push_back(page);
    fill_pages(b);
    const std::int64_t begin = value_or_0(problem.before, b);
    const std::int64_t forgotten =
        problem.forgets_pages
            ? std::max<std::int64_t>(0, begin + 1 - problem.window) / problem.page_tokens
            : 0;
    caches.push_back({.pages = {pages_.data() + page + forgotten,
                                static_cast<std::size_t>(pages_of(problem, b) - forgotten)},
                      .first_page = forgotten,
                      .page_tokens = problem.page_tokens,
                      .length = begin + problem.lengths[b],
                      .dtype = cache_dtype(problem)});
    for (std::int64_t i = 0; i < forgotten; ++i) {
      addresses[static_cast<std::size_t>(page + i)] = nullptr;
    }
    page += pages_of(problem, b);
  }
  upload(q_, problem.dtype, device_q_);
  minimax::cuda::check(
      cudaMemcpy(device_pool_.data(), pool_.data(), pool_.size(), cudaMemcpyHostToDevice),
      "upload");
  minimax::cuda::check(
      cudaMemcpy(pages_.data(), addresses.data(), addresses.size() * 8, cudaMemcpyHostToDevice),
      "upload");
  minimax::cuda::check(
      cudaMemcpy(caches_.data(), caches.data(), caches_.bytes(), cudaMemcpyHostToDevice), "upload");
}

void SoftmaxDeviceProblem::fill_pages(std::size_t sequence) {
  const std::int64_t length = value_or_0(problem_.before, sequence) + problem_.lengths[sequence];
  const std::int64_t heads = 2 * problem_.kv_heads;
  rows_.push_back(random_numbers(static_cast<std::size_t>(length * heads * problem_.dim),
                                 problem_.dtype,
                                 problem_.seed + 100 + static_cast<std::uint32_t>(sequence)));
  for (std::int64_t position = 0; position < length; ++position) {
    const std::size_t page =
        order_[static_cast<std::size_t>(first_page_[sequence] + position / problem_.page_tokens)];
    for (std::int64_t head = 0; head < heads; ++head) {
      write_row(pool_.data() + static_cast<std::int64_t>(page) * page_stride(problem_),
                head * problem_.page_tokens + position % problem_.page_tokens,
                rows_[sequence].data() + (position * heads + head) * problem_.dim);
    }
  }
}

// `values` become what was written.
void SoftmaxDeviceProblem::write_row(std::byte* page, std::int64_t row, float* values) const {
  const DType dtype = cache_dtype(problem_);
  const std::int64_t dim = problem_.dim;
  if (is_quantized(dtype)) {
    const KvRow to = kv_row(dtype, page, rows_of_page(problem_), row, dim);
    encode_row(to, values, dim);
    for (std::int64_t i = 0; i < dim; ++i) {
      values[i] = decoded(to, i);
    }
  } else if (dtype == DType::kF32) {
    std::copy_n(values, dim, reinterpret_cast<float*>(page) + row * dim);
  } else {
    std::transform(values, values + dim, reinterpret_cast<tensor::BFloat16*>(page) + row * dim,
                   tensor::to_bfloat16);
    std::transform(values, values + dim, values,
                   [](float x) { return tensor::to_float(tensor::to_bfloat16(x)); });
  }
}

const float* SoftmaxDeviceProblem::key(std::size_t sequence, std::int64_t position,
                                       std::int64_t page_head) const {
  return rows_[sequence].data() + (position * 2 * problem_.kv_heads + page_head) * problem_.dim;
}

SoftmaxCudaArgs SoftmaxDeviceProblem::args() const {
  return {.q = device_q_.data(),
          .out = out_.data(),
          .dtype = problem_.dtype,
          .cache_dtype = cache_dtype(problem_),
          .cu_seqlens = device_cu_seqlens_.data(),
          .caches = reinterpret_cast<const KvCacheView*>(caches_.data()),
          .tokens = rows_of(problem_),
          .batch = std::ssize(problem_.lengths),
          .heads = problem_.heads,
          .kv_heads = problem_.kv_heads,
          .head_dim = problem_.dim,
          .sliding_window = problem_.window,
          .longest = problem_.longest,
          .multiprocessors = multiprocessors()};
}

std::vector<double> SoftmaxDeviceProblem::result() const {
  const std::vector<std::byte> bytes = out_.to_host();
  std::vector<double> values(q_.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = problem_.dtype == DType::kF32
                    ? reinterpret_cast<const float*>(bytes.data())[i]
                    : tensor::to_float(reinterpret_cast<const tensor::BFloat16*>(bytes.data())[i]);
  }
  return values;
}

std::vector<double> SoftmaxDeviceProblem::expected(std::size_t sequence, std::int64_t token,
                                                   std::int64_t head) const {
  const std::int64_t dim = problem_.dim;
  const std::int64_t kv_head = head / (problem_.heads / problem_.kv_heads);
  const float* q = q_.data() + ((cu_seqlens_[sequence] + token) * problem_.heads + head) * dim;
  const std::int64_t last = value_or_0(problem_.before, sequence) + token;
  const std::int64_t first =
      problem_.window > 0 ? std::max<std::int64_t>(0, last + 1 - problem_.window) : 0;
  std::vector<double> scores;
  for (std::int64_t position = first; position <= last; ++position) {
    const float* k = key(sequence, position, kv_head);
    float sum = 0.0f;
    for (std::int64_t d = 0; d < dim; ++d) {
      sum += q[d] * k[d];
    }
    scores.push_back(static_cast<double>(sum) / std::sqrt(static_cast<double>(dim)));
  }
  const double most = *std::max_element(scores.begin(), scores.end());
  std::vector<double> out(static_cast<std::size_t>(dim));
  double total = 0.0;
  for (std::int64_t position = first; position <= last; ++position) {
    const double weight = std::exp(scores[static_cast<std::size_t>(position - first)] - most);
    const float* v = key(sequence, position, problem_.kv_heads + kv_head);
    total += weight;
    for (std::int64_t d = 0; d < dim; ++d) {
      out[static_cast<std::size_t>(d)] += weight * v[d];
    }
  }
  std::for_each(out.begin(), out.end(), [&](double& x) { x /= total; });
  return out;
}

double SoftmaxDeviceProblem::error(std::vector<std::size_t> sequences) const {
  const std::vector<double> found = result();
  if (sequences.empty()) {
    sequences.resize(problem_.lengths.size());
    std::iota(sequences.begin(), sequences.end(), std::size_t{0});
  }
  std::int64_t pairs = 0;
  for (const std::size_t b : sequences) {
    pairs += problem_.lengths[b] * problem_.heads *
             (value_or_0(problem_.before, b) + problem_.lengths[b]);
  }
  const std::int64_t step = 1 + pairs / kMostPairs;
  std::vector<double> wanted;
  std::vector<double> seen;
  for (const std::size_t b : sequences) {
    for (std::int64_t row = 0; row < problem_.lengths[b] * problem_.heads; ++row) {
      const auto begin = found.begin() + (cu_seqlens_[b] * problem_.heads + row) * problem_.dim;
      if (!std::all_of(begin, begin + problem_.dim, [](double x) { return std::isfinite(x); })) {
        return NAN;
      }
      if (row % step == 0) {
        const std::vector<double> out = expected(b, row / problem_.heads, row % problem_.heads);
        wanted.insert(wanted.end(), out.begin(), out.end());
        seen.insert(seen.end(), begin, begin + problem_.dim);
      }
    }
  }
  return relative_error(seen, wanted);
}

}  // namespace minimax::ops::cuda::testing
