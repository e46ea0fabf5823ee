// SPDX-License-Identifier: Apache-2.0
// Rows padded to one length, and the same tokens without the padding. B: rows, T: columns, P:
// tokens that are no padding.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "minimax/config.h"
#include "minimax/inputs.h"
#include "minimax/outputs.h"

namespace minimax::engine {

/// Where the tokens of padded rows lie: each row has one run of them.
class Packing {
 public:
  /// Throws: Error{kInvalidArgument} naming the argument whose size, mask or ids do not fit.
  Packing(const ModelInputs& inputs, const MiniMaxConfig& config);

  std::int64_t batch_size() const { return static_cast<std::int64_t>(first_column_.size()); }
  std::int64_t length() const { return length_; }             ///< T
  std::int64_t tokens() const { return cu_seqlens_.back(); }  ///< P
  bool has_padding() const { return tokens() < batch_size() * length_; }
  std::int64_t tokens_of(std::int64_t row) const;
  std::int64_t first_column(std::int64_t row) const;
  /// [B + 1]: the packed tokens of row b are those from [b] to [b + 1].
  std::span<const std::int64_t> cu_seqlens() const { return cu_seqlens_; }

  /// The packed index of a padded position, or -1 for padding.
  std::int64_t index_of(std::int64_t row, std::int64_t column) const;

  /// The tokens without padding: [P] of [B, T] groups of `width` values.
  template <class T>
  std::vector<T> pack(std::span<const T> padded, std::int64_t width = 1) const;

  /// The last `columns` columns with padding: [B, columns, width], zero where there is no token.
  /// `rows` has a group of `width` values for every token in these columns, in packed order.
  FloatTensor unpack(std::vector<float> rows, std::int64_t width, std::int64_t columns) const;
  FloatTensor unpack(std::vector<float> rows, std::int64_t width) const {
    return unpack(std::move(rows), width, length_);
  }

  /// The packed indices of the tokens in the last `columns` columns.
  std::vector<std::int32_t> last_columns(std::int64_t columns) const;

 private:
  std::int64_t length_ = 0;
  std::vector<std::int64_t> first_column_;  // [B]
  std::vector<std::int64_t> cu_seqlens_;    // [B + 1]
};

template <class T>
std::vector<T> Packing::pack(std::span<const T> padded, std::int64_t width) const {
  std::vector<T> packed;
  packed.reserve(static_cast<std::size_t>(tokens() * width));
  for (std::int64_t row = 0; row < batch_size(); ++row) {
    const auto begin = padded.begin() + (row * length_ + first_column(row)) * width;
    packed.insert(packed.end(), begin, begin + tokens_of(row) * width);
  }
  return packed;
}

}  // namespace minimax::engine
