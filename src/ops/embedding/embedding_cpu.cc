// SPDX-License-Identifier: Apache-2.0
// embedding for the CPU: rows widened to float32.
#include "ops/embedding/embedding_kernels.h"
#include "ops/lanes.h"
#include "tensor/float16.h"

namespace minimax::ops::kernels {
namespace {

template <class T>
void copy_rows(const EmbeddingRows& args, std::int64_t begin, std::int64_t end) {
  for (std::int64_t t = begin; t < end; ++t) {
    const T* row = reinterpret_cast<const T*>(args.data) + args.token_ids[t] * args.width;
    float* out = args.out + t * args.width;
    for_each_vec(0, args.width,
                 [&](std::int64_t i, auto lanes) { store(out + i, load(row + i, lanes), lanes); });
  }
}

}  // namespace

template <cpu::Isa>
void embedding(const EmbeddingRows& args, std::int64_t begin, std::int64_t end) {
  switch (args.format) {
    case quant::Format::kF16:
      return copy_rows<tensor::Float16>(args, begin, end);
    case quant::Format::kBF16:
      return copy_rows<tensor::BFloat16>(args, begin, end);
    default:
      return copy_rows<float>(args, begin, end);
  }
}

template void embedding<cpu::kTargetIsa>(const EmbeddingRows&, std::int64_t, std::int64_t);

}  // namespace minimax::ops::kernels
