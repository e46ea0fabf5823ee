// SPDX-License-Identifier: Apache-2.0
// embedding in plain loops.
#include "ops/embedding/embedding_kernels.h"
#include "tensor/float16.h"

namespace minimax::ops::reference {
namespace {

template <class T>
void copy_rows(const EmbeddingRows& args, std::int64_t begin, std::int64_t end) {
  const T* table = reinterpret_cast<const T*>(args.table);
  for (std::int64_t t = begin; t < end; ++t) {
    for (std::int64_t i = 0; i < args.width; ++i) {
      args.out[t * args.width + i] = tensor::to_float(table[args.token_ids[t] * args.width + i]);
    }
  }
}

}  // namespace

void embedding(const EmbeddingRows& args, std::int64_t begin, std::int64_t end) {
  switch (args.dtype) {
    case tensor::DType::kF16:
      return copy_rows<tensor::Float16>(args, begin, end);
    case tensor::DType::kBF16:
      return copy_rows<tensor::BFloat16>(args, begin, end);
    default:
      return copy_rows<float>(args, begin, end);
  }
}

}  // namespace minimax::ops::reference
