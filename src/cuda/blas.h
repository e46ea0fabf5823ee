// SPDX-License-Identifier: Apache-2.0
// Dense matrix products by cuBLASLt, which is loaded when the first one is asked for: a program
// with CUDA in it runs on machines without the library as long as it stays on the CPU.
#pragma once

#include <cstdint>
#include <memory>

#include "cuda/stream.h"
#include "tensor/dtype.h"

namespace minimax::cuda {

/// out = x weight^T, rows consecutive, sums in float32.
struct DenseProduct {
  const void* x;       // [rows, inner] of `dtype`
  const void* weight;  // [columns, inner] of `dtype`
  void* out;           // [rows, columns] of out_dtype, a row every out_stride elements
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t inner;
  std::int64_t out_stride;
  tensor::DType dtype;      // F32 or BF16; float32 is not rounded to tf32
  tensor::DType out_dtype;  // F32 or BF16
};

class Blas {
 public:
  /// Throws: Error{kDevice} naming the library or function that is missing.
  Blas();
  ~Blas();
  Blas(const Blas&) = delete;
  Blas& operator=(const Blas&) = delete;

  /// Plans are kept by shape: a shape that was seen before costs a launch. False, and nothing is
  /// done, where the library has no algorithm for the shape, as for one column of bfloat16.
  /// Throws: Error{kDevice} where the library fails.
  [[nodiscard]] bool multiply(Stream stream, const DenseProduct& product);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace minimax::cuda
