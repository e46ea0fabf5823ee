// SPDX-License-Identifier: Apache-2.0
// The choice of the kernel for prompts, and the kernel in float32 throughout: any head dimension,
// simple, for float32 activations and as a check of the others.
#include <cuda_runtime.h>

#include <string>

#include "base/check.h"
#include "cuda/check.h"
#include "cuda/device.h"
#include "ops/lightning_attention/lightning_attention_parts.cuh"

namespace minimax::ops::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kChunk = 16;    // tokens
constexpr int kColumns = 16;  // of the values, a block
constexpr int kMaxDim = 128;

// One block has up to 16 columns of one head's state; grid [D / 16 rounded up, H, B].
struct ExactShared {
  float q[kChunk][kMaxDim + 1];
  float k[kChunk][kMaxDim + 1];
  float v[kChunk][kColumns + 1];
  float scores[kChunk][kChunk + 1];
  float state[kMaxDim][kColumns + 1];
  DecayFactor decay[kChunk + 1];
};

template <class T>
struct ExactHead {
  const T* qkv;  // of the chunk's first token and this head
  std::int64_t stride;
  int dim;
  int column;   // the first of this block
  int columns;  // of this block
  bool activated;
};

template <class T>
__device__ float load_activated(const ExactHead<T>& head, int token, int element) {
  const float x = load_number(head.qkv + token * head.stride + element);
  return head.activated ? x : silu(x);
}

template <class T>
__device__ void load_chunk(ExactShared& shared, const ExactHead<T>& head, int rows) {
  for (int i = threadIdx.x; i < rows * head.dim; i += kThreads) {
    const int row = i / head.dim;
    const int column = i % head.dim;
    shared.q[row][column] = load_activated(head, row, column);
    shared.k[row][column] = load_activated(head, row, head.dim + column);
  }
  for (int i = threadIdx.x; i < rows * kColumns; i += kThreads) {
    const int column = i % kColumns;
    shared.v[i / kColumns][column] =
        column < head.columns
            ? load_activated(head, i / kColumns, 2 * head.dim + head.column + column)
            : 0.0f;
  }
}

__device__ void exact_scores(ExactShared& shared, int rows, int dim) {
  for (int n = threadIdx.x; n < rows * rows; n += kThreads) {
    const int i = n / rows;
    const int j = n % rows;
    float sum = 0.0f;
    for (int d = 0; j <= i && d < dim; ++d) {
      sum = fmaf(shared.q[i][d], shared.k[j][d], sum);
    }
    shared.scores[i][j] = j <= i ? sum * shared.decay[i - j].high : 0.0f;
  }
}

template <class T, class U>
__device__ void exact_outputs(const ExactShared& shared, int rows, const ExactHead<T>& head, U* out,
                              std::int64_t stride) {
  for (int n = threadIdx.x; n < rows * kColumns; n += kThreads) {
    const int i = n / kColumns;
    const int column = n % kColumns;
    float sum = 0.0f;
    for (int d = 0; d < head.dim; ++d) {
      sum = fmaf(shared.q[i][d], shared.state[d][column], sum);
    }
    sum *= shared.decay[i + 1].high;
    for (int j = 0; j <= i; ++j) {
      sum = fmaf(shared.scores[i][j], shared.v[j][column], sum);
    }
    if (column < head.columns) {
      store_number(out + i * stride + column, sum);
    }
  }
}

__device__ void exact_state(ExactShared& shared, int rows, int dim) {
  for (int n = threadIdx.x; n < dim * kColumns; n += kThreads) {
    const int d = n / kColumns;
    const int column = n % kColumns;
    float sum = apply(shared.decay[rows], shared.state[d][column]);
    for (int j = 0; j < rows; ++j) {
      sum = fmaf(shared.k[j][d] * shared.decay[rows - 1 - j].high, shared.v[j][column], sum);
    }
    shared.state[d][column] = sum;
  }
}

