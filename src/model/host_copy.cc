// SPDX-License-Identifier: Apache-2.0
#include "model/host_copy.h"

namespace minimax::model {

HostCopy::HostCopy(const tensor::Memory& memory, const quant::Matrix& matrix)
    : memory_(memory), original_(matrix), matrix_(matrix) {
  if (!memory.is_host) {
    buffer_ = tensor::Buffer::allocate(matrix.bytes());
    matrix_ = matrix.at(buffer_.data());
    memory.copy(buffer_.data(), matrix.bytes_begin(), matrix.bytes());
  }
}

void HostCopy::write_back() const {
  if (!memory_.is_host) {
    memory_.copy(original_.bytes_begin(), matrix_.bytes_begin(), matrix_.bytes());
  }
}

}  // namespace minimax::model
