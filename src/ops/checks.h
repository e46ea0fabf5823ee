// SPDX-License-Identifier: Apache-2.0
// Checks of the arguments of operations. Every message names the operation, the argument, what was
// expected and what was found.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "base/check.h"
#include "ops/context.h"
#include "quant/matrix.h"
#include "tensor/tensor.h"

namespace minimax::ops {

class Checks {
 public:
  static constexpr std::int64_t kAny = -1;  // an extent that may have any value

  Checks(const char* operation, const Context& ctx) : operation_(operation), device_(ctx.device) {}

  /// Whether the values of tensors and arrays can be read here.
  bool reads_values() const { return device_ != Device::kCuda; }

  /// All functions throw Error{kInvalidArgument} where their claim does not hold.
  void tensor(const char* name, const tensor::Tensor& tensor, tensor::DType dtype,
              std::initializer_list<std::int64_t> shape) const;
  /// As above, F32 or, on a GPU, BF16.
  void activations(const char* name, const tensor::Tensor& tensor,
                   std::initializer_list<std::int64_t> shape) const;
  /// As above, for one of several types.
  void tensor(const char* name, const tensor::Tensor& tensor,
              std::initializer_list<tensor::DType> dtypes,
              std::initializer_list<std::int64_t> shape) const;
  /// Weights of any format, which may have no data.
  void shape(const char* name, const quant::Matrix& matrix,
             std::initializer_list<std::int64_t> shape) const;
  /// The same with data.
  void matrix(const char* name, const quant::Matrix& matrix,
              std::initializer_list<std::int64_t> shape) const;
  /// The two share no byte, or are the same bytes.
  void same_or_disjoint(const char* name, const tensor::Tensor& tensor, const char* other_name,
                        const tensor::Tensor& other) const;
  /// The two share no byte.
  void disjoint(const char* name, const tensor::Tensor& tensor, const char* other_name,
                const tensor::Tensor& other) const;
  void equal(const char* name, std::int64_t found, std::int64_t expected) const;
  /// begin <= found < end.
  void in_range(const char* name, std::int64_t found, std::int64_t begin, std::int64_t end) const;
  /// Offsets of sequences among `tokens` rows: from 0, never falling, up to `tokens`.
  /// Returns the number of sequences. The offsets are looked at where reads_values().
  std::int64_t sequences(std::span<const std::int64_t> cu_seqlens, std::int64_t tokens) const;
  /// `message` returns the text after the operation's name.
  template <std::invocable F>
  void that(bool condition, F&& message) const {
    base::check(condition, ErrorCode::kInvalidArgument,
                [&] { return std::string(operation_) + ": " + std::string(message()); });
  }

 private:
  const char* operation_;
  Device device_;
};

}  // namespace minimax::ops