template <class In, class Out>
__global__ __launch_bounds__(kThreads) void exact_kernel(LightningCudaArgs args) {
  __shared__ ExactShared shared;
  const std::int64_t begin = args.cu_seqlens[blockIdx.z];
  const std::int64_t end = args.cu_seqlens[blockIdx.z + 1];
  if (begin >= end) {
    return;
  }
  const int dim = static_cast<int>(args.head_dim);
  const int head = blockIdx.y;
  const int column = blockIdx.x * kColumns;
  const int columns = min(kColumns, dim - column);
  const std::int64_t stride = args.heads * 3 * dim;
  const std::int64_t out_stride = args.heads * dim;
  float* state = args.states[blockIdx.z] + static_cast<std::int64_t>(head) * dim * dim + column;
  for (int i = threadIdx.x; i <= kChunk; i += kThreads) {
    shared.decay[i] = decay_factor(args.decay[head], i);
  }
  for (int i = threadIdx.x; i < dim * kColumns; i += kThreads) {
    const int c = i % kColumns;
    shared.state[i / kColumns][c] = c < columns ? state[i / kColumns * dim + c] : 0.0f;
  }
  for (std::int64_t t = begin; t < end; t += kChunk) {
    const int rows = static_cast<int>(min(end - t, static_cast<std::int64_t>(kChunk)));
    const In* qkv = static_cast<const In*>(args.qkv) + t * stride + head * 3 * dim;
    Out* out = static_cast<Out*>(args.out) + t * out_stride + head * dim + column;
    const ExactHead<In> tokens{qkv,    stride,  dim,
                               column, columns, args.input == LightningInput::kActivated};
    load_chunk(shared, tokens, rows);
    __syncthreads();
    exact_scores(shared, rows, dim);
    __syncthreads();
    exact_outputs(shared, rows, tokens, out, out_stride);
    __syncthreads();
    exact_state(shared, rows, dim);
    __syncthreads();
  }
  for (int i = threadIdx.x; i < dim * columns; i += kThreads) {
    state[i / columns * dim + i % columns] = shared.state[i / columns][i % columns];
  }
}

bool is_activation(tensor::DType type) {
  return type == tensor::DType::kF32 || type == tensor::DType::kBF16;
}

void check_args(const LightningCudaArgs& args) {
  base::check(is_activation(args.qkv_type) && is_activation(args.out_type),
              ErrorCode::kInvalidArgument,
              "lightning_attention: expected activations of type BF16 or F32");
  base::check(args.head_dim >= 1 && args.head_dim <= kMaxDim, ErrorCode::kInvalidArgument, [&] {
    return "lightning_attention: head_dim: expected a size from 1 to 128 on a GPU, found " +
           std::to_string(args.head_dim);
  });
}

}  // namespace

void lightning_exact(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  const dim3 grid(static_cast<unsigned>((args.head_dim + kColumns - 1) / kColumns),
                  static_cast<unsigned>(args.heads), static_cast<unsigned>(args.batch));
  visit_types(args, [&]<class In, class Out>(const In*, Out*) {
    exact_kernel<In, Out><<<grid, kThreads, 0, stream>>>(args);
  });
  minimax::cuda::check_launch("lightning_attention");
}

LightningKernel lightning_kernel(const LightningCudaArgs& args) {
  if (args.qkv_type == tensor::DType::kF32 || args.head_dim % 16 != 0) {
    return LightningKernel::kExact;
  }
  return args.head_dim == kMaxDim && minimax::cuda::has_hopper() ? LightningKernel::kHopper
                                                                 : LightningKernel::kMma;
}

void lightning_attention(const LightningCudaArgs& args, LightningKernel kernel,
                         minimax::cuda::Stream stream) {
  check_args(args);
  if (args.tokens == 0 || args.batch == 0 || args.heads == 0) {
    return;
  }
  switch (kernel) {
    case LightningKernel::kExact:
      return lightning_exact(args, stream);
    case LightningKernel::kMma:
      return lightning_mma(args, stream);
    case LightningKernel::kHopper:
      return lightning_hopper(args, stream);
  }
}

void lightning_attention(const LightningCudaArgs& args, minimax::cuda::Stream stream) {
  lightning_attention(args, lightning_kernel(args), stream);
}

}  // namespace minimax::ops::cuda
