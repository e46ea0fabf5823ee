// SPDX-License-Identifier: Apache-2.0
#include "ops/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>

namespace minimax::ops {
namespace {

using tensor::DType;
using tensor::Tensor;

bool matches(const tensor::Shape& shape, std::initializer_list<std::int64_t> expected) {
  if (shape.rank() != static_cast<int>(expected.size())) {
    return false;
  }
  int axis = 0;
  for (const std::int64_t extent : expected) {
    if (extent != Checks::kAny && extent != shape[axis]) {
      return false;
    }
    ++axis;
  }
  return true;
}

std::string shape_text(std::initializer_list<std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    text += text.size() > 1 ? ", " : "";
    text += extent == Checks::kAny ? "*" : std::to_string(extent);
  }
  return text + "]";
}

std::string types_text(std::initializer_list<DType> dtypes) {
  std::string text;
  for (const DType dtype : dtypes) {
    text += text.empty() ? "" : " or ";
    text += tensor::dtype_name(dtype);
  }
  return text;
}

bool overlap(const Tensor& a, const Tensor& b) {
  const std::less<const std::byte*> before;
  return before(a.bytes_begin(), b.bytes_begin() + b.bytes()) &&
         before(b.bytes_begin(), a.bytes_begin() + a.bytes());
}

}  // namespace

void Checks::tensor(const char* name, const Tensor& tensor, DType dtype,
                    std::initializer_list<std::int64_t> shape) const {
  this->tensor(name, tensor, {dtype}, shape);
}

void Checks::activations(const char* name, const Tensor& tensor,
                         std::initializer_list<std::int64_t> shape) const {
  if (device_ == Device::kCuda) {
    this->tensor(name, tensor, {DType::kF32, DType::kBF16}, shape);
  } else {
    this->tensor(name, tensor, DType::kF32, shape);
  }
}

void Checks::tensor(const char* name, const Tensor& tensor, std::initializer_list<DType> dtypes,
                    std::initializer_list<std::int64_t> shape) const {
  const bool known = std::find(dtypes.begin(), dtypes.end(), tensor.dtype()) != dtypes.end();
  that(known && matches(tensor.shape(), shape), [&] {
    return fmt::format("{}: expected {} {}, found {} {}", name, types_text(dtypes),
                       shape_text(shape), tensor::dtype_name(tensor.dtype()),
                       tensor.shape().to_string());
  });
  that(!tensor.empty() || tensor.elements() == 0,
       [&] { return fmt::format("{}: expected elements, found a null pointer", name); });
}

void Checks::shape(const char* name, const quant::Matrix& matrix,
                   std::initializer_list<std::int64_t> shape) const {
  that(matches(matrix.shape(), shape), [&] {
    return fmt::format("{}: expected {}, found {}", name, shape_text(shape),
                       matrix.shape().to_string());
  });
}

void Checks::matrix(const char* name, const quant::Matrix& matrix,
                    std::initializer_list<std::int64_t> shape) const {
  this->shape(name, matrix, shape);
  that(!matrix.empty() || matrix.bytes() == 0,
       [&] { return fmt::format("{}: expected elements, found a null pointer", name); });
}

void Checks::same_or_disjoint(const char* name, const Tensor& tensor, const char* other_name,
                              const Tensor& other) const {
  const bool same = tensor.bytes_begin() == other.bytes_begin() && tensor.bytes() == other.bytes();
  if (!same) {
    disjoint(name, tensor, other_name, other);
  }
}

void Checks::disjoint(const char* name, const Tensor& tensor, const char* other_name,
                      const Tensor& other) const {
  that(!overlap(tensor, other), [&] {
    return fmt::format("{}: expected memory apart from {}, found an overlap", name, other_name);
  });
}

void Checks::equal(const char* name, std::int64_t found, std::int64_t expected) const {
  that(found == expected,
       [&] { return fmt::format("{}: expected {}, found {}", name, expected, found); });
}

void Checks::in_range(const char* name, std::int64_t found, std::int64_t begin,
                      std::int64_t end) const {
  that(begin <= found && found < end, [&] {
    return fmt::format("{}: expected a value from {} to {}, found {}", name, begin, end - 1, found);
  });
}

std::int64_t Checks::sequences(std::span<const std::int64_t> cu_seqlens,
                               std::int64_t tokens) const {
  that(!cu_seqlens.empty(), [] { return "cu_seqlens: expected at least one offset, found none"; });
  const auto fits = [&] {
    return std::is_sorted(cu_seqlens.begin(), cu_seqlens.end()) && cu_seqlens.front() == 0 &&
           cu_seqlens.back() == tokens;
  };
  that(!reads_values() || fits(), [&] {
    return fmt::format("cu_seqlens: expected offsets rising from 0 to {}, found [{}]", tokens,
                       fmt::join(cu_seqlens.begin(), cu_seqlens.end(), ", "));
  });
  return static_cast<std::int64_t>(cu_seqlens.size()) - 1;
}

}  // namespace minimax::ops
