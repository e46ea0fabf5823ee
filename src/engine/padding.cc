// SPDX-License-Identifier: Apache-2.0
#include "engine/padding.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/check.h"

namespace minimax::engine {
namespace {

void check_argument(bool ok, const char* name, const std::string& expected, std::int64_t found) {
  base::check(ok, ErrorCode::kInvalidArgument,
              [&] { return fmt::format("{}: expected {}, found {}", name, expected, found); });
}

template <class T>
std::int64_t count(std::span<const T> values) {
  return static_cast<std::int64_t>(values.size());
}

// T, from whichever of input_ids and inputs_embeds is given.
std::int64_t length_of(const ModelInputs& inputs, std::int64_t hidden_size) {
  base::check(inputs.input_ids.empty() != inputs.inputs_embeds.empty(), ErrorCode::kInvalidArgument,
              [&] {
                return fmt::format("expected exactly one of input_ids and inputs_embeds, found {}",
                                   inputs.input_ids.empty() ? "none" : "both");
              });
  check_argument(inputs.batch_size >= 1, "batch_size", "at least 1", inputs.batch_size);
  const bool has_ids = !inputs.input_ids.empty();
  const std::int64_t values = has_ids ? count(inputs.input_ids) : count(inputs.inputs_embeds);
  const std::int64_t of_column = inputs.batch_size * (has_ids ? 1 : hidden_size);
  check_argument(values % of_column == 0, has_ids ? "input_ids" : "inputs_embeds",
                 fmt::format("a multiple of {} values, {} of each of {} rows", of_column,
                             of_column / inputs.batch_size, inputs.batch_size),
                 values);
  return values / of_column;
}

// The mask of the last `length` columns of a row.
std::span<const std::int32_t> mask_of(const ModelInputs& inputs, std::int64_t row,
                                      std::int64_t length) {
  const std::int64_t columns = count(inputs.attention_mask) / inputs.batch_size;
  return inputs.attention_mask.subspan(static_cast<std::size_t>((row + 1) * columns - length),
                                       static_cast<std::size_t>(length));
}

}  // namespace

Packing::Packing(const ModelInputs& inputs, const MiniMaxConfig& config)
    : length_(length_of(inputs, config.hidden_size)), cu_seqlens_{0} {
  const std::int64_t mask_size = count(inputs.attention_mask);
  check_argument(mask_size % inputs.batch_size == 0 &&
                     (mask_size == 0 || mask_size >= inputs.batch_size * length_),
                 "attention_mask",
                 fmt::format("{} rows of at least {} values", inputs.batch_size, length_),
                 mask_size);
  check_argument(
      inputs.position_ids.empty() || count(inputs.position_ids) == inputs.batch_size * length_,
      "position_ids", fmt::format("{} values", inputs.batch_size * length_),
      count(inputs.position_ids));
  for (std::int64_t row = 0; row < inputs.batch_size; ++row) {
    std::int64_t begin = 0;
    std::int64_t end = length_;
    if (mask_size > 0) {
      const auto mask = mask_of(inputs, row, length_);
      const auto is_token = [](std::int32_t value) { return value == 1; };
      const auto first = std::find_if(mask.begin(), mask.end(), is_token);
      const auto last = std::find_if_not(first, mask.end(), is_token);
      begin = first - mask.begin();
      end = last - mask.begin();
      base::check(begin < end &&
                      std::all_of(
                          last, mask.end(), [](auto v) { return v == 0; }) &&
                      std::all_of(
                          mask.begin(), first, [](auto v) { return v == 0; }),
                  ErrorCode::kInvalidArgument, [&] {
                    return fmt::format(
                        "attention_mask: expected one run of ones in row {}, with zeros before or "
                        "after it",
                        row);
                  });
    }
    first_column_.push_back(begin);
    cu_seqlens_.push_back(cu_seqlens_.back() + end - begin);
  }
}

std::int64_t Packing::tokens_of(std::int64_t row) const {
  return cu_seqlens_[static_cast<std::size_t>(row + 1)] -
         cu_seqlens_[static_cast<std::size_t>(row)];
}

std::int64_t Packing::first_column(std::int64_t row) const {
  return first_column_[static_cast<std::size_t>(row)];
}

std::int64_t Packing::index_of(std::int64_t row, std::int64_t column) const {
  const std::int64_t in_row = column - first_column(row);
  return 0 <= in_row && in_row < tokens_of(row)
             ? cu_seqlens_[static_cast<std::size_t>(row)] + in_row
             : -1;
}

FloatTensor Packing::unpack(std::vector<float> rows, std::int64_t width,
                            std::int64_t columns) const {
  FloatTensor padded{.shape = {batch_size(), columns, width}, .values = {}};
  if (!has_padding()) {
    padded.values = std::move(rows);
    return padded;
  }
  padded.values.resize(static_cast<std::size_t>(batch_size() * columns * width));
  auto from = rows.begin();
  for (std::int64_t row = 0; row < batch_size(); ++row) {
    for (std::int64_t column = length_ - columns; column < length_; ++column) {
      if (index_of(row, column) >= 0) {
        const std::int64_t to = row * columns + column - (length_ - columns);
        std::copy(from, from + width, padded.values.begin() + to * width);
        from += width;
      }
    }
  }
  return padded;
}

std::vector<std::int32_t> Packing::last_columns(std::int64_t columns) const {
  std::vector<std::int32_t> indices;
  for (std::int64_t row = 0; row < batch_size(); ++row) {
    for (std::int64_t column = length_ - columns; column < length_; ++column) {
      if (const std::int64_t index = index_of(row, column); index >= 0) {
        indices.push_back(static_cast<std::int32_t>(index));
      }
    }
  }
  return indices;
}

}  // namespace minimax::engine

namespace minimax {

ModelInputs BatchEncoding::inputs() const& {
  ModelInputs inputs(input_ids);
  inputs.batch_size = batch_size;
  inputs.attention_mask = attention_mask;
  return inputs;
}

BatchEncoding pad(std::span<const std::vector<std::int32_t>> rows, PaddingSide side,
                  std::int32_t pad_token_id) {
  base::check(!rows.empty(), ErrorCode::kInvalidArgument,
              "rows: expected at least one, found none");
  std::size_t length = 0;
  for (const std::vector<std::int32_t>& row : rows) {
    base::check(!row.empty(), ErrorCode::kInvalidArgument,
                "rows: expected at least one token in each, found an empty one");
    length = std::max(length, row.size());
  }
  BatchEncoding batch{
      .batch_size = static_cast<std::int64_t>(rows.size()), .input_ids = {}, .attention_mask = {}};
  for (const std::vector<std::int32_t>& row : rows) {
    const std::size_t left = side == PaddingSide::kLeft ? length - row.size() : 0;
    const auto begin = static_cast<std::ptrdiff_t>(batch.input_ids.size() + left);
    batch.input_ids.resize(batch.input_ids.size() + length, pad_token_id);
    batch.attention_mask.resize(batch.attention_mask.size() + length, 0);
    std::copy(row.begin(), row.end(), batch.input_ids.begin() + begin);
    std::fill_n(batch.attention_mask.begin() + begin, row.size(), 1);
  }
  return batch;
}

}  // namespace minimax
