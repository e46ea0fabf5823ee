// SPDX-License-Identifier: Apache-2.0
// Weights that may lie on a device, where the host reads and writes them.
#pragma once

#include "quant/matrix.h"
#include "tensor/memory.h"

namespace minimax::model {

/// A matrix on the host: the one in `memory` itself where that is the host's, else a copy.
class HostCopy {
 public:
  /// Throws: Error{kOutOfMemory}.
  HostCopy(const tensor::Memory& memory, const quant::Matrix& matrix);

  const quant::Matrix& matrix() const { return matrix_; }
  /// Takes what was written to matrix() over to where it was copied from.
  void write_back() const;

 private:
  const tensor::Memory& memory_;
  quant::Matrix original_;
  tensor::Buffer buffer_;
  quant::Matrix matrix_;
};

}  // namespace minimax::model
