// SPDX-License-Identifier: Apache-2.0
// The extents of a tensor, outermost first.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace minimax::tensor {

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  /// Requires: at most kMaxRank extents, none negative, whose product fits std::int64_t
  /// (Error{kInvalidArgument} otherwise).
  Shape(std::initializer_list<std::int64_t> extents);
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  /// Extent of an axis; negative axes count from the innermost, as in Python.
  std::int64_t operator[](int axis) const {
    return extents_[static_cast<std::size_t>(axis < 0 ? axis + rank_ : axis)];
  }
  /// Product of all extents; 1 for rank 0.
  std::int64_t elements() const { return elements_; }

  bool operator==(const Shape& other) const = default;

  /// For messages: "[8192, 6144]".
  std::string to_string() const;

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
  std::int64_t elements_ = 1;
};

}  // namespace minimax::tensor
