// SPDX-License-Identifier: Apache-2.0
#include "tensor/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/check.h"

namespace minimax::tensor {

Shape::Shape(std::initializer_list<std::int64_t> extents)
    : Shape(std::span(extents.begin(), extents.size())) {}

Shape::Shape(std::span<const std::int64_t> extents) {
  base::check(extents.size() <= kMaxRank, ErrorCode::kInvalidArgument, [&] {
    return fmt::format("shape: expected at most {} axes, found {}", kMaxRank, extents.size());
  });
  for (const std::int64_t extent : extents) {
    base::check(extent >= 0 && !__builtin_mul_overflow(elements_, extent, &elements_),
                ErrorCode::kInvalidArgument, [&] {
                  return fmt::format(
                      "shape [{}]: expected extents from 0 with a product below 2^63",
                      fmt::join(extents, ", "));
                });
    extents_[static_cast<std::size_t>(rank_++)] = extent;
  }
}

std::string Shape::to_string() const {
  return fmt::format("[{}]",
                     fmt::join(std::span(extents_).first(static_cast<std::size_t>(rank_)), ", "));
}

}  // namespace minimax::tensor
